# Every target sets up what it needs by itself (local/bootstrap.py): only Python 3.11+ and make have to be here.
# A recipe is one plain command, so that make runs it without a shell and a killed make takes the stack with it.
PYTHON ?= python3

# These count where make is told them, and only there: shells export the same names for reasons of their own (tcsh and
# conda set HOST, cloud shells PORT, bash SECONDS).
$(foreach name,HOST PORT SECONDS SEED TIMES AGAINST JSON,$(if $(filter command,$(firstword $(origin $(name)))),,$(eval unexport $(name))))

.PHONY: help up test test-long test-repeat fuzz lint bench bench-admission flood storm test-dynamodb-local test-second-emulator test-localstack test-aws soak test-clients demo lock clean

help up test test-long test-repeat fuzz lint bench bench-admission flood storm test-dynamodb-local test-second-emulator test-localstack test-aws soak test-clients demo lock clean:
	@$(PYTHON) -m local.bootstrap $@
