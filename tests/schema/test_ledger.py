"""raw/decisions.csv, and what holds by it, against a model that looks at every moment."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import EmoError
from pipeline.schema.decisions import (
    EXCLUDE,
    INCLUDE,
    RELABEL,
    Decision,
    create_ledger,
    format_decisions,
    parse_decisions,
    read_decisions,
    write_decisions,
)
from pipeline.schema.ledger import Ledger, ledger_of
from tests.support.making import clip, decision

CLIP = clip("c1", start_s=1.0, end_s=3.0, duration_s=4.0)
PATH = Path("raw/decisions.csv")


# --- The file -------------------------------------------------------------------------------------


def test_a_study_without_the_file_has_no_decisions(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / "none.csv") == []


def test_the_ledger_keeps_the_order_of_entry_and_further_columns(tmp_path: Path) -> None:
    rows = [decision(2), decision(9, clip="a"), decision(10, "relabel", extra={"room": "2"})]
    write_decisions(rows, tmp_path / "d.csv")
    text = (tmp_path / "d.csv").read_text()
    assert [line.split(",")[0] for line in text.splitlines()] == ["decision", "2", "9", "10"]
    found = read_decisions(tmp_path / "d.csv")
    assert found == rows
    assert found[2].extra == {"room": "2"}
    assert format_decisions(found) == text


def test_an_empty_ledger_is_written_only_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "raw/decisions.csv"
    assert create_ledger(path)
    assert path.read_text() == "decision,recording,clip,start_s,end_s,action,value,reason,rater,date\n"
    path.write_text("mine")
    assert not create_ledger(path)
    assert path.read_text() == "mine"


def test_numbers_may_be_missing_where_a_participant_withdrew() -> None:
    assert parse_decisions(format_decisions([decision(2), decision(5)]), "d.csv")


def test_a_badly_merged_ledger_is_reported_with_line_and_remedy() -> None:
    text = format_decisions([decision(1), decision(2), decision(2, clip="c2")])
    with pytest.raises(EmoError) as error:
        parse_decisions(text, "raw/decisions.csv")
    assert str(error.value) == (
        "raw/decisions.csv: line 4: decision 2 follows decision 2; the ledger only grows: restore earlier "
        "rows as they were (`git checkout -- raw/decisions.csv`), and after a merge put the rows of the "
        "other branch last, numbered from 3"
    )


@pytest.mark.parametrize(
    ("changed", "column"),
    [
        ({"number": 0}, "decision"),
        ({"recording": "abc"}, "recording"),
        ({"clip": "a b"}, "clip"),
        ({"start_s": 1.0}, "end_s"),
        ({"start_s": 2.0, "end_s": 2.0}, "end_s"),
        ({"start_s": 2.0, "end_s": float("inf")}, "end_s"),
        ({"action": "remove"}, "action"),
        ({"value": "sad"}, "value"),
        ({"action": "relabel", "value": "Very sad"}, "value"),
        ({"action": "relabel", "start_s": 0.0, "end_s": 1.0}, "emo exclude"),
        ({"reason": " "}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"rater": "a\tb"}, "rater"),
        ({"date": "28.11.2026"}, "date"),
        ({"date": "20261128"}, "date"),
    ],
)
def test_a_row_that_is_no_decision_is_refused(changed: dict[str, object], column: str) -> None:
    with pytest.raises(ValueError, match=column):
        decision(**changed)  # type: ignore[arg-type]


# --- What holds -----------------------------------------------------------------------------------


def ledger(*decisions: Decision) -> Ledger:
    return ledger_of(decisions, [CLIP])


def times(found: Ledger) -> list[tuple[float, float, int]]:
    return [(one.start_s, one.end_s, one.decision.decision) for one in found.exclusions(CLIP)]


def test_the_last_relabel_decides_the_label() -> None:
    found = ledger(decision(1, RELABEL, value="sad"), decision(2, RELABEL, value="angry"), decision(3))
    assert found.label(CLIP) == "angry"
    assert [c.expression for c in found.labelled([CLIP])] == ["angry"]
    assert ledger().label(CLIP) == CLIP.expression == "happy"


def test_an_include_takes_back_a_part_of_an_exclusion() -> None:
    found = ledger(decision(1), decision(2, INCLUDE, start_s=1.5, end_s=2.0))
    assert times(found) == [(1.0, 1.5, 1), (2.0, 3.0, 1)]
    assert not found.is_excluded(CLIP)
    assert found.is_excluded(CLIP, 2.0, 3.0)
    assert found.has_excluded(CLIP, 1.9, 2.1)
    assert not found.has_excluded(CLIP, 1.5, 2.0)


def test_stretches_that_together_cover_a_clip_exclude_it() -> None:
    found = ledger(decision(1, start_s=0.0, end_s=2.0), decision(2, start_s=2.0, end_s=4.0))
    assert found.is_excluded(CLIP)
    assert times(found) == [(1.0, 2.0, 1), (2.0, 3.0, 2)]


def test_times_are_compared_as_they_are_printed() -> None:
    found = ledger(decision(1, start_s=1.8, end_s=2.0))
    assert found.excluded_by(CLIP, 1.79996)
    assert not found.excluded_by(CLIP, 1.9996)


def test_a_stretch_holds_for_other_clips_of_the_recording_and_a_new_cut() -> None:
    one, other = clip("a", end_s=2.0), clip("b", start_s=2.0)
    found = ledger_of([decision(1, clip="gone", start_s=1.9, end_s=2.2)], [one, other])
    assert found.excluded_by(one, 1.95)
    assert found.excluded_by(other, 2.1)
    assert found.unmatched == []


def test_a_decision_about_a_whole_clip_survives_another_id_if_the_recording_has_one_clip() -> None:
    renamed = clip("renamed")
    found = ledger_of([decision(1, clip="old"), decision(2, RELABEL, clip="old")], [renamed])
    assert found.is_excluded(renamed)
    assert found.label(renamed) == "sad"


def test_a_decision_about_a_clip_that_is_gone_is_not_guessed_to_be_about_another() -> None:
    clips = [clip("a", end_s=1.0), clip("b", start_s=1.0)]
    found = ledger_of([decision(1, clip="old"), decision(2, clip="a", recording="1" * 64)], clips)
    assert [row.decision for row in found.unmatched] == [1, 2]
    assert not any(found.has_excluded(one) for one in clips)


STEPS = 8  # quarters of a second of the clip from 1 to 3 s


@st.composite
def rulings(draw: st.DrawFn) -> list[Decision]:
    rows = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        action = draw(st.sampled_from([EXCLUDE, INCLUDE]))
        if draw(st.booleans()):
            rows.append(decision(number, action))
            continue
        start = draw(st.integers(0, 15))
        end = draw(st.integers(start + 1, 16))
        rows.append(decision(number, action, start_s=start / 4, end_s=end / 4))
    return rows


@given(rulings())
def test_what_holds_is_the_last_row_that_covers_a_moment(rows: list[Decision]) -> None:
    found = ledger(*rows)
    moments = [1.0 + step / 4 + 0.1 for step in range(STEPS)]
    expected: list[int] = []
    for time in moments:
        covering = [
            row
            for row in rows
            if row.start_s is None or (row.end_s is not None and row.start_s <= time < row.end_s)
        ]
        is_out = bool(covering) and covering[-1].action == EXCLUDE
        expected.append(covering[-1].decision if is_out else 0)
    deciding = [found.excluded_by(CLIP, time) for time in moments]
    assert [row.decision if row else 0 for row in deciding] == expected
    assert found.is_excluded(CLIP) == all(expected)
    assert found.has_excluded(CLIP) == any(expected)
    by_stretch = [next((n for start, end, n in times(found) if start <= time < end), 0) for time in moments]
    assert by_stretch == expected


def test_a_still_image_is_excluded_by_a_decision_about_it_only() -> None:
    """It has one moment and no duration."""
    still = replace(CLIP, duration_s=0.0, frames=1, fps=0.0, start_s=None, end_s=None)
    assert not ledger_of([], [still]).is_excluded(still)
    found = ledger_of([decision(1, clip=still.clip, recording=still.sha256)], [still])
    assert found.is_excluded(still)
    assert found.has_excluded(still)
    assert found.excluded_by(still, 0.0)
