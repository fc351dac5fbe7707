"""`sluice`: the command with which an operator looks after accounts, keys, nodes, sessions and the signing key."""
