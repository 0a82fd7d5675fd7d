"""Moves cron-driven background work onto durable functions, and back, without dropping a tick."""
