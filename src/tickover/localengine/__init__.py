"""The local engine: a server on loopback that speaks the Inngest protocol, for one machine and for tests.

It is no replacement for Inngest. What it speaks was recorded from the real server; `docs/local-engine.md` says how far
it goes. The application reaches it only as it would reach Inngest: over HTTP.
"""
