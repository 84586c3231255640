"""Beside the house: a district that misbehaves on demand. Imports `domain` only."""
