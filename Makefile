# Every target sets up what it needs by itself (local/bootstrap.py): only Python 3.11+ and make have to be here.
# A recipe is one plain command, so that make runs it without a shell and a killed make takes the stack with it.
PYTHON ?= python3

.PHONY: help up test fuzz lint bench bench-admission storm test-dynamodb-local test-localstack test-aws soak test-clients demo clean

help up test fuzz lint bench bench-admission storm test-dynamodb-local test-localstack test-aws soak test-clients demo clean:
	@$(PYTHON) -m local.bootstrap $@
