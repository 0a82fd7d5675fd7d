"""Each function's newest status, mirrored in Redis."""
