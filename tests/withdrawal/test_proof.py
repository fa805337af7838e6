"""The search tells the person's from what others have as well, and deletes nobody else's objects."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_fingerprints import JPEGS

from pipeline.runtime.csv_files import write_csv
from pipeline.schema.clip_shards import add_facts
from pipeline.schema.clips import Clip
from pipeline.schema.frames import FRAMES_SCHEMA
from pipeline.versions.git import Repository
from pipeline.withdrawal.fingerprints import fingerprints
from pipeline.withdrawal.objects import Named
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.prove import Proof, prove
from pipeline.withdrawal.stores import Store
from pipeline.withdrawal.subject import Person

CARD, MINE, OTHERS = JPEGS[0], JPEGS[1:4], JPEGS[4:6]
"""A title card with which all recordings begin, and frames of the person and of others."""

GONE = "V01"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The cache of a project in which V02 and V03 are left; frames of V01 were erased."""
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_objects.fs.local import LocalFileSystem

    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    rows = [clip(subject) for subject in ("V02", "V03")]
    write_csv(Path("raw/clips.csv"), rows, Clip)
    for row, picture in zip(rows, OTHERS, strict=True):
        frames(Path(f"data/frames/{row.clip}.parquet"), [CARD, picture], row.sha256)
    return Store("cache", LocalHashFileDB(LocalFileSystem(), str(tmp_path / ".dvc/cache/files/md5")))


def clip(subject: str) -> Clip:
    name = f"{subject}_happy"
    digest = hashlib.sha256(subject.encode()).hexdigest()
    return Clip(
        name, f"{subject}/{name}.mp4", subject, "happy", None, None, name, digest,
        480, 360, 25.0, 3.0, 75, "h264", 0,
    )  # fmt: skip


def frames(path: Path, pictures: list[bytes], recording: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = list(range(len(pictures)))
    table = pa.table([numbers, [n / 5 for n in numbers], pictures], schema=FRAMES_SCHEMA)
    with pq.ParquetWriter(path, FRAMES_SCHEMA, compression="none") as writer:
        writer.write_table(table)
        add_facts(writer, {"recording": recording})


def put(cache: Store, path: Path) -> Path:
    """Copy a file into the cache; return where."""
    home = cache.path(hashlib.md5(path.read_bytes()).hexdigest())
    assert home
    home.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, home)
    return home


def proof(cache: Store) -> Proof:
    person = Person(GONE, frozenset({f"{GONE}_happy"}), recordings=frozenset({clip(GONE).sha256}))
    looked_for = fingerprints([CARD, *MINE], [])
    plan = Plan(person, Named(frozenset(), {}, ()), (), (), {}, looked_for)
    return prove(plan, [cache], Repository(Path.cwd()))


def test_what_all_recordings_begin_with_is_nobodys(cache: Store) -> None:
    kept = [put(cache, path) for path in sorted(Path("data/frames").iterdir())]
    outcome = proof(cache)
    assert (outcome.found, outcome.swept) == ([], 0)
    assert outcome.common > 0
    assert all(path.is_file() for path in kept)


def test_nor_where_another_project_has_it(cache: Store) -> None:
    shutil.rmtree("data")
    for name in ("a", "b"):
        frames(Path(f"{name}.parquet"), [CARD, OTHERS[0]], hashlib.sha256(name.encode()).hexdigest())
    assert proof(cache).found == []


def test_pictures_of_the_person_are_found_beside_it(cache: Store) -> None:
    Path("copy.bin").write_bytes(b"".join([CARD, *MINE[:2]]))
    found = proof(cache).found
    assert [(item.place, item.what) for item in found] == [
        ("copy.bin", "2 of the erased pictures or pieces of recordings")
    ]


def test_an_object_goes_only_where_it_says_whose_it_is(cache: Store) -> None:
    frames(Path("mine.parquet"), MINE, clip(GONE).sha256)
    frames(Path("mistaken.parquet"), MINE, clip("V02").sha256)  # enrolled again, under another code
    mine, mistaken = (put(cache, Path(f"{name}.parquet")) for name in ("mine", "mistaken"))
    for name in ("mine", "mistaken"):
        Path(f"{name}.parquet").unlink()
    outcome = proof(cache)
    assert (mine.is_file(), mistaken.is_file(), outcome.swept) == (False, True, 1)
    assert [item.place for item in outcome.found] == [str(mistaken.relative_to(Path.cwd()))]


@pytest.mark.parametrize(
    "text",
    [
        "subject,age\nV01,30\n",
        '\ufeff"subject";"age"\r\n"V01";"30"\r\n',
        "age\tclip\n30\tV01_happy\n",
        f'subject,note\nV05,"{"x" * 200_000}\nV01,after a quotation mark that nobody closed\n',
    ],
)
def test_a_table_that_a_spreadsheet_wrote_is_asked_too(cache: Store, text: str) -> None:
    Path("notes.csv").write_text(text, encoding="utf-8")
    Path("others.csv").write_text(text.replace("V01", "V02"), encoding="utf-8")
    assert [item.place for item in proof(cache).found] == ["notes.csv"]


def test_a_file_of_two_names_is_told_by_that_in_the_workspace(cache: Store) -> None:
    frames(Path("data/frames/V02_sad.parquet"), MINE, clip("V02").sha256)
    home = put(cache, Path("data/frames/V02_sad.parquet"))
    home.unlink()
    os.link("data/frames/V02_sad.parquet", home)
    assert [item.place for item in proof(cache).found] == ["data/frames/V02_sad.parquet"]


def test_nothing_is_left_out_where_the_person_came_back_under_two_codes(cache: Store) -> None:
    for subject in ("V02", "V03"):
        frames(Path(f"data/frames/{subject}_happy.parquet"), [CARD, *MINE], clip(subject).sha256)
    outcome = proof(cache)
    assert outcome.common == 0
    assert len(outcome.found) == 2


def test_nor_where_one_of_the_recordings_did(cache: Store) -> None:
    """Most of what is looked for is of the others; the card is left out all the same."""
    for subject in ("V02", "V03"):
        frames(Path(f"data/frames/{subject}_happy.parquet"), [MINE[0]], clip(subject).sha256)
    for name in ("a", "b"):
        frames(Path(f"{name}.parquet"), [CARD, *OTHERS], hashlib.sha256(name.encode()).hexdigest())
    outcome = proof(cache)
    assert [item.place for item in outcome.found] == [f"data/frames/V0{n}_happy.parquet" for n in (2, 3)]
    assert outcome.common > 0


@pytest.mark.parametrize("top", [".", ".."])
def test_objects_of_git_extensions_are_searched(cache: Store, top: str) -> None:
    """Those of Git LFS lie in .git as they are, not as Git's own; .git may lie above the project."""
    Path("project").mkdir()
    os.chdir("project")
    shutil.copytree("../raw", "raw")
    subprocess.run(["git", "init", "-q"], cwd=top, check=True)
    path = Path(top, ".git/lfs/objects/ab/cd")
    path.parent.mkdir(parents=True)
    path.write_bytes(MINE[0])
    (path.parent / "ef").write_bytes(OTHERS[0])
    assert [item.place for item in proof(cache).found if ".git" in item.place] == [
        ".git/lfs/objects/ab/cd" if top == "." else str(path.resolve())
    ]


def test_text_tables_that_git_lfs_keeps_are_as_those_in_history(cache: Store) -> None:
    path = Path(".git/lfs/objects/ab/cd")
    path.parent.mkdir(parents=True)
    path.write_text("subject,age\nV01,30\n")
    assert proof(cache).found == []


def test_a_shard_whose_facts_are_damaged_is_searched_all_the_same(cache: Store) -> None:
    path = Path("data/frames/V02_sad.parquet")
    for pictures, found in ((OTHERS, []), (MINE, [str(path)])):
        frames(path, pictures, clip("V02").sha256)
        data = path.read_bytes()
        path.write_bytes(data.replace(b'{"recording"', b'?"recording"'))
        assert [item.place for item in proof(cache).found] == found
