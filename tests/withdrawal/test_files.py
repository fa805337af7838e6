"""Which files are the subject's, and which only lie beside them."""

from pathlib import Path

import pytest

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.errors import EmoError
from pipeline.schema.clips import Clip
from pipeline.schema.subject_tags import subject_tag
from pipeline.versions.git import Repository
from pipeline.withdrawal.find.content import FRAMES_OR_FACES, LEFTOVER
from pipeline.withdrawal.find.files import cache_folders, in_cache, in_workspace, not_judged
from pipeline.withdrawal.plan import make_plan
from pipeline.withdrawal.stores import Stores
from pipeline.withdrawal.subject import Subject, with_unlisted
from tests.support.erasure import JPEGS, clip_with_digest, digest_of, local_store, write_frames

GONE = "V01"
SUBJECT = Subject(GONE, frozenset({f"{GONE}_happy"}), recordings=frozenset({digest_of(GONE)}))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table of recordings, which lists one of V02."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.delenv("EMO_MEMO", raising=False)
    monkeypatch.setenv("EMO_CACHE", str(tmp_path / "cache"))
    Path("raw").mkdir()
    write_csv(Path("raw/clips.csv"), [clip_with_digest("V02")], Clip)
    return root


def put(text: str, *names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def held(subject: Subject) -> list[str]:
    return [item.path.as_posix() for item in in_workspace(subject, frozenset())]


def test_files_that_others_have_as_well_stay_theirs() -> None:
    """In the subject's folder: a copy of another's recording, a note of all folders, and a recording."""
    put("V02", "raw/videos/V01/copy.mp4", "raw/videos/V02/V02_happy.mp4")
    put("a note", "raw/videos/V01/note.txt", "raw/videos/V02/note.txt")
    put("unlisted", "raw/videos/V01/V01_sad.mp4")
    subject = with_unlisted(SUBJECT)
    assert held(subject) == ["raw/videos/V01/V01_sad.mp4", "raw/videos/V01/note.txt"]
    assert digest_of("V02") not in subject.recordings
    assert list(subject.sources) == ["V01/V01_sad.mp4"]


def test_pages_of_emo_are_recognised_by_tag_text_or_name() -> None:
    put("early versions wrote no tag", "reports/near_pairs.png", "reports/near_pairs-2.png")
    put(subject_tag(["V02"]), "reports/near_pairs-3.png")
    put(subject_tag([GONE]), "reports/report.html")
    put("a lab's own", "reports/near_pairs_of_mine.png")
    assert held(SUBJECT) == [
        f"reports/{name}" for name in ("near_pairs-2.png", "near_pairs.png", "report.html")
    ]
    assert not_judged(SUBJECT, frozenset()) == [Path("reports/near_pairs_of_mine.png")]
    put("<p>" + subject_tag(["V02"]), "reports/report.html")
    assert "reports/report.html" not in held(SUBJECT)
    put("<th>V01</th>", "reports/report.html")
    assert "reports/report.html" in held(SUBJECT)


def test_a_damaged_state_is_an_error_of_one_line() -> None:
    put('{"done": false, "objects": {', f".emo/withdrawals/{GONE}.json")
    with pytest.raises(EmoError) as error:
        make_plan(GONE, Repository(Path.cwd()), Stores(local_store(Path("cache"))))
    assert len(error.value.lines) == 1
    assert f".emo/withdrawals/{GONE}.json" in str(error.value)
    assert f"`emo withdraw {GONE} --yes`" in str(error.value)


@pytest.mark.parametrize("stage", ["frames", "faces"])
def test_the_caches_of_this_and_earlier_versions_are_searched(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 0.1 kept the cache in .emo/memo, or in EMO_MEMO; the variables may be set only now."""
    monkeypatch.setenv("EMO_MEMO", str(tmp_path / "memo"))
    roots = [tmp_path / "cache", tmp_path / "memo", Path(".emo/cache").resolve(), Path(".emo/memo").resolve()]
    assert set(roots) <= set(cache_folders())
    for number, root in enumerate(roots):
        write_frames(root / stage / f"{number}.parquet", JPEGS[:1], digest_of(GONE))
        write_frames(root / stage / f"other{number}.parquet", JPEGS[1:2], digest_of("V02"))
    found = in_cache(SUBJECT)
    assert {item.path for item in found} == {root / stage / f"{n}.parquet" for n, root in enumerate(roots)}
    assert {item.kind for item in found} == {FRAMES_OR_FACES}


def test_cached_shards_of_unknown_recordings_and_unfinished_ones_go_too(tmp_path: Path) -> None:
    other = digest_of("other")
    write_frames(tmp_path / "cache/frames/known.parquet", JPEGS[:1], other)
    unknown = write_frames(tmp_path / "cache/frames/unknown.parquet", JPEGS[:1], "")
    unfinished = write_frames(tmp_path / "cache/frames/.ab.parquet.7.tmp", JPEGS[:1], other)
    found = in_cache(SUBJECT)
    assert {item.path for item in found} == {unknown, unfinished}
    assert {item.kind for item in found} == {LEFTOVER}
