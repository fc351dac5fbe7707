"""One running node: start, stop, drain, health, metrics."""
