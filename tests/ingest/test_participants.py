from pathlib import Path

import pytest

from pipeline.ingest.participants import read_people, read_sex
from pipeline.runtime.errors import EmoError

LONDON = Path(__file__).resolve().parents[3] / "shared" / "data" / "london" / "participants.tsv"


def table(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "participants.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "f": "F",
        "Female": "F",
        "W": "F",
        "male": "M",
        "M": "M",
        "o": "X",
        "Other": "X",
        "n/a": "",
        "": "",
    }.items(),
)
def test_spellings_of_sex(text: str, expected: str) -> None:
    assert read_sex(text) == expected


def test_bids(tmp_path: Path) -> None:
    people = read_people(table(tmp_path, "participant_id\tage\tSex", "sub-01\t24\tF", "sub-02\t89+\tn/a"))
    first, second = people.get("sub-01"), people.get("02")
    assert first
    assert second
    assert (first.sex, first.age) == ("F", 24.0)
    assert (second.sex, second.age, second.where) == ("", 89.0, f"{people.path}: line 3")
    assert people.get("03") is None
    assert people.others({"01"}) == ["02"]


@pytest.mark.skipif(not LONDON.is_file(), reason="the London recordings are not here")
def test_london() -> None:
    person = read_people(LONDON).get("001")
    assert person
    assert (person.sex, person.age) == ("F", 24.0)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["name\tsex", "S01\tF"], "line 1: missing column 'participant_id'"),
        (["subject\tsex", "S01\tF", "sub-S01\tM"], "line 3: 'sub-S01' stands twice"),
        (["subject\tsex", "S01\tyes"], "line 2: sex: 'yes' is not one of"),
        (["subject\tage", "S01\told"], "line 2: age: 'old' is not a number of years or n/a"),
        (["subject\tage", "S01\t240"], "line 2: age: 240 is not within 0..130"),
    ],
)
def test_bad_tables(tmp_path: Path, lines: list[str], expected: str) -> None:
    with pytest.raises(EmoError, match=expected.replace("(", r"\(")):
        read_people(table(tmp_path, *lines))
