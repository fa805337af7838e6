"""Which clips the decisions of raters relabelled, excluded or included again between two versions."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.runtime.text import counted, listed
from pipeline.schema.clips import Clip
from pipeline.schema.decisions import INCLUDE, Decision
from pipeline.schema.ledger import Stretch, bounds
from pipeline.versions.version import Version


@dataclass(frozen=True)
class Ruling:
    """A clip about which a decision changed something."""

    what: str
    "The clip."
    before: str
    "What was excluded before: `none`, stretches such as `0.4..0.8 s`, or `all`; of a label, the expression."
    after: str
    decision: int
    "Number of the decision in raw/decisions.csv; 0 if the label was edited in raw/clips.csv."
    reason: str

    def __str__(self) -> str:
        why = f" (decision {self.decision}: {self.reason})" if self.decision else ""
        return f"{self.what}: {self.before} -> {self.after}{why}"


def relabelled(before: Version, after: Version) -> tuple[Ruling, ...]:
    """Return the clips of both versions whose effective expression differs."""
    old, new = _clips(before), _clips(after)
    found = []
    for name in sorted(old.keys() & new.keys()):
        one, other = before.ledger.label(old[name]), after.ledger.label(new[name])
        if one != other:
            row = after.ledger.relabel_of(new[name])
            found.append(Ruling(name, one, other, row.decision if row else 0, row.reason if row else ""))
    return tuple(found)


def excluded(before: Version, after: Version) -> tuple[tuple[Ruling, ...], tuple[Ruling, ...]]:
    """Return the clips of the second version of which more is excluded, and those of which less is.

    A clip of which one stretch is excluded and another included again is among the first.
    """
    old, new = _clips(before), _clips(after)
    more: list[Ruling] = []
    less: list[Ruling] = []
    for name, clip in sorted(new.items()):
        was = before.ledger.exclusions(old[name]) if name in old else []
        now = after.ledger.exclusions(clip)
        if _times(was) == _times(now):
            continue
        gained = [one for one in now if not _is_within(one, was)]
        last = max((one.decision for one in gained), key=_number, default=None) or _include_of(after, clip)
        ruling = Ruling(
            name,
            _shown(was, clip),
            _shown(now, clip),
            last.decision if last else 0,
            last.reason if last else "",
        )
        (more if gained else less).append(ruling)
    return tuple(more), tuple(less)


def phrases(
    relabelled: Sequence[Ruling], excluded: Sequence[Ruling], included: Sequence[Ruling]
) -> list[str]:
    """Return the changes in short, by reason: `2 clips excluded: blink (1), looks away (1)`."""
    edited = [ruling for ruling in relabelled if not ruling.decision]
    decided = [ruling for ruling in relabelled if ruling.decision]
    found = [f"{counted(len(edited), 'clip')} relabelled"] if edited else []
    kinds = ((decided, "relabelled"), (excluded, "excluded"), (included, "included again"))
    return found + [
        f"{counted(len(rulings), 'clip')} {word}{_numbers(rulings)}: {_reasons(rulings)}"
        for rulings, word in kinds
        if rulings
    ]


def _numbers(rulings: Iterable[Ruling]) -> str:
    """Return the decisions in brackets if they are few."""
    numbers = sorted({ruling.decision for ruling in rulings} - {0})
    if not numbers:
        return ""
    return f" (decision{'s' * (len(numbers) != 1)} {listed(numbers, 3)})"


def _reasons(rulings: Iterable[Ruling]) -> str:
    reasons = Counter(ruling.reason or "no reason is recorded" for ruling in rulings)
    if len(reasons) == 1:
        return next(iter(reasons))
    return listed((f"{reason} ({count})" for reason, count in reasons.most_common()), 3)


def _clips(version: Version) -> Mapping[str, Clip]:
    return {clip.clip: clip for clip in version.processable_clips}


def _times(stretches: Iterable[Stretch]) -> list[tuple[float, float]]:
    """Return the stretches, adjacent ones joined."""
    joined: list[tuple[float, float]] = []
    for one in stretches:
        if joined and joined[-1][1] == one.start_s:
            joined[-1] = (joined[-1][0], one.end_s)
        else:
            joined.append((one.start_s, one.end_s))
    return joined


def _is_within(stretch: Stretch, others: Iterable[Stretch]) -> bool:
    return any(start_s <= stretch.start_s and stretch.end_s <= end_s for start_s, end_s in _times(others))


def _include_of(version: Version, clip: Clip) -> Decision | None:
    rows = [row for row in version.ledger.of(clip) if row.action == INCLUDE]
    return rows[-1] if rows else None


def _shown(stretches: Sequence[Stretch], clip: Clip) -> str:
    """Return the excluded stretches of a clip in words."""
    times = _times(stretches)
    if times == [bounds(clip)]:
        return "all"
    return listed((f"{start_s:g}..{end_s:g} s" for start_s, end_s in times), 4) or "none"


def _number(decision: Decision) -> int:
    return decision.decision
