"""Files that users and other programs write may hold anything: the answer is a value or one EmoError."""

import json
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.runtime.csv_files import format_csv, parse_csv, read_csv
from pipeline.runtime.errors import EmoError, formatted
from pipeline.runtime.files import refuse_links
from pipeline.runtime.json_files import read_json_object
from pipeline.runtime.params import read_yaml
from pipeline.runtime.regular_files import read_regular
from pipeline.runtime.text import as_code, as_markdown, markdown_table, printable, printable_json
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import Decision, parse_decisions
from pipeline.schema.participants import Participant
from pipeline.versions.dvc_lock import read_listing, read_lock, read_pointer

TOP = Path(__file__).resolve().parents[2]


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


HOSTILE_YAML = {
    "a date": "frames: {fps: 2020-13-45}",
    "an integer": "frames: {fps: !!int abc}",
    "an empty integer": 'frames: {fps: !!int ""}',
    "a time": "frames: !!timestamp xyz",
    "a truth": "frames: !!bool maybe",
    "an object": "frames: !!python/object/apply:os.system [id]",
    "digits": f"frames: {{fps: {'9' * 5000}}}",
    "hexadecimal": f"frames: {{fps: 0x{'f' * 9000}}}",
    "lists": f"frames: {'[' * 10_000}{']' * 10_000}",
    "mappings": f"frames: {'{a: ' * 10_000}1{'}' * 10_000}",
    "references": bomb(),
    "many references": f"a: &a 1\nb: [{', '.join(['*a'] * 300)}]",
    "a cycle": "frames: &a [*a]",
    "a control character": "frames: \x1b[31m",
}


@pytest.mark.parametrize("name", HOSTILE_YAML)
def test_hostile_yaml_is_one_error_at_once(tmp_path: Path, name: str) -> None:
    path, start = tmp_path / "params.yaml", time.process_time()
    path.write_text(HOSTILE_YAML[name])
    with pytest.raises(EmoError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    for read in (read_lock, read_pointer):
        with pytest.raises(EmoError, match=r"^dvc\.lock: "):
            read(HOSTILE_YAML[name], "dvc.lock")
    assert time.process_time() - start < 2


@pytest.mark.parametrize("text", ["", "[1]", "nul", "\x00", "[" * 10_000, '{"a":' * 100 + "1" + "}" * 100])
def test_hostile_json_is_one_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(EmoError, match=r"metrics\.json: not .*; rerun it"):
        read_json_object(path, remedy="rerun it")
    with pytest.raises(EmoError):
        read_listing(text.encode())


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    for read in (read_regular, read_yaml, lambda p: read_csv(p, Participant)):
        with pytest.raises(EmoError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(2**40)  # without content on the disk
    with pytest.raises(EmoError, match="larger than 1 MB"):
        read_regular(tmp_path / "t.csv", 2**20)


# --- Formulas -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Note:
    name: str
    number: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)


TEXTS = ["=1+1", "+1 smile", "-x", "@SUM(A1)", "\tx", "'=x", "''=x", "'quoted'", "-5", "plain", "", "a=b"]


def test_no_cell_is_a_formula_and_every_text_is_read_again() -> None:
    notes = [Note(text.strip(), -0.5, {"=column": text}) for text in TEXTS]
    table = format_csv(notes, Note, keep_order=True)
    cells = [cell.strip('"') for line in table.splitlines() for cell in line.split(",")]
    assert [cell for cell in cells if cell[:1] in tuple("=+-@\t\r") and cell not in ("-5", "-0.5")] == []
    assert parse_csv(table, Note, key=None, where="t.csv") == notes
    assert format_csv(parse_csv(table, Note, key=None, where="t"), Note, keep_order=True) == table


# --- What is shown --------------------------------------------------------------------------------


def test_control_characters_are_shown_as_escapes() -> None:
    text = "a\x1b[31mb\u202ec\x9b\x7f\u2066\ud800"
    assert printable(text) == r"a\x1b[31mb\u202ec\x9b\x7f\u2066\ud800"
    assert printable("Zoë 漢字 joined\u200chere\n") == "Zoë 漢字 joined\u200chere\n"
    assert formatted(EmoError("a\x1bb: x")) == r"error: a\x1bb: x"
    dumped = printable_json(json.dumps({"name": text}, ensure_ascii=False))
    assert dumped.isascii()
    assert json.loads(dumped) == {"name": text}


def test_names_have_no_effect_in_markdown() -> None:
    assert as_markdown("<img src=x onerror=y>") == r"\<img src=x onerror=y>"
    assert as_markdown("[x](http://y) `a` *b* _c_") == r"\[x\](http\://y) \`a\` \*b\* \_c\_"
    assert as_markdown("V01_happy: a -> b, +2, 3.5") == "V01_happy: a -> b, +2, 3.5"
    assert as_markdown("a\n\n# b") == "a  # b"
    assert as_code("a`b\n") == "`a'b`"
    assert markdown_table(["<b>"], [["a|b"], [as_code("c_d")]]).split("\n")[::2] == [r"| \<b> |", r"| a\|b |"]


# --- Links ----------------------------------------------------------------------------------------


def test_links_within_the_project_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to("elsewhere")
    for path in (Path("data"), Path("data/frames")):
        with pytest.raises(EmoError, match=r"^data: a link to elsewhere; "):
            refuse_links(path)
    refuse_links(Path("elsewhere/frames"))


# --- Mutated files --------------------------------------------------------------------------------

SHA = "0" * 64
TABLES = {
    Participant: f"{format_csv([Participant('S01', 'F', 30.0, 'given', 1, 'table')], Participant)}",
    Clip: "clip,video,subject,expression,start_s,end_s,take,sha256,width,height,fps,duration_s,frames,codec,"
    f"rotation\nS01_happy,S01/S01_happy.mp4,S01,happy,0.5,1.5,S01_happy,{SHA},64,48,10.0,2.0,20,h264,0\n",
    Decision: "decision,recording,clip,start_s,end_s,action,value,reason,rater,date\n"
    f"1,{SHA},S01_happy,0.5,1.0,exclude,,blinks,r1,2026-01-02\n",
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return data with some bytes changed, inserted, repeated or cut."""
    pieces = [b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"'", b"=", b"1e999", b"nan", b"-1", b"\xef\xbb\xbf"]
    pieces += [b"[", b"{", b"&a ", b"*a", b"!!int ", b": ", b"9" * 400, "\u202e".encode(), b"2020-13-45"]
    found = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(found) + 1)
        length = chance.choice((0, 0, 1, 1, 5, 40))
        found[at : at + length] = chance.choice((*pieces, bytes([chance.randrange(256)]), found[:at][-30:]))
    return bytes(found)


@pytest.mark.parametrize("record", TABLES, ids=lambda record: record.__name__)
def test_mutated_tables_are_read_or_refused(tmp_path: Path, record: type) -> None:
    chance, path = random.Random(7), tmp_path / "t.csv"
    for _ in range(400):
        path.write_bytes(mutated(TABLES[record].encode(), chance))
        try:
            rows = read_csv(path, record)
            if record is Decision:
                parse_decisions(path.read_bytes().decode("utf-8-sig"), "t.csv")
        except EmoError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
        else:
            assert len(parse_csv(format_csv(rows, record), record, key=None, where="again")) == len(rows)


def test_mutated_settings_are_read_or_refused(tmp_path: Path) -> None:
    chance, path = random.Random(7), tmp_path / "params.yaml"
    settings = "".join((TOP / "params.yaml").read_text().partition("train:")[:1]).encode()
    lock = b"stages:\n  frames:\n    cmd: x\n    deps:\n    - path: raw/clips.csv\n      md5: a\n"
    for _ in range(60):
        path.write_bytes(mutated(settings, chance))
        try:
            read_yaml(path)
        except EmoError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
    for _ in range(400):
        try:
            stages = read_lock(mutated(lock, chance).decode(errors="replace"), "l")
            assert all(isinstance(stage.code, dict) for stage in stages.values())
        except EmoError as error:
            assert str(error).startswith("l: ")  # noqa: PT017
