"""What dvc.lock says of a stage is compared with what the stage stored."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from pipeline.runtime.dvc_hash import file_md5
from pipeline.runtime.errors import EmoError
from pipeline.runtime.stage_record import StageRecord, record_path
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.stage_records import compare_records, false_entries
from pipeline.versions.version import Version, empty_version

RECORD = StageRecord(
    stage="split",
    params={"params.yaml": {"split.seed": 4, "split.folds": 5}},
    deps={"raw/participants.csv": "1a", "pipeline/runtime": "2b.dir"},
    code="3c",
    versions={"emo": "1.0"},
)
LOCK = StageLock(
    deps={"raw/participants.csv": "1a", "pipeline/runtime": "2b.dir", "data/faces": "4d.dir"},
    params={"split.seed": 4, "split.folds": 5},
)


@pytest.fixture
def md5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The MD5 of the record, which lies in the workspace."""
    monkeypatch.chdir(tmp_path)
    path = record_path("split")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(asdict(RECORD)))
    return file_md5(path)


def version(name: str, lock: StageLock, md5: str = "") -> Version:
    outs = {record_path("split").as_posix(): md5} if md5 else {}
    return replace(empty_version(Path(), name), lock={"split": replace(lock, outs=outs)})


@pytest.mark.parametrize(
    ("lock", "found"),
    [
        (LOCK, []),  # folders of data are not in the record
        (replace(LOCK, params={"split.seed": 4.0, "split.folds": 5}), []),
        (
            replace(LOCK, params={"split.seed": 5, "split.folds": 5}),
            ["split: split.seed: 4 was used, dvc.lock says 5"],
        ),
        (replace(LOCK, params={"split.seed": 4}), ["split: split.folds: 5 was used, dvc.lock says 'none'"]),
        (
            replace(LOCK, deps=LOCK.deps | {"raw/participants.csv": "9z"}),
            ["split: raw/participants.csv: not as it was used when the stage ran"],
        ),
        (
            replace(LOCK, deps=LOCK.deps | {"pipeline/runtime": "9z.dir"}),
            ["split: pipeline/runtime: not as it was used when the stage ran"],
        ),
        (
            replace(LOCK, deps=LOCK.deps | {"raw/clips.csv": "9z"}),
            ["split: raw/clips.csv: not as it was used when the stage ran"],
        ),
    ],
)
def test_what_a_record_contradicts(lock: StageLock, found: list[str]) -> None:
    assert list(false_entries(RECORD, lock)) == found


def test_versions_are_compared_and_those_without_a_record_listed(md5: str) -> None:
    wrong = replace(LOCK, params={"split.seed": 5, "split.folds": 5})
    versions = [version("workspace", wrong, md5), version("v3", wrong, md5), version("v2", LOCK, md5)]
    versions += [version("v1", LOCK, "0" * 32), version("v0", LOCK)]
    found = compare_records(versions)
    assert found.false == {"split: split.seed: 4 was used, dvc.lock says 5": ["workspace", "v3"]}
    assert (found.compared, found.absent, found.before) == (3, ["v1"], ["v0"])


def test_a_damaged_record_is_named(md5: str) -> None:
    assert md5
    record_path("split").write_text("{")
    with pytest.raises(EmoError, match=r"data/used/split\.json: damaged"):
        compare_records([version("workspace", LOCK, file_md5(record_path("split")))])
