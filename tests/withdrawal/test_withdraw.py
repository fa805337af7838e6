"""Withdrawal under real DVC and Git, when something fails or is unusual."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.erasure import needles_of, search, shards
from tests.support.projects import COHORT, SUBJECTS, Project, new_project, recordings

pytestmark = pytest.mark.slow

GONE = SUBJECTS[2]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built and committed project of four subjects with a remote, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    project = new_project(folder / "project")
    project.commit("Start")
    videos = recordings(folder / "videos", SUBJECTS[:4], ("happy", "surprised"))
    project.emo("ingest", str(videos), "--participants", str(COHORT / "participants.tsv"))
    project.repro("dataset")
    project.commit("Enrol four subjects")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Project:
    """A copy of the project, with a remote that has everything."""
    shutil.copytree(template / "project", tmp_path / "project")
    (tmp_path / "remote").mkdir()
    copied = Project(tmp_path / "project", tmp_path / "project/.emo/cache")
    copied.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "remote"))
    copied.run("dvc", "push", "-q")
    return copied


def withdraw(project: Project, *arguments: str) -> dict[str, object]:
    """Run `emo withdraw --yes`; return its JSON, whatever the exit code."""
    return dict(project.answer("withdraw", GONE, "--yes", *arguments))


def audited(project: Project) -> dict[str, dict[str, object]]:
    """Return the checks of the audit by name."""
    return {check["name"]: check for check in project.answer("audit")["checks"]}


def test_killed_at_any_time_it_can_be_run_again(project: Project) -> None:
    needles, others = needles_of(project, GONE), shards(project, GONE)
    command = [sys.executable, "cli.py", "withdraw", GONE, "--yes"]
    for delay in (0.4, 0.7, 0.9, 1.1, 1.3, 1.6):
        victim = subprocess.Popen(
            command,
            cwd=project.root,
            env=project.environment(),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        if victim.poll() is None:
            os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    outcome = withdraw(project)
    assert outcome["ok"] is True
    assert search(project, needles) == []
    assert shards(project, GONE) == others
    assert not list(project.root.rglob(".*.tmp"))


def test_decisions_about_the_subject_are_removed_and_the_others_keep_their_numbers(project: Project) -> None:
    """Their reasons may name the person; the proof searches the table, too."""
    ledger = project.root / "raw/decisions.csv"
    other = next(subject for subject in SUBJECTS[:4] if subject != GONE)
    project.emo("exclude", f"{GONE}_happy", "--reason", "blinks")
    project.emo("exclude", f"{other}_happy", "--to", "1.0", "--reason", "blinks")
    project.emo("exclude", f"{GONE}_surprised", "--reason", "blinks", "--from", "1.0")
    project.commit("Decisions")
    outcome = withdraw(project)
    assert outcome["ok"] is True
    assert "raw/decisions.csv" in outcome["commit"]  # type: ignore[operator]
    assert [line.split(",")[0] for line in ledger.read_text().splitlines()[1:]] == ["2"]
    assert GONE not in ledger.read_text()
    project.commit("Withdrawal")
    done = project.answer("exclude", f"{other}_surprised", "--reason", "blinks")
    assert [row["decision"] for row in done["recorded"]] == [4]
    report = (project.root / f"reports/withdrawals/{GONE}.md").read_text()
    assert "raw/decisions.csv" in report
    project.repro("dataset")
    notes = audited(project)["decisions refer to clips"]
    assert notes["detail"] == "2 decisions"
    restored = project.run("git", "show", "HEAD~1:raw/decisions.csv")
    ledger.write_text(restored)  # an older version of the table comes back: the proof finds it
    again = withdraw(project)
    assert again["ok"] is True
    assert GONE not in ledger.read_text()


def test_leftovers_of_killed_runs_are_erased_and_cost_others_nothing(project: Project) -> None:
    """Shards in the cache, one cut off, by `dvc repro`; recordings, one cut off, by `emo ingest`."""
    needles, others = needles_of(project, GONE), shards(project, GONE)
    shard = project.cache / "frames/.ab.parquet.7.tmp"
    shutil.copy(project.root / f"data/frames/{SUBJECTS[0]}_happy.parquet", shard)
    shard.with_name(".cd.parquet.7.tmp").write_bytes(shard.read_bytes()[:9000])
    folder = project.root / "raw/videos" / GONE
    shutil.copy(COHORT / GONE / "sad.mp4", folder / f"{GONE}_sad.mp4")
    project.run("dvc", "add", "-q", "raw/videos")
    unlisted = (folder / f"{GONE}_sad.mp4").read_bytes()[5000:5048]
    (folder / f".{GONE}_happy.mp4.7.tmp").write_bytes((folder / f"{GONE}_happy.mp4").read_bytes()[:30000])
    outcome = withdraw(project)
    assert outcome["ok"] is True
    assert outcome["found"] == []
    assert search(project, needles | {"unlisted": unlisted}) == []
    assert not folder.exists()
    for name in ("data", "raw/videos"):
        shutil.rmtree(project.root / name)
    project.run("git", "checkout", "-q", "data")
    project.run("dvc", "checkout", "-q", "--allow-missing")
    assert shards(project, GONE) == others


def test_a_cache_on_a_disk_that_is_not_mounted(project: Project) -> None:
    before = project.digests("raw", "data")
    disk = project.root.parent / "disk"
    project.run("dvc", "cache", "dir", "-q", str(disk))
    text = project.emo("withdraw", GONE, "--yes", check=False)
    assert text.startswith(f"error: {disk}")
    assert "cache.dir" in text
    assert project.digests("raw", "data") == before


def test_a_remote_that_does_not_answer_is_reported_and_done_later(project: Project) -> None:
    needles = needles_of(project, GONE)
    check = "no data of withdrawn subjects"
    remote = project.root.parent / "remote"
    remote.rename(project.root.parent / "unplugged")
    outcome = withdraw(project)
    assert outcome["ok"] is False
    assert [entry["name"] for entry in outcome["unreached"]] == ["remote store"]  # type: ignore[attr-defined]
    text = project.emo("withdraw", GONE, "--yes", check=False)
    assert "NOT REACHED: remote store" in text
    assert "`dvc remote remove store`" in text
    (project.root.parent / "unplugged").rename(remote)
    assert search(project, needles) != []
    assert f"the erasure of {GONE} is not finished" in audited(project)[check]["detail"]
    assert withdraw(project)["ok"] is True
    assert search(project, needles) == []
    project.repro("dataset")
    assert audited(project)[check]["ok"] is True
    report = (project.root / f"reports/withdrawals/{GONE}.md").read_text()
    assert report.count("# Withdrawal of") == 3
    assert report.count("**Not done yet") == 2
    digest = hashlib.sha256((COHORT / GONE / "happy.mp4").read_bytes()).hexdigest()
    assert f"| `{GONE}/{GONE}_happy.mp4` | `{digest}` |" in report


def test_copies_that_emo_did_not_make_are_found_and_left(project: Project) -> None:
    """An export, the original, and an image that was committed."""
    video = next((project.root / "raw/videos" / GONE).iterdir())
    (project.root / "handed over").mkdir()
    (project.root / "handed over/all.bin").write_bytes(b"some header" + video.read_bytes())
    project.emo("export", "npz", "predictions/exports")
    (project.root / "notes").mkdir()
    shutil.copy(video, project.root / "notes/example.mp4")
    project.run("git", "add", "notes")
    project.run("git", "commit", "-qm", "An example")
    (project.root / "notes/example.mp4").unlink()
    outcome = withdraw(project)
    assert outcome["ok"] is False
    places = [entry["place"] for entry in outcome["found"]]  # type: ignore[attr-defined]
    assert any(place.startswith("predictions/exports/") for place in places)  # by the tag in it
    assert "handed over/all.bin" in places
    assert any(place.startswith("Git's history: notes/example.mp4 (") for place in places)
    assert (project.root / "handed over/all.bin").is_file()


def test_a_clone_without_the_recordings(project: Project, tmp_path: Path) -> None:
    """What only the remote has is erased there; the others' recordings stay in the next version."""
    needles = needles_of(project, GONE)
    table = hashlib.md5((project.root / "data/near_pairs.parquet").read_bytes()).hexdigest()
    project.run("git", "add", ".dvc/config")
    project.run("git", "commit", "-qm", "Remote")
    project.run("git", "clone", "-q", str(project.root), str(tmp_path / "clone"))
    shutil.rmtree(project.root)
    clone = Project(tmp_path / "clone", tmp_path / "clone-cache")
    clone.run("dvc", "remote", "rename", "store", "same")
    clone.run("dvc", "remote", "add", "once", "ssh://me:secret@lab/once")
    clone.run("git", "commit", "-qam", "A remote that is removed later")
    clone.run("dvc", "remote", "remove", "once")
    outcome = withdraw(clone)
    assert "run `dvc pull raw/videos.dvc`" in str(outcome["note"])
    # A table without rows is the same in the versions without the person.
    assert (tmp_path / "remote/files/md5" / table[:2] / table[2:]).is_file()
    report = (clone.root / f"reports/withdrawals/{GONE}.md").read_text()
    assert "**No image and no recording of the participant was on this machine" not in report  # the remote's
    assert "a remote that other commits name, `ssh://lab/once`" in report
    assert report.count("a remote that other commits") == 1
    assert search(Project(tmp_path / "project", tmp_path), needles) == []
    clone.run("dvc", "pull", "-q", "raw/videos.dvc")
    assert sorted(path.name for path in (clone.root / "raw/videos").iterdir()) == [
        s for s in SUBJECTS[:4] if s != GONE
    ]
    clone.run("dvc", "add", "-q", "raw/videos")
    clone.repro("dataset")


def test_linked_originals_are_reported(tmp_path: Path) -> None:
    project = new_project(tmp_path / "linked")
    videos = recordings(tmp_path / "videos", SUBJECTS[2:3], ("happy",))
    project.emo("ingest", str(videos), "--link")
    project.commit("Enrol")
    outcome = withdraw(project)
    assert outcome["ok"] is True
    assert outcome["linked_elsewhere"] == [f"raw/videos/{GONE}/{GONE}_happy.mp4"]


@pytest.mark.parametrize("subject", ["Z9", "../x", ""])
def test_an_unknown_subject(project: Project, subject: str) -> None:
    before = project.digests("raw", "data")
    text = project.emo("withdraw", subject, "--yes", check=False)
    assert text.startswith(f"error: raw/participants.csv: no subject {subject!r}")
    assert project.digests("raw", "data") == before


def test_a_recording_of_two_subjects_is_refused(project: Project) -> None:
    clips = project.root / "raw/clips.csv"
    mine = next(row for row in clips.read_text().splitlines() if row.startswith(f"{GONE}_happy,"))
    other = mine.replace(GONE, SUBJECTS[0]).replace(f"{SUBJECTS[0]}_happy", "twice")
    clips.write_text(f"{clips.read_text()}{other}\n")
    text = project.emo("withdraw", GONE, "--yes", check=False)
    assert f"{GONE}_happy of {GONE} and twice of {SUBJECTS[0]} share one recording" in text
    assert (project.root / "raw/videos" / GONE).is_dir()


def test_another_dvc_command_is_running(project: Project) -> None:
    code = "import time; from dvc.repo import Repo; r = Repo(); r.lock.lock(); print('locked', flush=True)"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{code}; time.sleep(60)"],
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline().strip() == "locked"
    try:
        assert "another `emo` or `dvc` command" in project.emo("withdraw", GONE, check=False)
    finally:
        holder.kill()
        holder.wait()


def test_an_experiment_is_running_in_a_copy_of_the_project(project: Project) -> None:
    """As `dvc exp run --temp` records it; the lock of DVC here is free meanwhile."""
    rwlock = project.root / ".dvc/tmp/exps/standalone/tmpx/.dvc/tmp/rwlock"
    rwlock.parent.mkdir(parents=True)
    rwlock.write_text(json.dumps({"write": {"models": {"pid": os.getpid(), "cmd": "dvc exp run --temp"}}}))
    text = project.emo("withdraw", GONE, check=False)
    assert (
        text
        == "error: .dvc: `dvc exp run --temp` is running in this project; wait until it ends, and rerun\n"
    )


def test_files_of_the_lab_among_the_reports_stay_and_are_listed(project: Project) -> None:
    """Images that emo made of others stay, too; those of the subject are recognised by their tag."""
    reports = project.root / "reports"
    (reports / "thesis.pdf").write_bytes(b"%PDF-1.7 of a lab")
    for subject in (GONE, SUBJECTS[0]):
        project.emo("trace", f"{subject}_happy", "--out", f"reports/of_{subject}.png")
    left = f"note: reports/thesis.pdf: has no tag of emo; check whether it shows {GONE}\n"
    assert left in project.emo("withdraw", GONE)
    text = project.emo("withdraw", GONE, "--yes")
    assert left in text
    assert "of_" not in text
    assert "       dvc repro && dvc push\n" in text
    assert text.endswith(f"git commit -m 'Built without {GONE}'\n")
    names = {path.name for path in reports.iterdir()}
    assert {"thesis.pdf", f"of_{SUBJECTS[0]}.png"} <= names
    assert f"of_{GONE}.png" not in names
    assert "- `reports/thesis.pdf`: has no tag of emo" in (reports / f"withdrawals/{GONE}.md").read_text()


def test_images_of_uncommitted_runs_are_erased_too(project: Project) -> None:
    """Sheets of a run between two commits show the subject, and are in DVC's cache."""
    project.edit("params.yaml", "margin: 0.0", "margin: 0.1")
    project.repro("dataset")
    between = {p.name: p.read_bytes() for p in (project.root / "reports/sheets").iterdir()}
    project.edit("params.yaml", "margin: 0.1", "margin: 0.0")
    project.repro("dataset")
    cache = project.root / ".dvc/cache"
    held = [p for p in cache.rglob("*") if p.is_file() and p.read_bytes() in between.values()]
    assert len(held) == len(between) == 2
    assert withdraw(project)["ok"] is True
    assert [path for path in held if path.exists()] == []
