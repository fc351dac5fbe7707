"""What a peer speaks, sharing no code with the SFU: STUN, DTLS, SRTP, RTCP, SDP, WHIP."""
