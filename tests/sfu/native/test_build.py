import subprocess
import sys
from pathlib import Path

import pytest

from local.environments import ROOT
from sfu.native.build import SOURCE, BuildError, build, compile_into, library
from sfu.native.fanout import Fanout, Unavailable
from sfu.srtp import OPENSSL
from tests.sfu.native.compiled import compiled


def test_it_is_built_once() -> None:
    """A second time it lies there."""
    compiled()
    made = library().stat()
    assert build() == library()
    assert library().stat().st_mtime_ns == made.st_mtime_ns


def test_its_command_says_where_it_lies() -> None:
    """As the image's build calls it: with no package installed."""
    compiled()
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, '.'); import sfu.native.build as b; b.main()",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(library())


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ([], "There is no C compiler here"),
        (["/nowhere/cc"], "/nowhere/cc could not be started: No such file or directory"),
        (["false"], "false did not compile fanout.c"),
    ],
)
def test_what_cannot_be_built_is_a_sentence_and_leaves_nothing(tmp_path: Path, command: list[str], says: str) -> None:
    """No traceback, no half-written library."""
    with pytest.raises(BuildError, match=says):
        compile_into(tmp_path / "fanout.so", command)
    assert list(tmp_path.iterdir()) == []


def test_the_source_has_no_warning(tmp_path: Path) -> None:
    """A user's compiler may know more of them, which must not cost the library; ours has to be content."""
    compiled()
    compile_into(tmp_path / "fanout.so", ["cc", "-Werror"])


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """As in a read-only checkout: the node sends in Python then."""
    with pytest.raises(BuildError, match=r"nowhere cannot be written: No such file or directory\."):
        compile_into(tmp_path / "nowhere" / "fanout.so", ["cc"])


def test_a_library_that_is_none_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """Of another C library or word size, say: building again would not help."""
    other = tmp_path / "fanout.so"
    other.write_bytes(b"no library")
    with pytest.raises(Unavailable, match=r"fanout.so cannot be loaded \(.*\); remove it and build it anew"):
        Fanout.load(OPENSSL, other)


def test_a_library_of_another_source_is_never_loaded() -> None:
    """Its name holds a digest of the source that it was made from."""
    with pytest.raises(Unavailable, match=r"fanout-old.so is not here; `python -m sfu.native.build` makes it"):
        Fanout.load(OPENSSL, SOURCE.with_name("fanout-old.so"))
