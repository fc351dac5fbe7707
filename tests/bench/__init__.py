"""The benchmark: Sluice's node beside MediaMTX and Broadcast Box, on this machine, in one run. `python -m tests.bench --help`."""
