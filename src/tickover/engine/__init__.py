"""The Inngest SDK at arm's length: sending events, serving functions."""

PATH = "/api/inngest"
"""Where the engine finds the functions."""
