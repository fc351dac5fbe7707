"""All sessions of this process on the one socket: who is here, who may come, who ends."""
