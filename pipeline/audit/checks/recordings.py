"""Checks of the recordings: each enrolled once, labelled as its path says, present and unchanged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby
from operator import attrgetter

from pipeline.audit.gate.check import Finding, Scope, Topic, UnavailableError, check, verdict
from pipeline.runtime.paths import CLIPS, VIDEOS
from pipeline.runtime.text import listed
from pipeline.schema.clips import Clip
from pipeline.schema.ledger import Ledger
from pipeline.versions.dvc_lock import POINTER

_NAMED = "named"
"""Column of raw/clips.csv: the expression in the path of a recording, if there is exactly one."""


@check("no recording enrolled twice", Topic.PARTICIPANTS, Scope.ENROLLED)
def enrolled_once(clips: Sequence[Clip]) -> Finding:
    """No content is enrolled for two subjects, as two files, or twice for the same stretch."""
    by_content: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_content[clip.sha256].append(clip)
    violations = [fault for same in by_content.values() for fault in _same_content(same)]
    return verdict(violations, f"{len(by_content)} recordings", f"correct {CLIPS}")


def _same_content(clips: Sequence[Clip]) -> Iterator[str]:
    """Yield the violations of the clips of one content."""
    names = " and ".join(sorted(clip.clip for clip in clips)[:2])
    subjects = sorted({clip.subject for clip in clips})
    videos = sorted({clip.video for clip in clips})
    if len(subjects) > 1:
        yield f"{names}: one recording of {listed(subjects)}"
    if len(videos) > 1:
        yield f"{names}: one recording as {listed(videos, 2)}"
    for one, two in combinations(sorted(clips, key=lambda clip: (clip.segment, clip.clip)), 2):
        if two.segment[0] < one.segment[1]:
            labels = listed(dict.fromkeys([one.expression, two.expression]))
            yield f"{one.clip} and {two.clip}: the same stretch of a recording twice, as {labels}"


@check("no take under two labels", Topic.LABELS, Scope.ENROLLED)
def takes_labelled_alike(labelled: Sequence[Clip]) -> Finding:
    """All views of a subject's take show the same expression."""
    key = attrgetter("take", "subject")
    groups = [list(group) for _, group in groupby(sorted(labelled, key=key), key=key)]
    violations = [
        f"{group[0].take}: {listed(sorted(f'{clip.clip} is {clip.expression}' for clip in group))}"
        for group in groups
        if len({clip.expression for clip in group}) > 1
    ]
    return verdict(violations, f"{len(groups)} takes", "correct it with `emo relabel`")


@check("labels match the paths", Topic.LABELS, Scope.ENROLLED)
def labelled_as_named(clips: Sequence[Clip], ledger: Ledger) -> Finding:
    """No clip has another label than the expression in the path of its recording, unless it was relabelled.

    Raises UnavailableError if no path is known: only `emo ingest --manifest` records it.
    """
    named = [clip for clip in clips if clip.extra.get(_NAMED)]
    if not named:
        raise UnavailableError("no clip comes from a manifest whose paths contain expressions")
    violations = [
        f"{clip.clip}: {clip.expression}, but its path says {clip.extra[_NAMED]}"
        for clip in named
        if clip.expression != clip.extra[_NAMED] and not ledger.relabel_of(clip)
    ]
    remedy = f"correct the label with `emo relabel`, or empty the cell `{_NAMED}` in {CLIPS}"
    return verdict(violations, f"{len(named)} clips whose path contains an expression", remedy)


@check("recordings present", Topic.FILES, Scope.ENROLLED)
def recordings_here(
    processable_clips: Iterable[Clip], lengths: Mapping[str, int], tracked: int | None
) -> Finding:
    """Every recording is present, and their total size is the one in raw/videos.dvc.

    `lengths` are bytes by path below raw/videos, `tracked` is the total in raw/videos.dvc. Raises
    UnavailableError if no recording is here: they were never fetched.
    """
    videos = sorted({clip.video for clip in processable_clips})
    if not lengths:
        raise UnavailableError(f"{VIDEOS}: missing; `dvc pull {POINTER}` or `dvc checkout {POINTER}`")
    total = sum(lengths.values())
    violations = [f"{VIDEOS / name}: missing" for name in videos if name not in lengths]
    violations += [f"{VIDEOS / name}: empty" for name in videos if lengths.get(name) == 0]
    if tracked is not None and total != tracked and not violations:
        others = sorted(lengths.keys() - set(videos))
        extra = f", with {listed(others, 3)}, which belong to no enrolled subject" if others else ""
        violations.append(f"{VIDEOS}: {total:,} bytes{extra}; {POINTER} says {tracked:,}")
    fine = f"{len(videos)} recordings, {total / 1e6:,.1f} MB"
    return verdict(violations, fine, f"`dvc checkout --force {POINTER}` restores them")


@check("recordings unchanged", Topic.FILES, Scope.ENROLLED)
def recordings_unchanged(processable_clips: Iterable[Clip], digests: Mapping[str, str]) -> Finding:
    """Every recording that is here has the SHA-256 with which it was enrolled."""
    violations = [
        f"{VIDEOS / clip.video}: SHA-256 {digests[clip.video][:12]}.., enrolled as {clip.sha256[:12]}.."
        for clip in {clip.video: clip for clip in processable_clips}.values()
        if digests.get(clip.video, clip.sha256) != clip.sha256
    ]
    fine = f"{len(digests)} recordings hashed"
    return verdict(violations, fine, f"`dvc checkout --force {POINTER}` restores them")
