"""`emo audit` on a real project under DVC and Git."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.audit.checks.outputs import read_shard
from pipeline.audit.run import UP_TO_DATE
from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.parquet import write_parquet
from pipeline.runtime.stages import LEARNING
from pipeline.schema.census import CensusRow
from tests.support.projects import COHORT, SUBJECTS, Project, new_project, recordings

pytestmark = pytest.mark.slow

PEOPLE = str(COHORT / "participants.tsv")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of six people with a dataset, committed as v1."""
    folder = tmp_path_factory.mktemp("audited")
    project = new_project(folder / "project")
    videos = recordings(folder / "videos", SUBJECTS, ("happy", "surprised"))
    project.emo("ingest", str(videos), "--participants", PEOPLE)
    project.repro("audit")
    project.commit("First version", "v1")
    return project


@pytest.fixture
def project(built: Project) -> Iterator[Project]:
    """The project, put back afterwards."""
    yield built
    built.run("git", "reset", "-q", "--hard", "v1")
    built.run("dvc", "checkout", "-q", "--force", "raw/videos.dvc", "dataset", "split")


def audit(project: Project, *arguments: str) -> dict[str, dict[str, object]]:
    """Return the checks by name."""
    report = project.answer("audit", *arguments)
    assert report["ok"] == all(check["ok"] for check in report["checks"])
    return {check["name"]: check for check in report["checks"]}


def failed(checks: dict[str, dict[str, object]]) -> dict[str, object]:
    return {name: check["detail"] for name, check in checks.items() if not check["ok"]}


def test_a_clean_project(project: Project) -> None:
    report = project.answer("audit", "--deep", "--skip", "no take in two splits")
    head = project.run("git", "rev-parse", "HEAD").strip()
    assert (report["version"], report["commit"]) == (f"workspace of {head[:7]}", head)
    skipped = {check["name"]: check["detail"] for check in report["checks"] if check["skipped"]}
    assert skipped == {
        "no take in two splits": "by --skip",
        "labels match the paths": "no clip comes from a manifest whose paths contain expressions",
    }
    details = {check["name"]: check["detail"] for check in report["checks"]}
    assert details[UP_TO_DATE] == f"as dvc.lock says; never run: {', '.join(LEARNING)}"
    assert details["recordings unchanged"] == "12 recordings hashed"


def test_a_byte_of_a_recording(project: Project) -> None:
    """Only --deep looks: length and time of modification are as before."""
    video = project.root / f"raw/videos/{SUBJECTS[0]}/{SUBJECTS[0]}_happy.mp4"
    before, data = video.stat(), bytearray(video.read_bytes())
    data[-100] ^= 1
    video.unlink()  # a link into DVC's cache
    video.write_bytes(data)
    os.utime(video, ns=(before.st_atime_ns, before.st_mtime_ns))
    checks = audit(project, "--skip", UP_TO_DATE)
    assert failed(checks) == {}
    assert checks["recordings unchanged"]["detail"] == "use --deep"
    assert list(failed(audit(project, "--deep", "--skip", UP_TO_DATE))) == ["recordings unchanged"]


def test_stale_and_frozen(project: Project) -> None:
    project.edit("params.yaml", "max_distance: .*", "max_distance: 20")
    project.edit("dvc.yaml", "\n  split:\n", "\n  split:\n    frozen: true\n")
    found = failed(audit(project))
    assert list(found) == [UP_TO_DATE]
    assert str(found[UP_TO_DATE]).startswith(
        "split: frozen; `dvc unfreeze split`; dedup: params.yaml: dedup changed"
    )


def test_settings_and_code_that_were_recorded_by_hand(project: Project) -> None:
    """`dvc commit` records the present settings and code as those of the present outputs."""
    name, code = "outputs made as recorded", project.root / "pipeline/faces/crop.py"
    assert audit(project)[name]["detail"] == "12 records compared with dvc.lock"
    project.edit("params.yaml", "  seed: 4 ", "  seed: 7 ")
    code.write_text(code.read_text() + "\n# an edit\n")
    project.run("dvc", "commit", "--force", "split", "faces", "dataset")
    found = str(failed(audit(project))[name])
    assert "split: split.seed: 4 was used, dvc.lock says 7 (workspace)" in found
    assert "faces: pipeline/faces: not as it was used when the stage ran (workspace)" in found
    project.run("dvc", "repro", "--force", "--single-item", "split")  # DVC's run-cache has the false output
    assert "split: split.seed" not in str(failed(audit(project))[name])


def test_another_seed_moves_people(project: Project) -> None:
    name = "no subject changed split"
    project.edit("params.yaml", "  seed: 4 ", "  seed: 6 ")
    project.repro("split")
    project.commit("Another seed")
    found = str(failed(audit(project))[name])
    assert "(v1), " in found
    assert "now (split.seed: 4 -> 6)" in found
    assert audit(project, "--since", "HEAD")[name]["ok"]
    unknown = project.emo("audit", "--since", "v9", check=False)
    assert unknown.startswith("error: v9: unknown revision")


def test_an_altered_shard_and_a_damaged_one(project: Project) -> None:
    shard = sorted((project.root / "data/dataset/train").glob("*.parquet"))[0]
    table = pq.read_table(shard)
    write_parquet(shard, table.slice(1))
    found = failed(audit(project, "--skip", UP_TO_DATE))
    assert list(found) == ["dataset matches the census"]
    assert f"data/dataset/train/{shard.name}: happy has " in str(found["dataset matches the census"])
    shard.unlink()
    shard.write_bytes(b"no parquet")
    text = project.emo("audit", check=False)
    assert text.startswith(f"error: data/dataset/train/{shard.name}: not a readable Parquet file")


def test_another_persons_pixels_that_are_counted_and_committed(project: Project) -> None:
    """Tables, digests and DVC agree with each other; only the pixels tell."""
    one, other = sorted((project.root / "data/dataset/train").glob("*.parquet"))[:2]
    rows, theirs = (pq.read_table(path).to_pylist() for path in (one, other))
    name = rows[0]["image"]["path"]
    rows[0]["image"]["bytes"] = theirs[0]["image"]["bytes"]
    write_parquet(one, pa.Table.from_pylist(rows, schema=pq.read_schema(one)))
    shards = sorted((project.root / "data/dataset").glob("*/*.parquet"))
    census = [row for path in shards for row in read_shard(path).rows]
    write_csv(project.root / "data/census.csv", census, CensusRow)
    project.run("dvc", "commit", "--force", "dataset", "audit")
    found = failed(audit(project))
    assert sorted(found) == ["images match their face crops", "no near-duplicate across subjects"]
    assert str(found["images match their face crops"]).startswith(
        f"{name}: differs from the face crop in data/faces/{rows[0]['clip']}.parquet"
    )
    assert f"{one.stem} and {other.stem}: " in str(found["no near-duplicate across subjects"])


def test_files_that_nothing_explains(project: Project) -> None:
    shard = next((project.root / "data/dataset/train").glob("*.parquet"))
    hidden = project.root / "data/dataset/train/old" / shard.name
    hidden.parent.mkdir()
    shutil.copy(shard, hidden)
    project.edit("raw/participants.csv", f"({shard.stem},.*),unknown", r"\1,withdrawn")
    shard.unlink()
    found = failed(audit(project, "--skip", UP_TO_DATE))
    assert "data/dataset/train/old/" in str(found["no unknown files in the dataset"])
    assert "1 in data/dataset" in str(found["no data of withdrawn subjects"])


def test_a_lock_file_that_dvc_rejects(project: Project) -> None:
    project.edit("dvc.lock", "schema: .*", "schema: '9.9'")
    found = failed(audit(project))
    assert list(found) == [UP_TO_DATE]
    assert "dvc.lock' validation failed" in str(found[UP_TO_DATE])


def test_without_git_and_without_the_cache(project: Project, tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns(".git", "__pycache__", "files")
    copy = Project(shutil.copytree(project.root, tmp_path / "copy", ignore=left_out), project.cache)
    checks = audit(copy)
    assert failed(checks) == {}
    assert checks[UP_TO_DATE]["skipped"]
    assert "is not a git repository" in str(checks[UP_TO_DATE]["detail"])
    shutil.copytree(project.root / ".git", copy.root / ".git")
    checks = audit(copy)
    assert failed(checks) == {}
    assert "not in DVC's cache: " in str(checks[UP_TO_DATE]["detail"])


def test_data_that_come_back_after_a_withdrawal(project: Project) -> None:
    """Somebody withdrew on another branch; here is an older version with that person's data."""
    subject = SUBJECTS[1]
    project.run("git", "switch", "-q", "-c", "withdrawal")
    project.edit("raw/participants.csv", f"({subject},.*),unknown", r"\1,withdrawn")
    project.commit("Somebody withdrew")
    project.run("git", "switch", "-q", "main")
    try:
        found = str(failed(audit(project, "--skip", UP_TO_DATE))["no data of withdrawn subjects"])
    finally:
        project.run("git", "branch", "-q", "-D", "withdrawal")
    assert found == (
        f"{subject}, withdrawn in raw/participants.csv of withdrawal: files: 2 in raw/videos, 2 in "
        f"data/frames, 2 in data/faces, 1 in data/dataset; run `emo withdraw {subject}`"
    )


def test_a_shallow_clone_without_data(built: Project, tmp_path: Path) -> None:
    """What cannot be looked at is skipped, or missing by name; it never passes in silence."""
    clone = Project(tmp_path / "clone", built.cache)
    built.run("git", "clone", "-q", "--depth", "1", f"file://{built.root}", str(clone.root))
    text = clone.emo("audit", check=False)
    assert text == "error: data/dataset: missing; run `dvc pull` or `dvc repro`\n"
    shutil.copytree(built.root / "data", clone.root / "data", dirs_exist_ok=True)
    checks = audit(clone, "--skip", UP_TO_DATE)
    assert failed(checks) == {}
    assert checks["recordings present"]["skipped"]
    seen = str(checks["no subject changed split"]["detail"])
    assert seen.startswith("6 subjects, compared with 1 version in Git")
