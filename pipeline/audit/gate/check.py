"""The definition of an audit check, and the registry of all checks.

A check is a function with the decorator `check`. Its parameters say what it needs: each is the name of an
attribute of the evidence. The first line of its docstring is its entry in docs/audit.md.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

_SHOWN = 5
"""Maximum number of violations listed; the others are counted."""


class Topic(Enum):
    """What a check is about; checks are listed in this order."""

    GATE = "the gate"
    PARTICIPANTS = "participants"
    LABELS = "labels"
    SPLITS = "splits"
    FACES = "faces"
    FILES = "files"


class Scope(Enum):
    """The subjects that a check reports on, which decide its caveat."""

    IMAGES = "subjects with images"
    ENROLLED = "all enrolled subjects"


@dataclass(frozen=True)
class Finding:
    """The verdict of one check."""

    ok: bool
    detail: str
    "Evidence in one line."
    skipped: bool = False
    "The check was not run; `detail` says why."


class UnavailableError(Exception):
    """Raised if a check cannot be run; the message gives the reason and the remedy."""


@dataclass(frozen=True)
class Check:
    """One registered check."""

    name: str
    topic: Topic
    scope: Scope
    run: Callable[..., Finding]

    @property
    def is_gate(self) -> bool:
        """Whether the stage `audit` runs it, so that no model is trained if it fails."""
        return self.topic is Topic.GATE

    @property
    def needs(self) -> tuple[str, ...]:
        """The attributes of the evidence that it uses."""
        return tuple(inspect.signature(self.run).parameters)

    @property
    def description(self) -> str:
        """What is true if the check passes, in a sentence."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]

    def __call__(self, evidence: Any) -> Finding:
        """Run the check; raises UnavailableError if that is not possible, EmoError if an input is damaged."""
        return self.run(**{name: getattr(evidence, name) for name in self.needs})


_CHECKS: dict[str, Check] = {}

Function = TypeVar("Function", bound=Callable[..., Finding])


def check(name: str, topic: Topic, scope: Scope = Scope.IMAGES) -> Callable[[Function], Function]:
    """Register a function as the check `name`; the function itself stays as it is."""

    def register(function: Function) -> Function:
        assert name not in _CHECKS, name
        _CHECKS[name] = Check(name, topic, scope, function)
        return function

    return register


def registered() -> dict[str, Check]:
    """Return the checks of all modules that are loaded, by name, in the order of their topics."""
    topics = list(Topic)
    return dict(sorted(_CHECKS.items(), key=lambda item: topics.index(item[1].topic)))


def verdict(violations: Iterable[str], fine: str, remedy: str = "") -> Finding:
    """Return a finding: the violations and their remedy, or, without any, the text for a passed check."""
    bad = list(violations)
    if not bad:
        return Finding(True, fine)
    more = [f"{len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    return Finding(False, "; ".join([*bad[:_SHOWN], *more, *([remedy] if remedy else [])]))


def skipped(why: str) -> Finding:
    """Return the finding of a check that is not run."""
    return Finding(True, why, skipped=True)


def with_caveat(finding: Finding, caveat: str) -> Finding:
    """Return a finding with the caveat of its figures, if there is one."""
    if finding.skipped or not caveat:
        return finding
    return Finding(finding.ok, f"{finding.detail} (subjects: {caveat})")
