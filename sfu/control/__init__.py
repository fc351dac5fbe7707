"""The node's conversation with the control plane: grants, heartbeats, commands, usage."""
