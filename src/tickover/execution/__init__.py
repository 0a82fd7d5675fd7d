"""Carrying out what is owed, the same way on every path."""
