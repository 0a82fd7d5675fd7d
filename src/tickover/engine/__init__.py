"""The Inngest SDK at arm's length: sending events, serving functions."""

PATH = "/api/inngest"
"""Where the engine finds the functions."""

CLOUD, CLOUD_EVENTS = "https://api.inngest.com", "https://inn.gs"
"""Inngest Cloud: its API, and its event API."""
