"""Whatever the code or a document refers to is in the repository: the file, and the heading or the item in it."""

import re
from functools import cache
from pathlib import Path

from tests.repository import ROOT, still, text_files

FOLDERS = (Path(), Path("docs"), Path("docs/decisions"))
"""Where a document is looked for that is named without a folder, after the folder of the one who names it."""

# A document and what may follow it: `#heading`, `, "Heading"`, `, rule 7`, `, section 4.1`, ` P18` or ` item 42`.
_MENTION = re.compile(
    r"(?<![\w./-])(?P<name>[\w.-][\w./-]*\.md)\b(?:#(?P<anchor>[\w-]+)|,? \"(?P<heading>[^\"\n]+)\""
    r"|,? (?:(?:rules?|sections?|items?) )?(?P<number>[A-Z]?\d+(?:\.\d+)*[A-Z]?)\b)?"
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
            or (number is not None and not _has_number(document, number))
        )
        if wrong:
            found.append(mention[0])
    return found


def _has_number(document: Path, number: str) -> bool:
    """Whether a heading, an item of a list or a row of a table of *document* has *number*."""
    begins = rf"^(?:#+ +(?:Rule |Section )?|\| *|- +)?{re.escape(number)}(?:[.:)]| |\b)"
    return re.search(begins, (ROOT / document).read_text(), re.MULTILINE) is not None


def test_no_reference_is_dead() -> None:
    """A document that is named is there, and has what it is named for."""
    ours = Path(__file__).relative_to(ROOT)  # its examples are dead
    found = {file.as_posix(): dead((ROOT / file).read_text(), file) for file in text_files() if file != ours}

    assert {file: mentions for file, mentions in found.items() if mentions and file not in still("references")} == {}


def test_a_reference_is_followed_into_the_document() -> None:
    """By anchor, by heading, by number; what has none of them leads to the file alone."""
    here = Path("docs/nodes.md")
    some = min(anchors(here))

    assert dead(f"see docs/nodes.md#{some}, nodes.md and local.md", here) == []
    assert dead("https://example.com/nothing.md", here) == []
    assert dead("nodes.md#no-such-heading", here) == ["nodes.md#no-such-heading"]
    assert dead('nodes.md, "No such heading"', here) == ['nodes.md, "No such heading"']
    assert dead("nodes.md, rule 99", here) == ["nodes.md, rule 99"]
    assert dead("gone.md, section 2", here) == ["gone.md, section 2"]
