"""What the control plane does in a second and how fast it begins."""
