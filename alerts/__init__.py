"""Floor 2: pure decisions. Rules, lifecycle, suppression, engine. Time is an argument; nothing here does I/O."""
