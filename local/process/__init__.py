"""Child processes of a stack, what ends them with their parent, and the log of what they say."""
