"""Tables as spreadsheets leave them."""

from pathlib import Path

import pytest

from pipeline.ingest.participants_table import read_participants_table
from pipeline.ingest.user_tables import UserTable, read_user_table
from pipeline.runtime.errors import EmoError

PLAIN = "video,subject,expression\na.mp4,S01,happy\n"
ROW = {"video": "a.mp4", "subject": "S01", "expression": "happy"}


def table_of(tmp_path: Path, data: str | bytes) -> UserTable:
    path = tmp_path / "t.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_user_table(path)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (PLAIN, 2),
        (PLAIN.replace(",", ";"), 2),
        (PLAIN.replace(",", "\t"), 2),
        (PLAIN.encode("utf-8-sig"), 2),
        (PLAIN.replace(",", "\t").encode("utf-16"), 2),
        (b"\xfe\xff" + PLAIN.encode("utf-16-be"), 2),
        (PLAIN.replace("\n", "\r\n"), 2),
        (PLAIN.replace("\n", "\r"), 2),
        ("sep=;\n" + PLAIN.replace(",", ";"), 3),
        ('"sep=,"\r\n' + PLAIN, 3),
        ("sep=\t\n" + PLAIN.replace(",", "\t"), 3),
        ("\n \n;;\n" + PLAIN.replace(",", ";"), 5),
        ("# exported, by \"it's ELAN\n#\n" + PLAIN, 4),
        ("video,subject,expression\n,,\n\na.mp4,S01,happy\n,,\n", 4),
        ("video,subject,expression,,\na.mp4,S01,happy,,\n", 2),
        ("video,subject,expression,,\na.mp4,S01,happy\n", 2),
        ("video,subject,expression\na.mp4,S01,happy,,,\n", 2),
        (",video,subject,,expression\n,a.mp4,S01,,happy\n", 2),
        ('video, "subject", expression \n a.mp4,  "S01", happy\n', 2),
        ('"video,subject,expression"\n"a.mp4,S01,happy"\n', 2),
        ('"video;subject;expression"\n"a.mp4;""S01"";happy"\n', 2),
    ],
)
def test_one_table_in_many_forms(tmp_path: Path, data: str | bytes, line: int) -> None:
    [row] = table_of(tmp_path, data).rows
    assert (row.cells, row.line) == (ROW, line)


def test_headers_keep_their_spelling(tmp_path: Path) -> None:
    assert table_of(tmp_path, " Video ;SUBJECT\na;b\n").columns == ("Video", "SUBJECT")


def test_a_quoted_row_keeps_the_commas_of_its_cells(tmp_path: Path) -> None:
    [row] = table_of(tmp_path, '"video,subject"\n"""a, b.mp4"",S01"\n').rows
    assert row.cells == {"video": "a, b.mp4", "subject": "S01"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            "video;subject\nM\xfcller.mp4;S01\n".encode("cp1252"),
            "t.csv: not UTF-8 text; save it as CSV UTF-8 (Excel: ",
        ),
        (PLAIN.encode("utf-16-le"), "t.csv: line 1: a NUL character"),
        ("", "t.csv: the file is empty"),
        ("\n\n", "t.csv: the file is empty"),
        ("video,,subject\na.mp4,x,S01\n", "t.csv: line 2: 'x' is in column 2, which has no name"),
        ("video,subject\na.mp4,S01,x\n", "t.csv: line 2: more or fewer values than columns"),
        ("video,subject\na.mp4\n", "t.csv: line 2: more or fewer values than columns"),
        ("# c\nvideo,video\na,b\n", "t.csv: line 2: two columns are named 'video'"),
        ('# c\nvideo,subject\n"a"b,S01\n', "t.csv: line 3: not valid CSV"),
        ("video\n<<<<<<< HEAD\n", "t.csv: line 2: a merge conflict"),
    ],
)
def test_what_would_be_a_guess_is_refused(tmp_path: Path, data: str | bytes, words: str) -> None:
    with pytest.raises(EmoError) as caught:
        table_of(tmp_path, data)
    assert words in str(caught.value)


def test_a_spreadsheet_is_not_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"PK\3\4")
    with pytest.raises(EmoError, match=r"t\.xlsx: a spreadsheet.*CSV UTF-8"):
        read_user_table(tmp_path / "t.xlsx")


def test_participants_are_read_in_the_same_forms(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes(b"sep=;\r\nSubject;Sex ;Age;\r\nS01;F;30;\r\n;;;\r\n")
    row = read_participants_table(path).get("S01")
    assert row
    assert (row.sex, row.age, row.where) == ("F", 30.0, f"{path}: line 3")
