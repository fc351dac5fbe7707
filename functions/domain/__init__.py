"""What the control plane decides, and from what. Imports shared and nothing that reads or writes."""
