"""What the owner of an account may see with an account token: limits, usage, live streams, keys."""
