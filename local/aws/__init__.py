"""What stands for AWS on one machine, derived from template.yaml."""
