"""Requests that nobody meant to send, against a whole stack (`make fuzz`)."""
