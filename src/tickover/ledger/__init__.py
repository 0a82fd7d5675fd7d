"""The record of what is owed and what became of it."""
