"""Floor 3: does what was decided: intents out to the world, receipts back."""
