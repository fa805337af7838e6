import dataclasses
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.runtime.csv_files import format_csv, parse_csv, read_csv, write_csv
from pipeline.runtime.errors import EmoError
from pipeline.runtime.parquet import read_parquet, table_of, write_parquet
from tests.support.making import TOP


@dataclass(frozen=True)
class Row:
    """One of each kind of column."""

    name: str
    count: int
    share: float | None = None
    flag: bool = False
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Strict:
    name: str
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: {self.count} is not 1 or more")


AWKWARD = ['a "quoted", text', "two\nlines", "Zoë 漢字 🙂", "=1+1", "semi;colon"]


def test_csv_comes_back_as_it_was(tmp_path: Path) -> None:
    rows = [Row(text, n, n / 3, n % 2 == 0, {"site": text, "extra": "x"}) for n, text in enumerate(AWKWARD)]
    write_csv(tmp_path / "t.csv", rows, Row)
    assert read_csv(tmp_path / "t.csv", Row, key="name") == sorted(rows, key=lambda row: row.name)


def test_csv_is_sorted_whatever_the_order(tmp_path: Path) -> None:
    rows = [Row("b", 2), Row("a", 10, 0.1), Row("c", 1, None, True)]
    text = "name,count,share,flag\na,10,0.1,false\nb,2,,false\nc,1,,true\n"
    assert format_csv(rows, Row) == format_csv(rows[::-1], Row) == text
    write_csv(tmp_path / "t.csv", rows, Row)
    assert (tmp_path / "t.csv").read_bytes() == text.encode()


def test_an_equal_file_is_left_untouched_and_a_link_is_not_written_through(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [Row("a", 1)], Row)
    before = (tmp_path / "t.csv").stat()
    write_csv(tmp_path / "t.csv", [Row("a", 1)], Row)
    after = (tmp_path / "t.csv").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    (tmp_path / "cache.csv").hardlink_to(tmp_path / "t.csv")
    write_csv(tmp_path / "t.csv", [Row("b", 1)], Row)
    assert "a,1" in (tmp_path / "cache.csv").read_text()
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["cache.csv", "t.csv"]


@pytest.mark.parametrize("text", ["\ufeffname,count\na,1\n", "name,count\r\na,1\r\n", "name,count\n\na , 1 "])
def test_what_spreadsheets_write(tmp_path: Path, text: str) -> None:
    """A byte order mark, CRLF, empty lines, blanks around values, no line end at the end."""
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert read_csv(tmp_path / "t.csv", Strict) == [Strict("a", 1)]


@pytest.mark.parametrize(
    ("text", "where", "value"),
    [
        ("", "line 1", "missing column 'name'"),
        ("name;count\n", "line 1", "name;count"),
        ("name,count,age\n", "line 1", "unknown column 'age'"),
        ("name,count,name\n", "line 1", "'name'"),
        ("name,count\n<<<<<<< HEAD\na,1\n", "line 2", "merge conflict"),
        ("name,count\na\n", "line 2", "fewer values than columns"),
        ("name,count\na,1,2\n", "line 2", "fewer values than columns"),
        ("name,count\na,\n", "line 2: count", "''"),
        ("name,count\na,1.5\n", "line 2: count", "'1.5'"),
        ("name,count\na,1_0\n", "line 2: count", "'1_0'"),
        ("name,count\na,\u0661\n", "line 2: count", "'\u0661'"),
        ("name,count\na,0\n", "line 2: count", "0 is not 1 or more"),
        ("name,count\na,1\nb,2\na,3\n", "duplicate name", "'a'"),
        ("name,count\nb,1\na\0,1\n", "line 3", "NUL"),
        ('name,count\n"a,1\n', "line 1", "not valid CSV"),
        ('name,count\n"two\nlines",x\n', "line 3: count", "'x'"),
    ],
)
def test_faults_name_line_column_and_value(text: str, where: str, value: str) -> None:
    with pytest.raises(EmoError) as caught:
        parse_csv(text, Strict, key="name", where="t.csv")
    message = str(caught.value)
    assert message.startswith(f"t.csv: {where}")
    assert value in message
    assert "\n" not in message


def test_numbers_and_flags_that_are_none() -> None:
    for text, message in (("a,1,x,true", "share: 'x' is not a number"), ("a,1,,yes", "flag: 'yes'")):
        with pytest.raises(EmoError, match=message):
            parse_csv(f"name,count,share,flag\n{text}\n", Row, key=None, where="t.csv")


def test_missing_and_undecodable_files(tmp_path: Path) -> None:
    with pytest.raises(EmoError, match="no such file"):
        read_csv(tmp_path / "t.csv", Row)
    (tmp_path / "t.csv").write_bytes("name,count\nZoë,1\n".encode("utf-16"))
    with pytest.raises(EmoError, match="not UTF-8"):
        read_csv(tmp_path / "t.csv", Row)


def test_a_new_column_of_the_record_is_optional_only_with_a_default() -> None:
    assert parse_csv("name,count\na,1\n", Row, key=None, where="t") == [Row("a", 1)]
    assert [f.name for f in dataclasses.fields(Row) if f.default is dataclasses.MISSING] == [
        "name",
        "count",
        "extra",
    ]


# --- Parquet --------------------------------------------------------------------------------------

SCHEMA = pa.schema([("frame", pa.int64()), ("png", pa.binary())])


def images(count: int) -> pa.Table:
    return pa.table({"frame": list(range(count)), "png": [bytes([n]) * 50 for n in range(count)]}, SCHEMA)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a", images(9), row_group=4)
    parts = pa.concat_tables([images(9).slice(0, 5), images(9).slice(5)])  # other chunks in memory
    write_parquet(tmp_path / "b", parts, row_group=4)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert pq.ParquetFile(tmp_path / "a").num_row_groups == 3
    assert read_parquet(tmp_path / "a", SCHEMA).equals(images(9))
    assert read_parquet(tmp_path / "a", SCHEMA, ["frame"]).column_names == ["frame"]


def test_parquet_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(EmoError, match=r"no such file; run `dvc repro`"):
        read_parquet(path, SCHEMA)
    write_parquet(path, images(2))
    for schema in (SCHEMA.append(pa.field("x", pa.int64())), pa.schema([("frame", pa.string())])):
        with pytest.raises(EmoError, match="is missing or not"):
            read_parquet(path, schema)
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:4] + bytes(40) + whole[44:]):  # the end, a page
        path.write_bytes(damaged)
        with pytest.raises(EmoError, match=r"not a readable Parquet file \(.*\); remove it") as caught:
            read_parquet(path, SCHEMA)
        assert "\n" not in str(caught.value)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_parquet(path, images(2))
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_parquet(path, images(3), row_group="many")  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


WIDE = pa.schema(
    [
        ("n", pa.int64()),
        ("x", pa.float64()),
        ("ok", pa.bool_()),
        ("text", pa.string()),
        ("data", pa.binary()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    ],
    metadata={"key": "value"},
)


@pytest.mark.parametrize("count", [0, 1, 9, 70])
def test_a_table_of_rows_is_the_one_that_pyarrow_makes(count: int) -> None:
    rows = [
        {
            "n": None if i % 3 == 0 else i - (1 << 62),
            "x": None if i % 4 == 0 else i / 7,
            "ok": None if i % 5 == 0 else i % 2 == 0,
            "text": None if i % 6 == 0 else "é" * i,
            "data": bytes(range(i)),
            "image": None
            if i % 7 == 0
            else {"bytes": b"x" * i, "path": f"{i}.png"}
            if i % 8
            else {"path": "p"},
            "other": "left out",
        }
        | ({} if i % 2 else {"data": None})
        for i in range(count)
    ]
    made = table_of(rows, WIDE)
    made.validate(full=True)
    assert made.equals(pa.Table.from_pylist(rows, schema=WIDE), check_metadata=True)
    assert table_of([{}], WIDE).to_pylist() == [dict.fromkeys(WIDE.names)]


def test_writing_and_reading_tables_loads_no_pandas(tmp_path: Path) -> None:
    """Each stage and each of its workers would wait for it."""
    script = """
import sys
from pathlib import Path
import pyarrow as pa
from pipeline.runtime.parquet import read_parquet, table_of, write_parquet
schema = pa.schema([("n", pa.int64()), ("data", pa.binary())])
write_parquet(Path(sys.argv[1]), table_of([{"n": 1, "data": b"x"}, {}], schema))
print(read_parquet(Path(sys.argv[1]), schema).to_pylist(), "pandas" in sys.modules)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "t.parquet")]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[{'n': 1, 'data': b'x'}, {'n': None, 'data': None}] False"
