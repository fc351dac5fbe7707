"""`sluice`: the command with which an operator looks after accounts, keys, nodes, sessions and the signing key.

It knows the API by HTTP alone and shares no module with the control plane or the nodes (docs/decisions/020-operator.md).
"""
