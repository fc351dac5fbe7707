"""Bytes on the wire: RTP, RTCP, NTP timestamps, and what codecs write. No clock, no socket, no session."""
