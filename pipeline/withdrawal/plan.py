"""What an erasure will do: whose, which files and objects, and by what they are recognised ever after."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from pipeline.runtime.files import write_text
from pipeline.runtime.paths import WITHDRAWAL_STATE
from pipeline.runtime.progress import progress_bar
from pipeline.schema.withdrawals import read_state, read_withdrawn
from pipeline.versions.dvc_cache import FOLDER_MARK
from pipeline.versions.git import Repository
from pipeline.withdrawal.content import LEFTOVER, is_parquet, is_text, kind_of, pictures_in
from pipeline.withdrawal.files import (
    NET,
    PICTURE,
    Held,
    in_memo,
    in_store,
    in_workspace,
    is_picture_or_net,
    not_judged,
    with_unlisted,
)
from pipeline.withdrawal.fingerprints import Fingerprints, fingerprints, joined, load
from pipeline.withdrawal.objects import Named, find_named, held
from pipeline.withdrawal.stores import Store, is_shared
from pipeline.withdrawal.subject import Person, find_person

UNNAMED = f"{PICTURE}, or {NET}: of a run that no commit names"

STATE = WITHDRAWAL_STATE
"""What is known of those who withdrew: names and digests, by which a killed erasure goes on and later ones
recognise what comes back. No content can be made of it."""


@dataclass(frozen=True)
class Plan:
    """What will go."""

    person: Person
    named: Named
    workspace: tuple[Held, ...]
    memo: tuple[Held, ...]
    objects: Mapping[str, str]
    "MD5 -> what it is; whether a store has it or not"
    looked_for: Fingerprints = field(default_factory=lambda: fingerprints([], []), repr=False)
    not_judged: tuple[Path, ...] = ()
    "pictures and pages in reports/ that have no mark of emo's: people must look"


def make_plan(subject: str, repository: Repository, cache: Store, remotes: Sequence[Store]) -> Plan:
    """Find all that the project holds of a subject, and what an earlier erasure knew.

    Raises EmoError for a subject that nobody knows.
    """
    person, objects = _known(subject)
    person = with_unlisted(find_person(subject, repository) | person)
    named = find_named(repository, lambda md5: _read_anywhere(md5, [cache, *remotes]))
    unnamed = [] if is_shared(cache) else [md5 for md5 in cache.listings() if md5 not in named.lists]
    objects |= held(person, named, [data for md5 in unnamed if (data := cache.read(md5))])
    for md5 in _tables_without(person, [cache, *remotes], objects):
        del objects[md5]
    objects |= {row.md5: "recording" for row in read_withdrawn() if row.subject == subject and row.md5}
    for store in (cache, *remotes):
        objects |= in_store(person, store, STATE.parent / "objects.json", shared=is_shared(store))
    objects |= _unnamed_pictures(cache, named)
    clean = named.objects - objects.keys()
    workspace, memo = in_workspace(person, clean), in_memo(person)
    others = not_judged(person, clean)
    return Plan(person, named, tuple(workspace), tuple(memo), objects, not_judged=tuple(others))


def with_fingerprints(plan: Plan, stores: Sequence[Store]) -> Plan:
    """Return the plan with what is looked for once it is carried out; reads all that will go.

    But not leftovers: they may be anybody's, whose own shards would be found then.
    """
    paths = [item.path for item in (*plan.workspace, *plan.memo) if item.kind != LEFTOVER]
    for store in stores:
        paths += [path for md5 in store.present(plan.objects) if (path := store.path(md5))]
    before = load(_fingerprints(plan.person.subject))
    return replace(plan, looked_for=joined(before, _fingerprints_of(paths, plan.person)))


def save(plan: Plan, *, done: bool) -> None:
    """Keep what an interrupted erasure needs to go on, and later ones to recognise the person."""
    person = {name: value for name, value in asdict(plan.person).items() if name not in ("sources", "taken")}
    known = {"done": done, "person": person, "objects": dict(plan.objects)}
    plan.looked_for.save(_fingerprints(plan.person.subject))
    write_text(STATE / f"{plan.person.subject}.json", json.dumps(known, default=sorted, indent=1))


def _known(subject: str) -> tuple[Person, dict[str, str]]:
    """Return what an earlier erasure knew."""
    path = STATE / f"{subject}.json"
    if not path.is_file():
        return Person(subject), {}
    known = read_state(path)
    about = known["person"]
    clips, videos, recordings = (frozenset(about[name]) for name in ("clips", "videos", "recordings"))
    person = Person(subject, clips, videos, recordings, about["sex"], about["enrolled"])
    return person, dict(known["objects"])


def _fingerprints(subject: str) -> Path:
    return STATE / f"{subject}.npz"


def _read_anywhere(md5: str, stores: Sequence[Store]) -> bytes | None:
    """Return an object's content from the first store that has it; a remote that fails has nothing."""
    for store in stores:
        with contextlib.suppress(Exception):  # every kind of storage fails in its own way
            if data := store.read(md5):
                return data
    return None


def _tables_without(person: Person, stores: Sequence[Store], objects: Mapping[str, str]) -> list[str]:
    """Return the tables that many people are in which have no row of the person, wherever they can be read.

    One without any rows may be the same in all versions.
    """
    tables = [md5 for md5, what in objects.items() if Path(what).suffix in (".parquet", ".csv")]
    shared = [md5 for md5 in tables if objects[md5].startswith(("data/", "reports/"))]
    return [md5 for md5 in shared if (data := _read_anywhere(md5, stores)) and not _tells_of(data, person)]


def _tells_of(table: bytes, person: Person) -> bool:
    STATE.parent.mkdir(exist_ok=True)
    with NamedTemporaryFile(dir=STATE.parent, prefix=".", suffix=".tmp") as file:
        file.write(table)
        file.flush()
        return bool(kind_of(Path(file.name), person, ""))


def _unnamed_pictures(cache: Store, named: Named) -> dict[str, str]:
    """Return the cache's pictures and nets that no version names: of runs between two commits.

    In a cache that several projects share they may be others'.
    """
    if cache.folder is None or is_shared(cache):
        return {}
    others = [md5 for md5 in cache.ids() if not md5.endswith(FOLDER_MARK) and md5 not in named.objects]
    paths = {md5: path for md5 in others if (path := cache.path(md5))}
    return {md5: UNNAMED for md5, path in paths.items() if is_picture_or_net(path)}


def _fingerprints_of(paths: Sequence[Path], person: Person) -> Fingerprints:
    """Return by what the content of these files can be recognised; tables of text are left out."""
    files = list({_identity(path): path for path in paths if path.is_file()}.values())
    shards = [path for path in files if is_parquet(path)]
    pictures = [path for path in files if is_picture_or_net(path)]
    recordings = [path for path in files if path not in {*shards, *pictures} and not is_text(path)]
    return fingerprints(_all_pictures(shards, pictures, person), recordings)


def _identity(path: Path) -> tuple[int, int]:
    """Return what all names of one file have in common, and no other file."""
    info = path.stat()
    return info.st_dev, info.st_ino


def _all_pictures(shards: Sequence[Path], pictures: Sequence[Path], person: Person) -> Iterator[bytes]:
    with progress_bar("reading", len(shards)) as advance:
        for path in shards:
            yield from pictures_in(path, person)
            advance()
    yield from (path.read_bytes() for path in pictures)
