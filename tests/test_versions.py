"""A history of five versions under real Git and DVC: shown correctly, and without the subject who withdrew.

Enrol, relabel, new params, withdraw, new enrolment; the tests run in the order of this file.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.erasure import needles_of, search, shards
from tests.support.projects import COHORT, SUBJECTS, Project, new_project, recordings

pytestmark = pytest.mark.slow

CLASSES = ("happy", "surprised")
NEW = sorted(path.name for path in COHORT.iterdir() if path.is_dir())[6]


@dataclass(frozen=True)
class History:
    """The project after five versions, and what was recorded while it was made."""

    project: Project
    gone: str
    "the subject who withdrew"
    needles: dict[str, bytes]
    "bytes of the subject's frames, faces and recordings, of all versions, by what they are"
    others: dict[str, dict[str, str]]
    "tag -> digests of the shards and recordings of all others"
    preview: dict[str, Any]
    outcome: dict[str, Any]
    left: list[str]
    "places in which a needle was found after the erasure"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Enrol, relabel, new params, withdraw, new enrolment."""
    folder = tmp_path_factory.mktemp("versions")
    project = new_project(folder / "a project")
    (folder / "remote").mkdir()
    project.run("dvc", "remote", "add", "--default", "store", str(folder / "remote"))
    participants = ("--participants", str(COHORT / "participants.tsv"))
    needles: dict[str, bytes] = {}
    others: dict[str, dict[str, str]] = {}
    gone = ""

    def version(tag: str, message: str) -> None:
        nonlocal gone
        rows = (project.root / "data/split.csv").read_text().splitlines()[1:]
        gone = gone or next(row.split(",")[0] for row in rows if ",train," in row)
        if tag in ("v1", "v2", "v3"):
            needles.update(needles_of(project, gone, tag))
            others[tag] = shards(project, gone)
            project.run("dvc", "push", "-q")
        project.commit(message, tag)

    project.commit("Start")
    project.emo("ingest", str(recordings(folder / "videos", SUBJECTS, CLASSES)), *participants)
    project.repro()
    version("v1", "Enrol six subjects")

    project.emo("relabel", f"{SUBJECTS[1]}_happy", "surprised", "--reason", "wrong key")
    project.repro("dataset")
    version("v2", "Relabel a clip")

    project.edit("params.yaml", "margin: 0.0", "margin: 0.2")
    project.repro("dataset")
    version("v3", "Wider crops")

    preview = project.answer("withdraw", gone)
    before = project.digests("raw", "data", ".dvc/cache", ".emo/cache")
    assert before == project.digests("raw", "data", ".dvc/cache", ".emo/cache")
    outcome = project.answer("withdraw", gone, "--yes")
    left = search(project, needles)
    project.repro("dataset")
    version("v4", "Withdrawal")

    shutil.rmtree(folder / "videos")
    project.emo("ingest", str(recordings(folder / "videos", [NEW], CLASSES)), *participants)
    project.repro("dataset")
    version("v5", "One more participant")
    return History(project, gone, needles, others, preview, outcome, left)


# --- Withdrawal -----------------------------------------------------------------------------------


def test_the_preview_lists_what_would_be_erased_and_changes_nothing(history: History) -> None:
    kinds = {entry["what"] for entry in history.preview["files"]}
    assert {
        "recording",
        "frames or faces",
        "images of the dataset",
        "model trained with the subject",
    } <= kinds
    assert {store["store"] for store in history.preview["stores"]} == {"DVC's cache", "remote store"}
    assert history.preview["done"] is False


def test_nothing_of_the_subject_is_left_anywhere_in_any_version(history: History) -> None:
    assert len(history.needles) > 50
    assert history.left == []
    assert search(history.project, history.needles) == []
    assert history.outcome["ok"] is True
    assert history.outcome["found"] == []


@pytest.mark.parametrize("tag", ["v1", "v2", "v3"])
def test_older_versions_check_out_without_the_subject_and_with_all_others(history: History, tag: str) -> None:
    project = history.project
    project.run("git", "checkout", "-q", tag)
    project.run("dvc", "checkout", "--allow-missing")
    assert shards(project, history.gone) == history.others[tag]
    assert not [name for name in project.digests("data", "raw/videos") if history.gone in name]
    project.run("git", "checkout", "-q", "main")
    project.run("dvc", "checkout", "-q")


def test_a_later_dvc_pull_cannot_restore_the_subject(history: History, tmp_path: Path) -> None:
    """Neither here nor in a clone, in any version."""
    project = history.project
    project.run("git", "clone", "-q", str(project.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone", tmp_path / "cache")
    for tag in ("v1", "v3"):
        clone.run("git", "checkout", "-q", tag)
        clone.run("dvc", "pull", "-q", "--allow-missing", check=False)
        assert shards(clone, history.gone) == history.others[tag]
    assert search(clone, history.needles) == []


def test_an_older_version_is_not_built_again_unnoticed(history: History) -> None:
    project = history.project
    project.run("git", "checkout", "-q", "v1")
    _, text = project.repro("frames", check=False)
    assert f"raw/participants.csv: {history.gone} has withdrawn" in text
    again = project.answer("withdraw", history.gone, "--yes")
    assert again["ok"] is True
    project.repro("dataset")  # version 1 of all others
    built = shards(project, history.gone)
    assert {n: d for n, d in built.items() if "mp4" not in n} == {
        n: d for n, d in history.others["v1"].items() if "mp4" not in n
    }
    project.run("git", "checkout", "-q", "--force", "main")
    project.run("git", "clean", "-qfd", "raw", "reports")
    project.run("dvc", "checkout", "-q", "--force")


def test_the_subject_cannot_be_enrolled_again(history: History, tmp_path: Path) -> None:
    videos = recordings(tmp_path / "again", [history.gone], CLASSES)
    text = history.project.emo("ingest", str(videos), check=False)
    assert f"{history.gone} has withdrawn" in text
    (tmp_path / "again" / history.gone).rename(tmp_path / "again" / "Z09")
    text = history.project.emo("ingest", str(videos), check=False)
    assert f"this is a recording of {history.gone}, who has withdrawn" in text


def test_the_tables_keep_only_id_sex_and_number(history: History) -> None:
    rows = (history.project.root / "raw/participants.csv").read_text()
    assert [line for line in rows.splitlines() if line.startswith(f"{history.gone},")] == [
        f"{history.gone},{sex_of(history.gone)},,withdrawn,1,"
    ]
    assert f",{history.gone}," not in (history.project.root / "raw/clips.csv").read_text()
    assert history.gone not in (history.project.root / "data/census.csv").read_text()


def sex_of(subject: str) -> str:
    lines = (COHORT / "participants.tsv").read_text().splitlines()
    header = lines[0].split("\t")
    row = next(line.split("\t") for line in lines if line.startswith(subject))
    return row[header.index("sex")][0].upper()


# --- Versions, with the cache emptied -------------------------------------------------------------


@pytest.fixture(scope="module")
def emptied(history: History) -> Project:
    """The project without any data in DVC's cache."""
    shutil.rmtree(history.project.root / ".dvc/cache")
    return history.project


def test_versions_lists_the_five(history: History, emptied: Project) -> None:
    steps = emptied.answer("versions")
    assert [step["names"][0] for step in steps] == ["v5", "v4", "v3", "v2", "v1"]
    assert [step["subjects"] for step in steps] == [6, 5, 6, 6, 6]
    assert [step["clips"] for step in steps] == [12, 10, 12, 12, 12]
    text = emptied.emo("versions")
    assert "+6 subjects; +12 clips" in text
    assert "1 clip relabelled" in text
    assert "params: faces.crop.margin" in text
    assert f"{history.gone} withdrew; -2 clips" in text
    assert "+1 subject; +2 clips" in text


def test_diff_shows_each_step(history: History, emptied: Project) -> None:
    def diff(before: str, after: str) -> dict[str, Any]:
        return emptied.answer("diff", before, after)

    relabelled, wider, withdrawn, enrolled = (diff(f"v{n}", f"v{n + 1}") for n in range(1, 5))
    name = f"{SUBJECTS[1]}_happy"
    assert relabelled["relabelled"] == [
        {"what": name, "before": "happy", "after": "surprised", "decision": 1, "reason": "wrong key"}
    ]
    assert [c["what"] for c in wider["settings"]] == ["faces.crop.margin"]
    assert wider["remade"]
    assert (withdrawn["withdrawn"], withdrawn["subjects_removed"]) == ([history.gone], [history.gone])
    assert enrolled["subjects_added"] == [NEW]
    assert [c.split("_")[0] for c in enrolled["clips_added"]] == [NEW, NEW]
    for step in (relabelled, wider, withdrawn, enrolled):
        assert step["moved"] == []
        assert step["code"] == {}
        assert step["image_changes"] is None  # the shards are not here
    counts = [(i["before"], i["after"]) for i in diff("v1", "v5")["images"]]
    assert sum(b for b, _ in counts) == emptied.answer("versions")[-1]["images"]


def test_diff_between_clones_and_as_markdown(history: History, emptied: Project, tmp_path: Path) -> None:
    emptied.run("git", "clone", "-q", "--branch", "v1", str(emptied.root), str(tmp_path / "old"))
    changed = emptied.answer("diff", str(tmp_path / "old"), "v2")
    assert len(changed["relabelled"]) == 1
    assert emptied.answer("diff", f"{tmp_path / 'old'}@v1", "v1")["relabelled"] == []
    text = emptied.emo("diff", "v3..v4", "--markdown")
    assert text.startswith(f"### Dataset: {history.gone} withdrew")
    assert "| moved between splits |" in text
    assert "are the same" in emptied.emo("diff", "v2", "v2")


def test_bad_revisions_and_a_shallow_clone(emptied: Project, tmp_path: Path) -> None:
    text = emptied.emo("diff", "no-such", check=False)
    assert text.startswith("error: no-such: unknown revision; `emo versions` lists the versions")
    emptied.run("git", "clone", "-q", "--depth", "2", f"file://{emptied.root}", str(tmp_path / "shallow"))
    shallow = Project(tmp_path / "shallow", tmp_path / "cache")
    assert "the clone is shallow" in shallow.emo("versions")
    assert "the clone is shallow" in shallow.emo("diff", "v1", check=False)
