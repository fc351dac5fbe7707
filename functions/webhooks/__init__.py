"""Sends accounts their events."""
