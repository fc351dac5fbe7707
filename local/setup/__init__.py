"""What make's targets install before they run."""
