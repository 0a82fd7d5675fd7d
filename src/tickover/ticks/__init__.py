"""A tick: who it is, what is to be done about it, and doing it."""
