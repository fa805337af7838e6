"""What an erasure will do: whose, which files and objects, and by what they are recognised afterwards."""

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.core.progress import progress_bar
from pipeline.core.tables import write_text
from pipeline.history.git import Repository
from pipeline.history.lock import read_listing
from pipeline.history.objects import FOLDER_MARK
from pipeline.withdrawal.content import is_parquet, is_text, kind_of, pictures_in
from pipeline.withdrawal.files import NET, PICTURE, Held, in_cache, in_memo, in_workspace, is_picture_or_net
from pipeline.withdrawal.fingerprints import Fingerprints, fingerprints, joined, load
from pipeline.withdrawal.objects import Outputs, find_outputs, held_by_name
from pipeline.withdrawal.person import Person, find_person
from pipeline.withdrawal.stores import Store, is_shared

UNNAMED = f"{PICTURE}, or {NET}: of a run that no commit names"

STATE = Path(".emo/withdrawals")
"""What a killed erasure has to know to go on; removed when it is done and proved."""


@dataclass(frozen=True)
class Plan:
    """What will go."""

    person: Person
    outputs: Outputs
    workspace: tuple[Held, ...]
    memo: tuple[Held, ...]
    objects: Mapping[str, str]
    "MD5 -> what it is; whether a store has it or not"
    looked_for: Fingerprints = field(default_factory=lambda: fingerprints([], []), repr=False)


def make_plan(subject: str, repository: Repository, cache: Store) -> Plan:
    """Find all that the project holds of a subject, and what an earlier, unfinished erasure knew.

    Raises EmoError for a subject that nobody knows.
    """
    before = _load(subject)
    person = find_person(subject, repository)
    person = person | before[0] if before else person
    outputs = _with_person(find_outputs(person, repository), person, cache)
    objects = dict(before[1]) if before else {}
    objects |= held_by_name(person, outputs, cache.read, cache.listings())
    named = _named(cache, outputs)
    objects |= _by_content(person, cache, named)
    workspace = in_workspace(person, named - objects.keys())
    return Plan(person, outputs, tuple(workspace), tuple(in_memo(person)), objects)


def with_fingerprints(plan: Plan, cache: Store) -> Plan:
    """Return the plan with what is looked for once it is carried out; reads all that will go."""
    paths = [held.path for held in (*plan.workspace, *plan.memo)] + _paths(cache, plan.objects)
    before = load(_fingerprints(plan.person.subject))
    return replace(plan, looked_for=joined(before, _fingerprints_of(paths)))


def save(plan: Plan) -> None:
    """Keep what an interrupted erasure needs to go on: names and digests, no content."""
    known = {"person": asdict(plan.person), "objects": dict(plan.objects)}
    plan.looked_for.save(_fingerprints(plan.person.subject))
    write_text(_state(plan.person.subject), json.dumps(known, default=sorted, indent=1))


def forget(subject: str) -> None:
    """Remove what `save` wrote."""
    for path in (_state(subject), _fingerprints(subject)):
        path.unlink(missing_ok=True)


def is_unfinished(subject: str) -> bool:
    """Tell whether an erasure was begun and is not done."""
    return _state(subject).is_file()


def _load(subject: str) -> tuple[Person, dict[str, str]] | None:
    if not is_unfinished(subject):
        return None
    known: dict[str, Any] = json.loads(_state(subject).read_text(encoding="utf-8"))
    parts = {name: frozenset(value) for name, value in known["person"].items() if name != "subject"}
    return Person(subject, **parts), known["objects"]


def _state(subject: str) -> Path:
    return STATE / f"{subject}.json"


def _fingerprints(subject: str) -> Path:
    return STATE / f"{subject}.npz"


def _by_content(person: Person, cache: Store, named: Set[str]) -> dict[str, str]:
    """Return what the cache's objects hold of the person, and pictures and nets that no version names.

    Those are of runs between two commits. In a cache that several projects share they may be others'.
    """
    folder = cache.folder
    if folder is None or not folder.is_dir():
        return {}
    found = dict(in_cache(person, folder, STATE / "digests.json"))
    if is_shared(cache):
        return found
    for md5 in set(cache.ids()) - named:
        if not md5.endswith(FOLDER_MARK) and is_picture_or_net(folder / md5[:2] / md5[2:]):
            found.setdefault(md5, UNNAMED)
    return found


def _with_person(outputs: Outputs, person: Person, cache: Store) -> Outputs:
    """Leave out the tables that many people share where the cache's copy has no row of the person."""
    tables = [md5 for md5, path in outputs.shared.items() if Path(path).suffix in (".parquet", ".csv")]
    paths = {md5: path for md5 in cache.present(tables) if (path := cache.path(md5))}
    clean = {md5 for md5, path in paths.items() if not kind_of(path, person)}
    return replace(outputs, shared={md5: p for md5, p in outputs.shared.items() if md5 not in clean})


def _named(cache: Store, outputs: Outputs) -> set[str]:
    """Return the MD5 of every object that some version names, in a list of a folder or by itself."""
    lists = [md5 for md5 in outputs.all if md5.endswith(FOLDER_MARK)]
    entries = {md5 for name in lists for md5 in read_listing(cache.read(name) or b"[]").values()}
    return entries | outputs.all


def _paths(cache: Store, objects: Mapping[str, str]) -> list[Path]:
    return [path for md5 in cache.present(objects) if (path := cache.path(md5))]


def _fingerprints_of(paths: Sequence[Path]) -> Fingerprints:
    """Return by what the content of these files can be recognised; tables of text are left out."""
    files = list({path.stat().st_ino: path for path in paths}.values())
    shards = [path for path in files if is_parquet(path)]
    pictures = [path for path in files if is_picture_or_net(path)]
    recordings = [path for path in files if path not in {*shards, *pictures} and not is_text(path)]
    return fingerprints(_all_pictures(shards, pictures), recordings)


def _all_pictures(shards: Sequence[Path], pictures: Sequence[Path]) -> Iterator[bytes]:
    with progress_bar("reading", len(shards)) as advance:
        for path in shards:
            yield from pictures_in(path)
            advance()
    yield from (path.read_bytes() for path in pictures)
