"""Checks of the outputs of the stages: up to date by DVC, and the dataset as its tables list it."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.audit.checks.images import HashedImage, hashed_images
from pipeline.audit.gate.check import Finding, Scope, Topic, UnavailableError, check, verdict
from pipeline.dataset.images.collect import images_digest
from pipeline.runtime.code import PACKAGE
from pipeline.runtime.errors import EmoError
from pipeline.runtime.json_files import parse_json
from pipeline.runtime.paths import AUDIT, CENSUS, PIPELINE, SPLIT
from pipeline.runtime.regular_files import read_regular
from pipeline.runtime.stages import BUILDING, GATE
from pipeline.runtime.text import listed
from pipeline.runtime.yaml_files import mapping
from pipeline.schema.census import CensusRow
from pipeline.schema.dataset import read_dataset_shard, shard_path
from pipeline.schema.split import SplitRow
from pipeline.versions.dvc_lock import StageLock, read_yaml
from pipeline.versions.stale import unbuilt
from pipeline.versions.version import Version

Changes = Mapping[str, Sequence[Any]]
"""The output of `dvc status --json`: stage or .dvc file -> changes, nested by kind, path and setting."""

_DELETED, _NOT_IN_CACHE = "deleted", "not in cache"

_CANNOT_ASK = re.compile(
    "not inside of a DVC repository|is not a git repository|Unable to acquire lock|busy, it is being blocked"
)
"""Messages of DVC that are no violation: DVC or Git is not used here, or another DVC command runs."""

MAKING = (*BUILDING, GATE)
"""The stages that build the dataset and gate it."""


@dataclass(frozen=True)
class Status:
    """How the outputs relate to their inputs."""

    changes: Changes
    frozen: tuple[str, ...] = ()
    "Stages and .dvc files that DVC skips."
    run: frozenset[str] = frozenset()
    "Stages that DVC has run."
    gate_failed: bool = False
    "Whether the dataset fails the gate, so that DVC records no run of it."
    missing: tuple[str, ...] = ()
    "Stages that build the dataset but are missing in dvc.yaml."
    unlike: tuple[str, ...] = ()
    "Settings, code, tables and outputs that differ from dvc.lock, whether DVC reports them or not."


@dataclass(frozen=True)
class CountedShard:
    """One shard of the dataset, counted again."""

    split: str
    "Folder of data/dataset that holds it."
    subject: str
    "Subject by the name of the file."
    rows: tuple[CensusRow, ...]
    images: tuple[HashedImage, ...] = ()


@check("outputs up to date", Topic.FILES, Scope.ENROLLED)
def up_to_date(status: Status) -> Finding:
    """Every output was made from the present recordings, settings and code, and no stage is frozen.

    Stages that never ran, outputs that are not here and outputs that only the cache lacks are reported, but
    are no violations.
    """
    violations = [f"{name}: not in {PIPELINE}; `git checkout {PIPELINE}`" for name in status.missing]
    violations += [f"{name}: frozen; `dvc unfreeze {name}`" for name in status.frozen]
    absent: list[str] = []
    uncached: list[str] = []
    waiting: list[str] = []
    for name, entries in status.changes.items():
        changed = dict(_changed(entries))
        gone = [
            path for path, how in changed.items() if how == _DELETED and not path.startswith(f"{PACKAGE}/")
        ]
        lost = [path for path, how in changed.items() if how == _NOT_IN_CACHE]
        if name == GATE and status.gate_failed:
            violations.append(f"{name}: the gate failed; see its checks above")
        elif name in status.run or name.endswith(".dvc"):
            stale = [path for path in changed if path not in (*gone, *lost)]
            violations += [f"{name}: {listed(stale, 3)} changed"] if stale else []
            absent += gone
            uncached += lost
        elif any(path not in gone for path in _outs(entries)):
            violations.append(f"{name}: made by hand, or the stage failed")
        else:
            waiting.append(name)
    if status.unlike and not violations:  # otherwise DVC has reported it
        remedy = f"changed, but not listed in {PIPELINE}; `git checkout {PIPELINE}`"
        violations.append(f"{listed(status.unlike, 3)}: {remedy}")
    notes = [f"never run: {listed(waiting)}"] if waiting else []
    notes += [f"not here: {listed(dict.fromkeys(absent))}"] if absent else []
    notes += [f"not in DVC's cache: {listed(dict.fromkeys(uncached))}"] if uncached else []
    return verdict(violations, "; ".join(["as dvc.lock says", *notes]), "run `dvc repro`")


def _outs(entries: Sequence[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, Mapping):
            yield from entry.get("changed outs", {})


def _changed(entries: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield what changed and how: `raw/videos`, `params.yaml: dedup`, or the stage's `command`."""
    for entry in entries:
        if not isinstance(entry, Mapping):
            yield str(entry).removeprefix("changed "), ""
            continue
        for paths in entry.values():
            for path, how in paths.items():
                if isinstance(how, Mapping):
                    yield from ((f"{path}: {key}", "") for key in how)
                else:
                    yield path, str(how)


def read_status(here: Version) -> Status:
    """Return the status of the workspace by `dvc status`, run in a separate process.

    Raises UnavailableError if there is no DVC or Git, or another DVC command runs, EmoError if it
    fails.
    """
    if importlib.util.find_spec("dvc") is None:
        raise UnavailableError("dvc: not installed")
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = re.sub(r"\s+", " ", done.stderr).strip().removeprefix("ERROR: ")
        if _CANNOT_ASK.search(reason):
            raise UnavailableError(f"`dvc status`: {reason}")
        raise EmoError(f"{PIPELINE}: `dvc status` failed: {reason}")
    changes = json.loads(done.stdout.splitlines()[-1])
    stages = _stages(Path())
    known = replace(here, lock={name: lock for name, lock in here.lock.items() if name in stages})
    return Status(
        changes,
        frozen=tuple(frozen(Path())),
        run=frozenset(here.lock),
        gate_failed=gate_failed(AUDIT),
        missing=tuple(name for name in MAKING if name not in stages),
        unlike=(*unbuilt(known), *remade(known.lock, stages)),
    )


def remade(lock: Mapping[str, StageLock], stages: Mapping[str, Any]) -> Iterator[str]:
    """Yield outputs rebuilt since a stage read them that dvc.yaml no longer lists as its dependency."""
    outs = {path: md5 for stage in lock.values() for path, md5 in stage.outs.items()}
    for name, stage in lock.items():
        named = mapping(stages.get(name)).get("deps") or ()
        yield from (
            path for path, md5 in stage.deps.items() if path not in named and outs.get(path, md5) != md5
        )


def gate_failed(report: Path) -> bool:
    """Return whether reports/audit.json says that the dataset fails; False without the file."""
    try:
        return parse_json(read_regular(report))["ok"] is False
    except (EmoError, OSError, ValueError, KeyError, TypeError):
        return False


def frozen(root: Path) -> Iterator[str]:
    """Yield the stages and .dvc files that are frozen.

    A .dvc file with dependencies is an import, which DVC always freezes; it is no violation.
    """
    yield from (name for name, stage in _stages(root).items() if mapping(stage).get("frozen"))
    for path in sorted((root / "raw").glob("*.dvc")):
        pointer = _read(path)
        if pointer.get("frozen") and not pointer.get("deps"):
            yield path.relative_to(root).as_posix()


def _stages(root: Path) -> Mapping[str, Any]:
    return mapping(_read(root / PIPELINE).get("stages"))


def _read(path: Path) -> Mapping[str, Any]:
    return read_yaml(read_regular(path).decode("utf-8", errors="replace"), str(path))


@check("dataset matches the census", Topic.FILES)
def dataset_as_counted(shards: Iterable[CountedShard], census: Iterable[CensusRow]) -> Finding:
    """The shards hold the images that data/census.csv lists, by count and digest."""
    here = {(row.split, row.subject, row.expression): row for shard in shards for row in shard.rows}
    there = {(row.split, row.subject, row.expression): row for row in census}
    different: dict[Path, list[str]] = {}
    for key in sorted(here.keys() | there.keys()):
        if here.get(key) != there.get(key):
            text = f"{key[2]} {_differ(here.get(key), there.get(key))}"
            different.setdefault(shard_path(key[0], key[1]), []).append(text)
    violations = [f"{path}: {listed(texts, 2)}" for path, texts in different.items()]
    fine = f"{sum(row.images for row in here.values()):,} images, {len(here)} digests"
    return verdict(
        violations, fine, f"`dvc checkout --force dataset` and `git checkout {CENSUS}` restore them"
    )


def _differ(here: CensusRow | None, there: CensusRow | None) -> str:
    if here and there and here.images == there.images:
        return "has different images"
    return f"has {here.images if here else 0} images, {there.images if there else 0} in {CENSUS}"


@check("folders match the split", Topic.FILES)
def shards_as_split(shards: Sequence[CountedShard], split: Mapping[str, SplitRow]) -> Finding:
    """Every shard is in the folder that data/split.csv names, and holds only the subject of its name."""
    violations = []
    for shard in shards:
        path = shard_path(shard.split, shard.subject)
        split_name = split[shard.subject].split if shard.subject in split else "missing"
        if split_name != shard.split:
            violations.append(f"{path}: the split of the subject is {split_name} in {SPLIT}")
        others = sorted({row.subject for row in shard.rows} - {shard.subject})
        if others:
            violations.append(f"{path}: images of {listed(others)}")
    return verdict(violations, f"{len(shards)} shards", "run `dvc repro`")


def read_shard(path: Path) -> CountedShard:
    """Count one shard of the dataset again, as the stage dataset did."""
    read = read_dataset_shard(path)
    classes, found = read.classes, read.rows()
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["subject"], row["label"]), []).append(row)
    rows = (
        CensusRow(
            split=path.parent.name,
            subject=subject,
            expression=classes[label],
            clips=len({row["clip"] for row in images}),
            images=len(images),
            digest=images_digest(images),
        )
        for (subject, label), images in groups.items()
    )
    return CountedShard(path.parent.name, path.stem, tuple(rows), tuple(hashed_images(found, classes, path)))
