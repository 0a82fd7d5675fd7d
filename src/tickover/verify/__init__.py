"""Checks against a live deployment: the diagnosis of a run that is missing."""
