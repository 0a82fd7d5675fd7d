"""Game days: what goes wrong in the field is done to real processes, and what became of the work is counted."""
