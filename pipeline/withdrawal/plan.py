"""Step 1, plan: what an erasure will delete, and how to recognise it afterwards."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.runtime.files import write_text
from pipeline.runtime.paths import WITHDRAWAL_STATE
from pipeline.runtime.progress import progress_bar
from pipeline.schema.withdrawals import read_state
from pipeline.versions.git import Repository
from pipeline.withdrawal.find.content import LEFTOVER, images_in, is_image_or_weights, is_parquet, is_text
from pipeline.withdrawal.find.files import HeldFile, in_cache, in_workspace, not_judged
from pipeline.withdrawal.find.objects import ListedObjects, find_listed, find_objects
from pipeline.withdrawal.fingerprints import Fingerprints, fingerprints, joined, load
from pipeline.withdrawal.stores import Stores
from pipeline.withdrawal.subject import Subject, find_subject, with_unlisted

STATE = WITHDRAWAL_STATE
"""Names, digests and fingerprints of the subjects who withdrew. An interrupted erasure resumes from it, and a
later one recognises data that come back. No image can be reconstructed from it."""


@dataclass(frozen=True)
class Plan:
    """What an erasure will delete."""

    subject: Subject
    listed: ListedObjects
    workspace: tuple[HeldFile, ...]
    cache: tuple[HeldFile, ...]
    objects: Mapping[str, str]
    "MD5 -> what it is, in words; whether a store has it or not."
    looked_for: Fingerprints = field(default_factory=lambda: fingerprints([], []), repr=False)
    "Samples of everything that will be deleted."
    not_judged: tuple[Path, ...] = ()
    "Images and pages in reports/ without a tag of emo: the lab must look at them."


def make_plan(code: str, repository: Repository, stores: Stores) -> Plan:
    """Find everything that the project holds of a subject, and what an earlier erasure recorded.

    Raises EmoError for an unknown subject.
    """
    known, objects = _recorded(code)
    subject = with_unlisted(find_subject(code, repository) | known)
    listed = find_listed(repository, stores.read)
    objects = find_objects(subject, listed, stores, objects)
    clean = listed.objects - objects.keys()
    return Plan(
        subject,
        listed,
        workspace=tuple(in_workspace(subject, clean)),
        cache=tuple(in_cache(subject)),
        objects=objects,
        not_judged=tuple(not_judged(subject, clean)),
    )


def with_fingerprints(plan: Plan, stores: Stores) -> Plan:
    """Return the plan with the fingerprints of everything that it deletes, and of earlier erasures.

    Shards of unknown recordings are left out: they may be another subject's, whose data must not be found
    later.
    """
    paths = [item.path for item in (*plan.workspace, *plan.cache) if item.kind != LEFTOVER]
    for store in stores:
        paths += [path for md5 in store.present(plan.objects) if (path := store.path(md5))]
    before = load(_fingerprints_path(plan.subject.code))
    return replace(plan, looked_for=joined(before, _fingerprints_of(paths, plan.subject)))


def save(plan: Plan, *, done: bool) -> None:
    """Record what an interrupted erasure needs to resume, and a later one to recognise the subject's data."""
    subject = plan.subject
    state = {
        "done": done,
        "person": {
            "subject": subject.code,
            "clips": subject.clips,
            "videos": subject.videos,
            "recordings": subject.recordings,
            "sex": subject.sex,
            "enrolled": subject.enrolled,
        },
        "objects": dict(plan.objects),
    }
    plan.looked_for.save(_fingerprints_path(subject.code))
    write_text(STATE / f"{subject.code}.json", json.dumps(state, default=sorted, indent=1))


def _recorded(code: str) -> tuple[Subject, dict[str, str]]:
    """Return the subject and the objects that an earlier erasure recorded."""
    path = STATE / f"{code}.json"
    if not path.is_file():
        return Subject(code), {}
    state = read_state(path)
    known = state["person"]
    clips, videos, recordings = (frozenset(known[name]) for name in ("clips", "videos", "recordings"))
    return Subject(code, clips, videos, recordings, known["sex"], known["enrolled"]), dict(state["objects"])


def _fingerprints_path(code: str) -> Path:
    return STATE / f"{code}.npz"


def _fingerprints_of(paths: Sequence[Path], subject: Subject) -> Fingerprints:
    """Return the fingerprints of the content of these files; text tables have none."""
    files = list({_inode(path): path for path in paths if path.is_file()}.values())
    shards = [path for path in files if is_parquet(path)]
    images = [path for path in files if is_image_or_weights(path)]
    recordings = [path for path in files if path not in {*shards, *images} and not is_text(path)]
    return fingerprints(_encoded_images(shards, images, subject), recordings)


def _inode(path: Path) -> tuple[int, int]:
    """Return what all names of one file have in common, and no other file has."""
    info = path.stat()
    return info.st_dev, info.st_ino


def _encoded_images(shards: Sequence[Path], images: Sequence[Path], subject: Subject) -> Iterator[bytes]:
    with progress_bar("reading", len(shards)) as advance:
        for path in shards:
            yield from images_in(path, subject)
            advance()
    yield from (path.read_bytes() for path in images)
