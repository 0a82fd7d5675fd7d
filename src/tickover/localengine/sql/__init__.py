"""The engine's statements, one file each."""
