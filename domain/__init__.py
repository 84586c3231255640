"""Floor 1: the vocabulary of a watched compound. Pure: no I/O, no clock, no randomness, no logging."""
