"""The packet path's last step in C, and its build. Optional: without it sfu/sending.py does the same in Python."""
