"""The rows of the benchmarks, and docs/benchmarks.md, which shows those of the last full run."""

import sys
from pathlib import Path

import pytest

from tests.support.making import TOP

BENCHMARKS = TOP / "benchmarks"


@pytest.fixture(autouse=True)
def beside_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import from the folder of the programs, as they do."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def test_a_row_is_met_up_to_its_target() -> None:
    from _results import bounded, faster, within

    assert faster("c", "peer", (2.0, 40.0), "s", 20).met
    assert not faster("c", "peer", (2.0, 39.9), "s", 20).met
    assert within("c", "limit", (15.0, 10.0), "s", 1.5).met
    assert not within("c", "limit", (15.1, 10.0), "s", 1.5).met
    assert bounded("c", "-", 0.0, "pairs", 0).met
    assert not bounded("c", "-", 1.0, "pairs", 0).met


@pytest.mark.parametrize(
    ("value", "text"), [(1234.4, "1,234"), (99.94, "99.9"), (0.04996, "0.05"), (0, "0"), (1.0, "1")]
)
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    from _results import number

    assert number(value) == text


def test_the_page_shows_the_results() -> None:
    from _document import DOCUMENT, with_figures
    from _results import load

    text = DOCUMENT.read_text(encoding="utf-8")
    found = load()
    for name, part in found.items():
        assert f"<!-- {name} -->" in text
        assert with_figures(text, name, part) == text, f"{name}: run `python benchmarks --only {name}`"
    programs = {path.stem for path in BENCHMARKS.glob("*.py")}
    assert set(found) <= programs


def test_every_program_says_how_to_run_it() -> None:
    for path in sorted(Path(BENCHMARKS).glob("[a-z]*.py")):
        assert f"python benchmarks/{path.name}" in path.read_text(encoding="utf-8"), path.name
