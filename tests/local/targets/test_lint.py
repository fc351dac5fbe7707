"""What `make lint` looks at is what the repository has."""

from local.setup.environments import ROOT
from local.targets.lint import CODE


def test_every_folder_of_code_is_checked() -> None:
    """A tree that is added has to be added here, or nobody types it."""
    held = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    code = {name for name in held - {"node_modules", "build", "htmlcov"} if any((ROOT / name).rglob("*.py"))}

    assert code - {"findings"} == set(CODE)
