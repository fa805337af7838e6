"""The search recognises the subject's data, not what others share, and deletes no object of others."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.runtime.csv_files import write_csv
from pipeline.schema.clips import Clip
from pipeline.versions.git import Repository
from pipeline.withdrawal.find.objects import ListedObjects
from pipeline.withdrawal.fingerprints import fingerprints
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.prove import Proof, prove
from pipeline.withdrawal.stores import Store
from pipeline.withdrawal.subject import Subject
from tests.support.erasure import JPEGS, clip_with_digest, digest_of, local_store, write_frames

pytestmark = pytest.mark.slow

CARD, MINE, OTHERS = JPEGS[0], JPEGS[1:4], JPEGS[4:6]
"""A title card with which all recordings begin, and frames of the subject and of others."""

GONE = "V01"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """DVC's cache in a project in which V02 and V03 are left; frames of V01 were erased."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMO_CACHE", raising=False)
    monkeypatch.delenv("EMO_MEMO", raising=False)
    Path("raw").mkdir()
    rows = [clip_with_digest(subject) for subject in ("V02", "V03")]
    write_csv(Path("raw/clips.csv"), rows, Clip)
    for row, image in zip(rows, OTHERS, strict=True):
        write_frames(Path(f"data/frames/{row.clip}.parquet"), [CARD, image], row.sha256)
    return local_store(tmp_path / ".dvc/cache/files/md5")


def put(cache: Store, path: Path) -> Path:
    """Copy a file into the cache; return the path of the object."""
    target = cache.path(hashlib.md5(path.read_bytes()).hexdigest())
    assert target
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)
    return target


def proof(cache: Store) -> Proof:
    subject = Subject(GONE, frozenset({f"{GONE}_happy"}), recordings=frozenset({digest_of(GONE)}))
    looked_for = fingerprints([CARD, *MINE], [])
    plan = Plan(subject, ListedObjects(frozenset(), {}, ()), (), (), {}, looked_for)
    return prove(plan, [cache], Repository(Path.cwd()))


def test_a_title_card_of_all_recordings_is_not_the_subjects(cache: Store) -> None:
    kept = [put(cache, path) for path in sorted(Path("data/frames").iterdir())]
    outcome = proof(cache)
    assert (outcome.found, outcome.swept) == ([], 0)
    assert outcome.common > 0
    assert all(path.is_file() for path in kept)


def test_nor_if_recordings_of_another_project_have_it(cache: Store) -> None:
    shutil.rmtree("data")
    for name in ("a", "b"):
        write_frames(Path(f"{name}.parquet"), [CARD, OTHERS[0]], digest_of(name))
    assert proof(cache).found == []


def test_images_of_the_subject_are_found_beside_it(cache: Store) -> None:
    Path("copy.bin").write_bytes(b"".join([CARD, *MINE[:2]]))
    found = proof(cache).found
    assert [(item.place, item.what) for item in found] == [
        ("copy.bin", "2 of the erased images or pieces of recordings")
    ]


def test_an_object_is_deleted_only_if_its_content_is_the_subjects(cache: Store) -> None:
    write_frames(Path("mine.parquet"), MINE, digest_of(GONE))
    write_frames(Path("mistaken.parquet"), MINE, digest_of("V02"))  # enrolled again, under another code
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
        f'subject,note\nV05,"{"x" * 200_000}\nV01,after an unclosed quotation mark\n',
    ],
)
def test_a_table_written_by_a_spreadsheet_is_searched_too(cache: Store, text: str) -> None:
    Path("notes.csv").write_text(text, encoding="utf-8")
    Path("others.csv").write_text(text.replace("V01", "V02"), encoding="utf-8")
    assert [item.place for item in proof(cache).found] == ["notes.csv"]


def test_a_file_of_two_names_is_reported_by_that_in_the_workspace(cache: Store) -> None:
    write_frames(Path("data/frames/V02_sad.parquet"), MINE, digest_of("V02"))
    stored = put(cache, Path("data/frames/V02_sad.parquet"))
    stored.unlink()
    os.link("data/frames/V02_sad.parquet", stored)
    assert [item.place for item in proof(cache).found] == ["data/frames/V02_sad.parquet"]


def test_nothing_is_left_out_if_the_subject_came_back_under_two_ids(cache: Store) -> None:
    for subject in ("V02", "V03"):
        write_frames(Path(f"data/frames/{subject}_happy.parquet"), [CARD, *MINE], digest_of(subject))
    outcome = proof(cache)
    assert outcome.common == 0
    assert len(outcome.found) == 2


def test_nor_if_one_of_the_recordings_did(cache: Store) -> None:
    """Most of what is searched for is shared with others; the card is left out all the same."""
    for subject in ("V02", "V03"):
        write_frames(Path(f"data/frames/{subject}_happy.parquet"), [MINE[0]], digest_of(subject))
    for name in ("a", "b"):
        write_frames(Path(f"{name}.parquet"), [CARD, *OTHERS], digest_of(name))
    outcome = proof(cache)
    assert [item.place for item in outcome.found] == [f"data/frames/V0{n}_happy.parquet" for n in (2, 3)]
    assert outcome.common > 0


@pytest.mark.parametrize("top", [".", ".."])
def test_objects_of_git_extensions_are_searched(cache: Store, top: str) -> None:
    """Git LFS keeps plain files in .git, not objects of Git; .git may be above the project."""
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


def test_text_tables_in_git_lfs_are_treated_as_those_in_history(cache: Store) -> None:
    path = Path(".git/lfs/objects/ab/cd")
    path.parent.mkdir(parents=True)
    path.write_text("subject,age\nV01,30\n")
    assert proof(cache).found == []


def test_a_shard_with_damaged_facts_is_searched_all_the_same(cache: Store) -> None:
    path = Path("data/frames/V02_sad.parquet")
    for images, found in ((OTHERS, []), (MINE, [str(path)])):
        write_frames(path, images, digest_of("V02"))
        data = path.read_bytes()
        path.write_bytes(data.replace(b'{"recording"', b'?"recording"'))
        assert [item.place for item in proof(cache).found] == found


@pytest.mark.parametrize("variable", ["EMO_CACHE", "EMO_MEMO", ""])
def test_caches_outside_the_project_are_searched(
    cache: Store, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0.1 called the cache memo."""
    Path("project").mkdir()
    shutil.copytree("raw", "project/raw")
    folder = tmp_path / "scratch" if variable else tmp_path / "project/.emo/memo"
    if variable:
        monkeypatch.setenv(variable, str(folder))
    shard = write_frames(folder / "faces/ab.parquet", MINE, digest_of(GONE))
    monkeypatch.chdir("project")
    assert [Path(item.place).resolve() for item in proof(cache).found] == [shard]
