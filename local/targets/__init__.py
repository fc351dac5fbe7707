"""What each of make's targets runs, once what it needs is installed."""
