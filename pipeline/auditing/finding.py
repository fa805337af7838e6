"""What a check comes to."""

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 5
"""Faults told before the rest is counted."""


@dataclass(frozen=True)
class Finding:
    """The verdict of one check, without its name."""

    ok: bool
    detail: str
    "the evidence in one line"
    skipped: bool = False
    "the check was not made; `detail` says why"


class UnavailableError(Exception):
    """Raised where a check cannot be made; the message says why, and how it could."""


def verdict(faults: Iterable[str], fine: str, remedy: str = "") -> Finding:
    """Return the faults and what mends them, or where there is none what is fine."""
    bad = list(faults)
    if not bad:
        return Finding(True, fine)
    more = [f"{len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    return Finding(False, "; ".join([*bad[:_SHOWN], *more, *([remedy] if remedy else [])]))


def skipped(why: str) -> Finding:
    """Return the finding of a check that is not made."""
    return Finding(True, why, skipped=True)
