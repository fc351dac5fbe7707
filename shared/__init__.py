"""What the control plane and the edge both speak: refusals, tiers, keys, grants and messages. Pure; no I/O, no clock."""
