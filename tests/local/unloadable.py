"""A function that cannot be loaded."""

import a_module_that_nobody_has  # type: ignore[import-not-found] # noqa: F401  # what this module is for
