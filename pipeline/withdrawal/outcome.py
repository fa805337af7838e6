"""What an erasure would do, and what it did: as tables and as JSON."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.text import TextTable
from pipeline.withdrawal.erase import Erased
from pipeline.withdrawal.files import Held
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.prove import Proof
from pipeline.withdrawal.stores import REMOTE, Unreached


@dataclass(frozen=True)
class Stored:
    """What one of DVC's stores holds of the person."""

    store: str
    objects: int
    size_bytes: int


@dataclass(frozen=True)
class Preview:
    """What would go."""

    plan: Plan
    stores: tuple[Stored, ...]
    unreached: tuple[Unreached, ...]

    def table(self) -> TextTable:
        """Return (title, header, rows)."""
        rows = [*_rows("workspace", self.plan.workspace), *_rows("memo", self.plan.memo)]
        for item in self.stores:
            size = megabytes(item.size_bytes)
            rows.append([item.store, "objects of all versions", f"{item.objects:,}", size])
        rows += [[remote.name, f"NOT REACHED: {remote.reason}", "", ""] for remote in self.unreached]
        title = f"What of {self.plan.person.subject} would be erased"
        return title, ["place", "what", "files", "MB"], rows

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        places = (("workspace", self.plan.workspace), ("memo", self.plan.memo))
        return {
            "done": False,
            "subject": self.plan.person.subject,
            "files": [_plain(place, item) for place, held in places for item in held],
            "stores": [vars(item) for item in self.stores],
            "unreached": [vars(remote) for remote in self.unreached],
            "not_judged": [str(path) for path in self.plan.not_judged],
        }


@dataclass(frozen=True)
class Outcome:
    """What was done, and the proof of it."""

    plan: Plan
    erased: tuple[Erased, ...]
    unreached: tuple[Unreached, ...]
    linked: tuple[Path, ...]
    "deleted files that stand under another name somewhere, as `emo ingest --link` makes them"
    proof: Proof
    note: str = ""
    "what could not be done, and how to do it"
    history: str = ""
    "why versions of the project are missing here; empty where all are known"

    @property
    def ok(self) -> bool:
        """Whether every place was reached, all versions are known, and nothing was found."""
        return self.proof.ok and not self.unreached and not self.history

    @property
    def has_remotes(self) -> bool:
        """Whether DVC has remotes: what is made anew must go there for other clones to get it."""
        return any(item.place.startswith(REMOTE) for item in self.erased) or bool(self.unreached)

    def table(self) -> TextTable:
        """Return (title, header, rows)."""
        rows = [
            [item.place, f"{item.files:,}", megabytes(item.size_bytes), f"{item.lists:,}"]
            for item in self.erased
        ]
        rows += [[remote.name, "NOT REACHED", "", ""] for remote in self.unreached]
        title = f"What of {self.plan.person.subject} was erased"
        return title, ["place", "files", "MB", "lists of folders mended"], rows

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `--json`."""
        proof = self.proof
        return {
            "done": True,
            "ok": self.ok,
            "subject": self.plan.person.subject,
            "erased": [vars(item) for item in self.erased],
            "unreached": [vars(remote) for remote in self.unreached],
            "linked_elsewhere": [str(path) for path in self.linked],
            "searched": {"files": proof.files, "bytes": proof.size_bytes, "looked_for": proof.pictures},
            "asked": proof.asked,
            "found": [vars(found) for found in proof.found],
            "asked_not_judged": proof.unnamed,
            "not_judged": [str(path) for path in self.plan.not_judged],
            "note": self.note,
            "history": self.history,
        }


def megabytes(size_bytes: int) -> str:
    """Return a size for people."""
    return f"{size_bytes / 1e6:,.1f}"


def _rows(place: str, held: tuple[Held, ...]) -> list[list[str]]:
    counts = Counter(item.kind for item in held)
    sizes: Counter[str] = Counter()
    for item in held:
        sizes[item.kind] += item.size_bytes
    return [[place, kind, f"{counts[kind]:,}", megabytes(sizes[kind])] for kind in sorted(counts)]


def _plain(place: str, item: Held) -> dict[str, Any]:
    return {"place": place, "path": str(item.path), "what": item.kind, "bytes": item.size_bytes}
