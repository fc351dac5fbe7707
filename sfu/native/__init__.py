"""The packet path's last step in C, and its build. Optional: without it sfu/media/sealing.py does the same in Python."""
