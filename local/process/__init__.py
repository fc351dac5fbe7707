"""Child processes, their ties and their log."""
