"""The control plane: one folder a Lambda function."""
