"""The edge: stateless SFU nodes that accept WHIP and WHEP only with a signed grant."""
