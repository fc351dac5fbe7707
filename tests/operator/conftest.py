"""The worlds of functions/: what the command does to parameters is seen by the functions that read them."""

from tests.functions.conftest import node, session, world

__all__ = ["node", "session", "world"]
