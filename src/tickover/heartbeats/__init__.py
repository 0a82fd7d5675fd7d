"""Heartbeats: a monitoring service is told when a tick's work begins and when all of it has ended well."""
