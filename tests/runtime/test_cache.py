import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.runtime import cache
from pipeline.runtime.errors import EmoError
from tests.support.making import TOP
from tests.support.tasks import Bench, Settings


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("EMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EMO_WORKERS", "1")
    monkeypatch.setattr(cache, "code_digest", lambda _: "the code")  # the tasks are not of the package
    bench = Bench(tmp_path)
    bench.source("a", "A")
    bench.source("b", "B")
    return bench


def test_only_what_changed_is_computed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.build()
    assert (bench.results(), bench.computed()) == ({"a.parquet": "A", "b.parquet": "B"}, ["a", "b"])
    bench.build()
    assert bench.computed() == []
    bench.source("c", "C")
    bench.build()
    assert bench.computed() == ["c"]
    bench.source("b", "BB")
    bench.build()
    assert (bench.computed(), bench.results()["b.parquet"]) == (["b"], "BB")
    bench.build(Settings(times=2))
    assert (bench.computed(), bench.results()["a.parquet"]) == (["a", "b", "c"], "AA")
    bench.build()  # the old settings' shards are still there
    assert (bench.computed(), bench.results()["a.parquet"]) == ([], "A")
    monkeypatch.setattr(cache, "code_digest", lambda _: "other code")
    bench.build()
    assert bench.computed() == ["a", "b", "c"]


def test_a_shard_does_not_depend_on_its_clips_name(bench: Bench) -> None:
    """Relabelling re-encodes nothing."""
    bench.build()
    (bench.top / "in" / "a").rename(bench.top / "in" / "renamed")
    bench.computed()
    bench.build()
    assert (bench.computed(), bench.results()) == ([], {"b.parquet": "B", "renamed.parquet": "A"})


def test_the_folder_holds_nothing_else(bench: Bench) -> None:
    bench.build()
    (bench.top / "out" / "stray.txt").write_text("x")
    (bench.top / "out" / "folder").mkdir()
    (bench.top / "out" / "folder" / "deep").write_text("x")
    (bench.top / "in" / "b").unlink()
    bench.build()
    assert bench.results() == {"a.parquet": "A"}


def test_shards_are_links_into_the_cache_that_nobody_can_write_through(bench: Bench) -> None:
    bench.build()
    shard = bench.top / "out" / "a.parquet"
    assert shard.stat().st_nlink == 2
    assert not shard.stat().st_mode & 0o222
    shard.unlink()  # as DVC does before a stage runs
    bench.build()
    assert bench.results()["a.parquet"] == "A"


def test_a_source_that_changes_while_it_is_read_makes_no_shard(bench: Bench) -> None:
    """The shard would be kept under the digest of the old content."""
    bench.source("c", "edited")
    assert bench.fails().startswith(f"clip c: {bench.top / 'in' / 'c'}: changed while it was read")
    bench.source("c", "edited")
    assert bench.fails().startswith("clip c: ")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_bad_clips_cost_nobody_else(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    workers: str,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("EMO_WORKERS", workers)
    bench.source("broken", "bad")
    bench.source("buggy", "bug")
    top = bench.top / "in"
    broken, buggy = bench.fails().splitlines()
    assert broken.startswith(f"clip broken: {top / 'broken'}: damaged")
    assert buggy.startswith(f"clip buggy: {top / 'buggy'}: ")
    assert "KeyError: 'no such thing'" in buggy
    assert bench.results() == {"a.parquet": "A", "b.parquet": "B"}
    assert "Traceback" in capsys.readouterr().err
    assert "2 clips computed, 0 unchanged, 2 failed" in caplog.messages
    bench.source("broken", "mended")
    (top / "buggy").unlink()
    bench.computed()
    bench.build()
    assert bench.computed() == ["broken"]


def test_refused_clips_are_reported_with_the_bad_ones(bench: Bench) -> None:
    bench.source("broken", "bad")
    with pytest.raises(EmoError) as caught:
        bench.build(refused=("clip z: too short",))
    assert str(caught.value).splitlines()[-1].strip() == "clip z: too short"
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.slow
def test_a_clip_that_kills_its_worker_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMO_WORKERS", "2")
    bench.source("greedy", "kill")
    message = bench.fails()
    assert message.startswith(f"clip greedy: {bench.top / 'in' / 'greedy'}: its worker was killed")
    assert "EMO_WORKERS=1" in message
    assert bench.results() == {"a.parquet": "A", "b.parquet": "B"}


def test_without_hard_links_shards_are_copied(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def other_file_system(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_file_system)
    bench.build()
    assert bench.results() == {"a.parquet": "A", "b.parquet": "B"}


def test_a_cache_that_cannot_be_a_folder(bench: Bench) -> None:
    (bench.top / "cache").write_text("in the way")
    assert str(bench.top / "cache") in bench.fails()


def test_rests_of_killed_runs_are_swept_after_a_day(bench: Bench) -> None:
    bench.build()
    old, new = (bench.top / "cache" / "copying" / f".{name}.parquet.1.tmp" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    bench.build()
    assert (old.exists(), new.exists()) == (False, True)


# --- kill -9 --------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from pipeline.runtime import cache
from tests.support.tasks import Bench
if __name__ == "__main__":
    cache.code_digest = lambda _: "the code"
    Bench(Path(sys.argv[1])).build()
"""


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_run_keeps_what_it_finished_and_leaves_no_worker(bench: Bench) -> None:
    for number in range(8):
        bench.source(f"slow{number}", f"slow{number}")
    script = bench.top / "script.py"
    script.write_text(SCRIPT)
    log = bench.top / "in" / "computed.log"
    environment = {**os.environ, "PYTHONPATH": str(TOP), "EMO_WORKERS": "2"}
    with subprocess.Popen([sys.executable, str(script), str(bench.top)], env=environment) as process:
        deadline = time.monotonic() + 60
        while not (log.is_file() and log.read_text().count("\n") >= 2):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, workers))
    finished = len(list((bench.top / "cache" / "copying").glob("*.parquet")))
    assert 1 <= finished < 10
    bench.computed()
    bench.build()
    assert len(bench.computed()) == 10 - finished
    assert len(bench.results()) == 10


def test_the_old_name_of_the_variable_and_of_the_folder_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade recomputes nothing for want of a name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EMO_CACHE", raising=False)
    monkeypatch.delenv("EMO_MEMO", raising=False)
    assert cache.cache_root() == tmp_path.resolve() / ".emo/cache"
    (tmp_path / ".emo/memo").mkdir(parents=True)
    assert cache.cache_root() == tmp_path.resolve() / ".emo/memo"
    monkeypatch.setenv("EMO_MEMO", str(tmp_path / "old"))
    assert cache.cache_root() == tmp_path / "old"
    monkeypatch.setenv("EMO_CACHE", str(tmp_path / "new"))
    assert cache.cache_root() == tmp_path / "new"


def test_copies_for_experiments_share_the_cache_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC copies what Git knows to .dvc/tmp/exps/<any name>, and removes the copy afterwards."""
    monkeypatch.delenv("EMO_CACHE", raising=False)
    monkeypatch.delenv("EMO_MEMO", raising=False)
    for folder in (tmp_path, tmp_path / ".dvc/tmp/exps/standalone/tmpab12", tmp_path / ".dvc/tmp/exps/tmpx"):
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.chdir(folder)
        assert cache.cache_root() == tmp_path.resolve() / ".emo/cache"


def test_nothing_is_deleted_behind_a_link(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    assert bench.fails().startswith(f"{tmp_path / 'out'}: a link to ")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["kept"]


def test_a_worker_that_hangs_is_named_and_costs_the_others_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMO_WORKERS", "2")
    monkeypatch.setenv("EMO_STALL_S", "3")
    bench.source("h", "hang")
    message = bench.fails()
    assert message.startswith(f"clip h: {bench.top / 'in' / 'h'}: no progress for 3 s; ")
    assert "\n" not in message
    assert bench.results() == {"a.parquet": "A", "b.parquet": "B"}
