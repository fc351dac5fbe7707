"""The documents tell the truth: generated parts are fresh, links lead somewhere, and commands exist."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from docs.generate import pages
from sluice.arguments import parser

ROOT = Path(__file__).resolve().parent.parent
DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(DECISIONS.glob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
MAKE = re.compile(r"`make ([a-z-]+)|^\$ make ([a-z-]+)", re.MULTILINE)


@pytest.mark.parametrize("path", pages(), ids=lambda p: p.name)
def test_generated_pages_are_fresh(path: Path) -> None:
    """`python -m docs.generate` writes them from the registry."""
    assert path.read_text() == pages()[path]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link is a file of the repository."""
    missing = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_make_targets_that_documents_name_exist(document: Path) -> None:
    """A command in a document can be typed."""
    targets = set(re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split())
    named = {first or second for first, second in MAKE.findall(document.read_text())}

    assert named <= targets


def test_the_list_of_decisions_is_complete() -> None:
    """Each page has one line there, by its own title and in the order of the numbers."""
    pages_in_order = sorted(DECISIONS.glob("[0-9]*.md"))
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in pages_in_order]

    listed = re.findall(r"^- .*$", (DECISIONS / "README.md").read_text(), re.MULTILINE)

    assert listed == [f"- [{title}]({page.name})" for title, page in zip(titles, pages_in_order, strict=True)]
    assert [int(title.split(".")[0]) for title in titles] == [int(page.name[:3]) for page in pages_in_order]


def test_readme_names_what_it_promises_to_explain() -> None:
    """Two commands, every documented code, every folder of the layout."""
    readme = (ROOT / "README.md").read_text()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]

    folders = {"operator" if package == "sluice" else package for package in packages}
    assert all(f"`{folder}/`" in readme for folder in folders)
    assert "$ make up" in readme
    assert "$ make test" in readme


CLI = re.compile(r"(?:python -m sluice|(?:`|\$ |/bin/)sluice) ([^`\n]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_operator_commands_in_documents_are_understood(document: Path) -> None:
    """The command line's own parser takes each of them."""
    for command in CLI.findall(document.read_text()):
        parser().parse_args(shlex.split(command))
