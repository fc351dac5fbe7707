import struct
import subprocess
import sys
from pathlib import Path

import pytest

from local.setup.environments import ROOT
from sfu.native import build as build_module
from sfu.native.build import SOURCE, BuildError, build, compile_into, library
from sfu.native.fanout import Fanout, Unavailable
from sfu.transport.srtp import OPENSSL
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


def segments(file: bytes) -> dict[int, tuple[int, bytes]]:
    """The program headers of an ELF64 file, least significant byte first: type -> flags and what the segment holds (ELF-64, 6)."""
    (table,) = struct.unpack_from("<Q", file, 32)
    size, count = struct.unpack_from("<HH", file, 54)
    found = {}
    for at in range(table, table + size * count, size):
        kind, flags, offset, _, _, length = struct.unpack_from("<IIQQQQ", file, at)
        found[kind] = (flags, file[offset : offset + length])
    return found


def test_it_is_hardened() -> None:
    """What the flags ask for is in the file: guarded stacks, checked copies, no writable code, no table left to overwrite."""
    compiled()
    file = library().read_bytes()
    assert file[:6] == b"\x7fELF\x02\x01"
    found = segments(file)
    executable, relro, stack, dynamic = 1, 0x6474E552, 0x6474E551, 2
    entries = dict(struct.iter_unpack("<QQ", found[dynamic][1]))
    flags, flags_1 = entries.get(30, 0), entries.get(0x6FFFFFFB, 0)

    assert b"__stack_chk_fail" in file
    assert relro in found
    assert flags & 8 or flags_1 & 1, "not bound before it runs (DF_BIND_NOW, DF_1_NOW)"
    assert not found[stack][0] & executable


def test_how_it_is_built_counts_like_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that was built without a flag is not taken for one with it."""
    before = library()
    monkeypatch.setattr(build_module, "FLAGS", (*build_module.FLAGS, "-DNDEBUG"))
    assert library() != before


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
