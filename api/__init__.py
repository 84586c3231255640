"""Floor 3: the doors for people and programs: HTTP, live stream and console."""
