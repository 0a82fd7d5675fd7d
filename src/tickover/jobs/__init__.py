"""The job queue: stored in PostgreSQL, drained by ticks."""
