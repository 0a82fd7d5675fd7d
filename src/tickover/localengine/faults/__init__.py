"""What goes wrong on command: the local engine's own failures, for tests and drills."""
