"""One peer's transport and the one UDP socket: ICE-lite, DTLS, SRTP."""
