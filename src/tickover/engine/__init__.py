"""The Inngest SDK at arm's length: sending events, serving functions."""
