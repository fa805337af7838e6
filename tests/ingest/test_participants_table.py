from pathlib import Path

import pytest

from pipeline.ingest.participants_table import read_participants_table, read_sex
from pipeline.runtime.errors import EmoError


def write(path: Path, *lines: str) -> Path:
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
        "non-binary": "X",
        "n/a": "",
        "": "",
    }.items(),
)
def test_spellings_of_sex(text: str, expected: str) -> None:
    assert read_sex(text) == expected


def test_a_bids_participants_file(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    table = read_participants_table(
        write(path, "participant_id\tage\tSex\thandedness", "sub-01\t24\tF\tright", "sub-02\t89+\tn/a\tn/a")
    )
    first, second = table.get("sub-01"), table.get("02")
    assert first
    assert second
    assert (first.sex, first.age) == ("F", 24.0)
    assert (second.sex, second.age, second.where) == ("", 89.0, f"{path}: line 3")
    assert table.get("03") is None
    assert table.others({"01"}) == ["02"]


def test_a_semicolon_table_with_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "participants.csv"
    path.write_text("Subject;Gender;Age\n\nS01;weiblich;30\n", encoding="utf-8-sig")
    row = read_participants_table(path).get("S01")
    assert row
    assert (row.sex, row.age, row.where) == ("F", 30.0, f"{path}: line 3")


@pytest.mark.parametrize(
    ("lines", "line", "value"),
    [
        (["name\tsex", "S01\tF"], 1, "participant_id"),
        (["subject\tsex", "S01\tF", "sub-S01\tM"], 3, "'sub-S01'"),
        (["subject\tsex", "S01\tyes"], 2, "sex: 'yes'"),
        (["subject\tage", "S01\told"], 2, "age: 'old'"),
        (["subject\tage", "S01\t240"], 2, "age: 240 is not within 0..130"),
    ],
)
def test_invalid_tables(tmp_path: Path, lines: list[str], line: int, value: str) -> None:
    path = write(tmp_path / "participants.tsv", *lines)
    with pytest.raises(EmoError) as caught:
        read_participants_table(path)
    assert str(caught.value).startswith(f"{path}: line {line}: ")
    assert value in str(caught.value)


def test_the_message_states_file_value_and_remedy(tmp_path: Path) -> None:
    path = write(tmp_path / "participants.tsv", "subject\tsex", "S01\tyes")
    with pytest.raises(EmoError) as caught:
        read_participants_table(path)
    assert caught.value.lines == (
        f"{path}: line 2: sex: 'yes' is not one of F, M, X (female, male, other), empty or n/a",
    )
