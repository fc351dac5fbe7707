"""`make up`: the whole system on one machine, derived from template.yaml."""
