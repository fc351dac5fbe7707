"""The bodies of the owner's API, a module for each thing that an owner can look at or change."""
