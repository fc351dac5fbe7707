"""What was used, and what happens when it is too much."""
