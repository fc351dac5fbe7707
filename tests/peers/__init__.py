"""Test peers: a WHIP publisher and a WHEP viewer with real HTTP, ICE, DTLS and SRTP, many to a process.

They share no code with `sfu`, so that a misreading of an RFC in one is seen by the other.
"""
