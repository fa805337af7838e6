"""The pages: all are listed, their links resolve, their lines are short, their output blocks are marked."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
DOCS = sorted((TOP / "docs").glob("*.md"))
TOP_PAGES = [TOP / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "demo/README.md")]
PAGES = [*TOP_PAGES, *DOCS]
INDEX, GLOSSARY = TOP / "docs/README.md", TOP / "docs/glossary.md"

LONGEST_LINE = 120
"""Of prose; tables and code are as wide as they must be."""

FENCE = re.compile(r"^\s*```.*?^\s*```\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)

of_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))


def without_code(page: Path) -> str:
    """Return a page with its code blocks and code spans emptied; line numbers stay."""
    text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
    return re.sub(r"`[^`\n]*`", "", text)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and images, without those on the web."""
    return [target for target in LINK.findall(without_code(page)) if "://" not in target]


def linked_files(page: Path) -> set[Path]:
    return {(page.parent / target.partition("#")[0]).resolve() for target in links(page)}


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Return the links of a page whose file or heading does not exist."""
    found = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        is_missing = not file.exists() or (anchor and anchor not in anchors(file))
        found += [target] if is_missing else []
    return found


def long_lines(page: Path) -> list[str]:
    """Return the lines of prose that are too long, with their numbers."""
    lines = FENCE.sub(
        lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8")
    ).splitlines()
    is_prose = [not line.lstrip().startswith("|") and not line.startswith("    ") for line in lines]
    return [
        f"{page.name}:{number}: {len(line)} characters"
        for number, (line, prose) in enumerate(zip(lines, is_prose, strict=True), 1)
        if prose and len(line) > LONGEST_LINE
    ]


def test_the_index_lists_every_page() -> None:
    assert set(DOCS) - {INDEX} <= linked_files(INDEX)


def test_the_glossary_is_linked_from_the_pages_that_come_first() -> None:
    for page in (TOP / "README.md", TOP / "CONTRIBUTING.md", INDEX):
        assert GLOSSARY in linked_files(page), page


def test_the_glossary_defines_each_term_once() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    terms = [term for row in rows if row != "term" for term in row.split(", ")]
    assert len(terms) > 50
    assert sorted(terms) == sorted(set(terms))


@of_every_page
def test_every_link_and_image_resolves(page: Path) -> None:
    assert broken(page) == []


@of_every_page
def test_no_line_of_prose_is_too_long(page: Path) -> None:
    assert long_lines(page) == []


def test_what_is_written_from_the_code_is_current() -> None:
    """docs/commands.md, docs/params.md and the table of checks in docs/audit.md."""
    command = [sys.executable, "-m", "docs.reference", "--check"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_broken_link_and_a_long_line_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    prose = "[a](missing.md) ![b](missing.png) [c](#no-heading) [d](#a-heading) [e](https://example.org)\n"
    code = f"```\n[f](in_code.md) {'x' * 200}\n```\n| {'x' * 200} |\n"
    page.write_text(f"# A heading\n\n{prose}{code}{'y' * 121}\n")
    assert broken(page) == ["missing.md", "missing.png", "#no-heading"]
    assert long_lines(page) == ["page.md:8: 121 characters"]


def test_python_in_the_readme_imports_what_there_is() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^from (pipeline[\w.]*) import (\w+)$", text, re.MULTILINE)
    assert lines
    for module, name in lines:
        assert hasattr(import_module(module), name), f"{module}.{name}"


def test_every_block_of_output_in_the_readme_is_marked() -> None:
    """Above each table that a command prints, a comment names the command, so that it can be refreshed."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    tables = [block for block in FENCE.findall(text) if "┏" in block]
    marked = re.findall(r"^<!-- output: emo [^>]+ -->\n```$", text, re.MULTILINE)
    assert len(marked) == len(tables) > 0


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    released = re.findall(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", (TOP / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == version
