"""What stands beside a MediaMTX: its sessions and bytes as those of a node."""
