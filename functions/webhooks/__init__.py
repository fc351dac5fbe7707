"""Sends accounts their events, by signed POSTs to the URLs that their owners chose."""
