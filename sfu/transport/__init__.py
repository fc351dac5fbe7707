"""The one UDP socket, and the transport to each peer over it: ICE-lite, DTLS, SRTP."""
