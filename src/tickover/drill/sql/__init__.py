"""The drill's statements."""
