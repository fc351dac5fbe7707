"""SDP: what an offer says, what we answer, how it is printed. Pure."""
