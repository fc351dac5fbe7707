"""What a peer sends: pictures, coded and in RTP payloads, and whole clips."""
