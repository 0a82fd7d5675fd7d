"""The local engine's own pages: what came in, what ran, and a picture of how."""
