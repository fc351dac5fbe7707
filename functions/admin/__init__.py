"""What the operator may do."""
