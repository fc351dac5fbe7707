"""Whatever the code or a document refers to is in the repository: the file, and the heading or the item in it."""

import re
from functools import cache
from pathlib import Path

from tests.repository import ROOT, text_files

FOLDERS = (Path(), Path("docs"), Path("docs/decisions"))
"""Where a document is looked for that is named without a folder, after the folder of the one who names it."""

# A document and what may follow it: `#heading`, `, "Heading"`, `, rule 7`, ` (section 4.1)`, ` P18` or ` item 42`.
_MENTION = re.compile(
    r"(?<![\w./-])(?P<name>[\w.-][\w./-]*\.md)\b(?:#(?P<anchor>[\w-]+)|,? \"(?P<heading>[^\"\n]+)\""
    r"|(?:'s)?,? \(?(?:(?P<kind>rule|section|item)s? )?(?P<number>[A-Z]?\d+(?:\.\d+)*[A-Z]?)\b)?"
)
_URL = re.compile(r"https?://[^\s)>\"'`]+")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def headings(document: Path) -> frozenset[str]:
    """The headings of *document*, without the marks of Markdown."""
    text = _FENCE.sub("", (ROOT / document).read_text())
    return frozenset(re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", found) for found in _HEADING.findall(text))


def anchors(document: Path) -> set[str]:
    """The anchors of *document*'s headings, as GitHub makes them: lower case, no punctuation, hyphens for spaces."""
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings(document)}


def _document(name: str, mentioned_in: Path) -> Path | None:
    """The file that *name* means in a file of the repository."""
    for folder in (mentioned_in.parent, *FOLDERS):
        if (ROOT / folder / name).is_file():
            return Path((ROOT / folder / name).resolve().relative_to(ROOT))
    return None


# A file of one of our trees by its path from the root, and a module of ours as Python names it, in backticks.
_TREES = "sfu|functions|shared|local|tests|operator|docs|events|findings"
_PATH = re.compile(rf"(?<![\w./{{}}-])(?:\.\./)*(?P<path>(?:{_TREES})/[\w./-]*\w\.\w+)\b")
_MODULE = re.compile(rf"`(?P<first>{_TREES})(?P<rest>(?:\.[a-z_]\w*)+)`")
EXAMPLES = {"findings/NAME.sh", "functions/x.py", "sfu/__pycache__/x.pyc", "tests/a.py", "tests/c.py"}
"""Files that are named in a test or a manual and are meant to be missing."""


def lost(text: str, mentioned_in: Path) -> list[str]:
    """The files and modules of ours that *text* names and that are not there."""
    files = [found["path"] for found in _PATH.finditer(_URL.sub("", text))]
    gone = [name for name in files if not any((ROOT / base / name).exists() for base in ("", mentioned_in.parent))]
    return [name for name in gone if name not in EXAMPLES] + [
        found[0] for found in _MODULE.finditer(text) if not _is_module(found["first"], found["rest"].split(".")[1:])
    ]


def _is_module(first: str, rest: list[str]) -> bool:
    """Whether the dotted name leads to a module, whatever in it the rest of the name means."""
    folder = ROOT / first
    for name in rest:
        if (folder / f"{name}.py").is_file():
            return True
        folder /= name
    return folder.is_dir()


def dead(text: str, mentioned_in: Path) -> list[str]:
    """The mentions in *text* that lead nowhere."""
    found = []
    for mention in _MENTION.finditer(_URL.sub("", text)):
        document = _document(mention["name"], mentioned_in)
        if document is None:
            found.append(mention[0])
            continue
        heading, number = mention["heading"], mention["number"]
        wrong = (
            (mention["anchor"] is not None and mention["anchor"] not in anchors(document))
            or (heading is not None and heading not in headings(document))
            or (number is not None and not _has_number(document, mention["kind"], number))
        )
        if wrong:
            found.append(mention[0])
    return found


def _has_number(document: Path, kind: str | None, number: str) -> bool:
    """Whether *document* has a heading for the rule or the section *number*, or else an item of a list or a table."""
    if kind in {"rule", "section"}:
        name = rf"(?:{kind} )?" if kind == "section" else r"rule "
        return any(re.match(rf"{name}{re.escape(number)}\b(?!\.\d)", each.lower()) for each in headings(document))
    item = rf"^(?:\| *|[-*] +)?{re.escape(number)}(?:[.:)]| )"
    return re.search(item, (ROOT / document).read_text(), re.MULTILINE) is not None


def test_no_reference_is_dead() -> None:
    """A document that is named is there, and has what it is named for."""
    ours = Path(__file__).relative_to(ROOT)  # its examples are dead
    found = {file.as_posix(): dead((ROOT / file).read_text(), file) for file in text_files() if file != ours}

    assert {file: mentions for file, mentions in found.items() if mentions} == {}


def test_no_file_that_is_named_is_gone() -> None:
    """A file or a module that was moved or renamed is called by its new name everywhere."""
    ours = Path(__file__).relative_to(ROOT)
    found = {file.as_posix(): lost((ROOT / file).read_text(), file) for file in text_files() if file != ours}

    assert {file: names for file, names in found.items() if names} == {}


def test_a_reference_is_followed_into_the_document() -> None:
    """By anchor, by heading, by number; what has none of them leads to the file alone."""
    here = Path("docs/nodes.md")
    some = min(anchors(here))

    assert dead(f"see docs/nodes.md#{some}, nodes.md and local.md", here) == []
    assert dead("https://example.com/nothing.md", here) == []
    assert dead("nodes.md#no-such-heading", here) == ["nodes.md#no-such-heading"]
    assert dead('nodes.md, "No such heading"', here) == ['nodes.md, "No such heading"']
    assert dead("design.md, rules 7 and 8; design.md's rule 1", here) == []
    assert dead("design.md, rule 99; design.md (section 4.1)", here) == ["design.md, rule 99", "design.md (section 4.1"]
    assert dead("gone.md, section 2", here) == ["gone.md, section 2"]
