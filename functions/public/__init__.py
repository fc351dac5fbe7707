"""What anybody may read: the page, tiers, the state of a stream, public keys, and the reference of the API."""
