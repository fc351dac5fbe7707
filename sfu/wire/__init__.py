"""Bytes on the wire: RTP, RTCP, NTP timestamps. Pure."""
