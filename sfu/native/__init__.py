"""The last step of the packet path in C, and its build. It is optional: sfu/media/sealing.py does the same in Python."""
