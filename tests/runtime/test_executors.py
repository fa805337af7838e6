import os
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from pipeline.runtime.errors import EmoError
from pipeline.runtime.executors import run_all, worker_count
from pipeline.runtime.worker_limits import Limits, WorkerStoppedError
from tests.support.tasks import note


def outcomes(folder: Path, names: list[str], workers: int) -> dict[str, type | None]:
    tasks = [folder / name for name in names]
    return {task.name: type(error) if error else None for task, error in run_all(note, tasks, workers)}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_one_failure_stops_no_other(tmp_path: Path, workers: int) -> None:
    found = outcomes(tmp_path, ["a", "fail", "b", "c"], workers)
    assert found == {"a": None, "fail": ValueError, "b": None, "c": None}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys("abc", "ran\n")


def test_a_killed_worker_is_known_by_name(tmp_path: Path) -> None:
    names = ["a", "kill_1", "b", "c", "kill_2", "d", "e"]
    found = outcomes(tmp_path, names, 2)
    killed = [name for name, error in found.items() if error and issubclass(error, BrokenExecutor)]
    assert sorted(killed) == ["kill_1", "kill_2"]
    assert sorted(found) == sorted(names)
    assert {path.name for path in tmp_path.iterdir()} == set("abcde")


def test_no_tasks() -> None:
    assert list(run_all(note, [], 4)) == []


def test_the_environment_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMO_WORKERS", "3")
    assert worker_count() == 3
    monkeypatch.setenv("EMO_WORKERS", "")
    assert worker_count() == len(os.sched_getaffinity(0))
    for text in ("0", "-1", "two", "1.5", "²"):
        monkeypatch.setenv("EMO_WORKERS", text)
        with pytest.raises(EmoError, match=r"EMO_WORKERS: .* is not a whole number of 1 or more"):
            worker_count()


def test_a_worker_over_a_limit_is_stopped_and_its_task_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMO_WORKER_MB", "700")
    monkeypatch.setenv("EMO_STALL_S", "2")
    names, start = ["a", "grow", "b", "hang", "slow", "c", "d"], time.monotonic()
    errors = {
        task.name: error for task, error in run_all(note, [tmp_path / n for n in names], 2, limited=True)
    }
    stopped = {name: str(error) for name, error in errors.items() if isinstance(error, WorkerStoppedError)}
    assert sorted(stopped) == ["grow", "hang"]
    assert "700 MB" in stopped["grow"]
    assert "no progress for 2 s" in stopped["hang"]
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c", "d", "slow"}
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "much"])
def test_a_limit_that_is_no_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EMO_WORKER_MB", text)
    with pytest.raises(EmoError, match=r"EMO_WORKER_MB: "):
        Limits.from_environment(2)
