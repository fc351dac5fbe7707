"""The reporter beside a MediaMTX: its sessions and bytes, told to the control plane as those of a node."""
