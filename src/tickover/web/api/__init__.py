"""The JSON API behind the dashboard, for programs: the same figures and the same acts, with tokens."""
