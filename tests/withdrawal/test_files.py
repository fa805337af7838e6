"""Which files are the person's, and which only lie beside them."""

from pathlib import Path

import pytest
from dvc_data.hashfile.db.local import LocalHashFileDB
from dvc_objects.fs.local import LocalFileSystem
from test_proof import GONE, clip

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.clips import Clip
from pipeline.schema.subject_tags import subject_tag
from pipeline.versions.git import Repository
from pipeline.withdrawal.files import in_workspace, not_judged, with_unlisted
from pipeline.withdrawal.plan import make_plan
from pipeline.withdrawal.stores import Store
from pipeline.withdrawal.subject import Person

PERSON = Person(GONE, frozenset({f"{GONE}_happy"}), recordings=frozenset({clip(GONE).sha256}))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a table of recordings, in which V02's is listed; `clip` digests its code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMO_MEMO", str(tmp_path / "memo"))
    Path("raw").mkdir()
    write_csv(Path("raw/clips.csv"), [clip("V02")], Clip)


def put(text: str, *names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def held(person: Person) -> list[str]:
    return [item.path.as_posix() for item in in_workspace(person, frozenset())]


def test_what_others_have_as_well_is_not_taken_from_them() -> None:
    """In the person's folder lie a copy of another's recording, a note that lies in all, and a recording."""
    put("V02", "raw/videos/V01/copy.mp4", "raw/videos/V02/V02_happy.mp4")
    put("a note", "raw/videos/V01/note.txt", "raw/videos/V02/note.txt")
    put("unlisted", "raw/videos/V01/V01_sad.mp4")
    person = with_unlisted(PERSON)
    assert held(person) == ["raw/videos/V01/V01_sad.mp4", "raw/videos/V01/note.txt"]
    assert clip("V02").sha256 not in person.recordings
    assert list(person.sources) == ["V01/V01_sad.mp4"]


def test_pages_of_emos_are_told_by_mark_text_or_name() -> None:
    put("an older emo set no mark", "reports/near_pairs.png", "reports/near_pairs-2.png")
    put(subject_tag(["V02"]), "reports/near_pairs-3.png")
    put(subject_tag([GONE]), "reports/report.html")
    put("a lab's", "reports/near_pairs_of_mine.png")
    assert held(PERSON) == [
        f"reports/{name}" for name in ("near_pairs-2.png", "near_pairs.png", "report.html")
    ]
    assert not_judged(PERSON, frozenset()) == [Path("reports/near_pairs_of_mine.png")]
    put("<p>" + subject_tag(["V02"]), "reports/report.html")
    assert "reports/report.html" not in held(PERSON)
    put("<th>V01</th>", "reports/report.html")
    assert "reports/report.html" in held(PERSON)


def test_a_damaged_state_is_told_in_a_line() -> None:
    put('{"done": false, "objects": {', f".emo/withdrawals/{GONE}.json")
    cache = Store("cache", LocalHashFileDB(LocalFileSystem(), "cache"))
    with pytest.raises(
        EmoError, match=f"{GONE}.json: damaged; remove it and run `emo withdraw {GONE} --yes`"
    ):
        make_plan(GONE, Repository(Path.cwd()), cache, [])
