"""Admission for media servers that are not ours."""
