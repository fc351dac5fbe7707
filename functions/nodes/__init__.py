"""What nodes say, and what they are told."""
