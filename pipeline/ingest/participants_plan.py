"""The changes of raw/participants.csv: new participants, and sex and age added to known ones."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ingest.participants_table import ParticipantRow, ParticipantsTable
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.ingest.subject_codes import comparable
from pipeline.runtime.paths import PARTICIPANTS, SPLIT
from pipeline.runtime.text import listed
from pipeline.schema.image_subjects import MEANING, STANDS_FOR
from pipeline.schema.participants import GIVEN, WITHDRAWN, Participant


@dataclass
class ParticipantsPlan:
    """What changes in raw/participants.csv."""

    new: list[Participant] = field(default_factory=list)
    "In the order of enrolment: sorted by subject."
    completed: list[Participant] = field(default_factory=list)
    "Known participants whose empty sex or age is filled in."
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_participants(
    proposals: Sequence[Proposal], table: ParticipantsTable | None, state: State
) -> ParticipantsPlan:
    """Plan the participants; new ones are numbered after the last one, in the sorted order of their ids."""
    plan = ParticipantsPlan(errors=_subject_errors(proposals, state))
    known = {participant.subject: participant for participant in state.participants}
    enrolled = max((participant.enrolled for participant in state.participants), default=0)
    for subject, clips in _by_subject(proposals).items():
        facts = _collect_facts(subject, clips, table, plan.errors)
        if subject in known:
            _complete(known[subject], facts, state, plan)
            continue
        is_image = clips[0].stands_for
        if table and not table.get(subject) and not is_image:
            plan.errors.append(
                f"{table.path}: no row for {subject} ({clips[0].where}); add one, with n/a for unknown values"
            )
        number = enrolled + len(plan.new) + 1
        extra = {STANDS_FOR: is_image} if is_image else {}
        plan.new.append(
            Participant(subject, facts.sex or facts.sex_by_name, facts.age, GIVEN, number, extra=extra)
        )
    _add_notes(plan, table, {*known, *(participant.subject for participant in plan.new)})
    return plan


@dataclass(frozen=True)
class _Facts:
    """What this ingest states about one subject."""

    where: str
    sex: str
    "From the participants table or the manifest; may be empty."
    sex_by_name: str
    "From the manifest or the file names of a corpus; may be empty."
    age: float | None


def _by_subject(proposals: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    groups: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        groups[proposal.subject].append(proposal)
    return {subject: groups[subject] for subject in sorted(groups)}


def _collect_facts(
    subject: str, clips: Sequence[Proposal], table: ParticipantsTable | None, errors: list[str]
) -> _Facts:
    row = (table and table.get(subject)) or ParticipantRow(clips[0].where, "", None)
    if row.refuses:
        errors.append(f"{row.where}: the consent of {subject} is not given; leave out the recordings")
    by_sex = {clip.sex: clip for clip in clips if clip.sex}
    if len(by_sex) > 1 and not row.sex:
        one, two = list(by_sex.values())[:2]
        errors.append(f"{two.where}: sex {two.sex} of {subject} is {one.sex} in {one.where}; correct one")
    first = next(iter(by_sex.values()), None)
    sex = row.sex or (first.sex if first and first.sex_from_user else "")
    return _Facts(row.where, sex, first.sex if first else "", row.age)


def _subject_errors(proposals: Sequence[Proposal], state: State) -> list[str]:
    """Return errors of subject codes that could be confused, and of withdrawn subjects."""
    errors = []
    withdrawn = {p.subject for p in state.participants if p.consent == WITHDRAWN}
    withdrawn |= set(state.withdrawn.values())
    by_subject = _by_subject(proposals)
    for subject, clips in by_subject.items():
        first = clips[0]
        if other := next((clip for clip in clips if clip.code != first.code), None):
            errors.append(
                f"{other.where}: the codes {first.code!r} and {other.code!r} give the same id, {subject}; "
                "write one subject the same way everywhere, or rename one of two subjects"
            )
        if subject in withdrawn:
            errors.append(
                f"{first.where}: {subject} has withdrawn and cannot be enrolled again; "
                "leave out the recordings"
            )
    named = {subject: clips[0].where for subject, clips in by_subject.items() if not clips[0].stands_for}
    return [*errors, *_confusable(named, [p.subject for p in state.participants if not p.is_image])]


def _confusable(named: Mapping[str, str], enrolled: Sequence[str]) -> list[str]:
    """Return one error for all subjects of an ingest that may be another subject in a different spelling.

    Args:
        named: Subject -> where it is first named.
        enrolled: Subjects in raw/participants.csv.
    """
    known = {comparable(subject): subject for subject in enrolled}
    pairs = []
    for subject in sorted(named.keys() - set(enrolled)):
        twin = known.setdefault(comparable(subject), subject)
        if twin != subject:
            pairs.append((subject, twin))
    if not pairs:
        return []
    subject, twin = pairs[0]
    where = PARTICIPANTS if twin in enrolled else named[twin]
    more = f" ({len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
    return [
        f"{named[subject]}: subjects {subject!r} and {twin!r} differ only by case, leading zeros, separators "
        f"or a prefix such as `sub-` ({twin}: {where}){more}; write one subject the same way everywhere, or "
        "rename one of two subjects"
    ]


def _complete(known: Participant, facts: _Facts, state: State, plan: ParticipantsPlan) -> None:
    """Fill in the empty sex or age of a known participant; add an error if the facts contradict."""
    subject, completed = known.subject, known
    sex = facts.sex or (facts.sex_by_name if known.sex else "")
    if sex and known.sex and sex != known.sex:
        plan.errors.append(
            f"{facts.where}: sex {sex} of {subject} is {known.sex} in {PARTICIPANTS}; sex decides the split "
            f"and cannot change; set it to {known.sex} in a --participants file"
        )
    elif sex and not known.sex and subject in state.assigned:
        plan.errors.append(
            f"{facts.where}: sex {sex} of {subject} comes too late: {SPLIT} assigned {subject} without it, "
            "and adding it would reassign subjects; set it to n/a"
        )
    elif sex:
        completed = replace(completed, sex=sex)
    if facts.age is not None and known.age is not None and facts.age != known.age:
        plan.errors.append(
            f"{facts.where}: age {facts.age:g} of {subject} is {known.age:g} in {PARTICIPANTS}; correct one"
        )
    elif facts.age is not None:
        completed = replace(completed, age=facts.age)
    if completed != known:
        plan.completed.append(completed)


def _add_notes(plan: ParticipantsPlan, table: ParticipantsTable | None, subjects: set[str]) -> None:
    images = sum(participant.is_image for participant in plan.new)
    if images:
        plan.notes.append(
            f"{images:,} images without subject id: each image is treated as its own subject; {MEANING} "
            "(docs/ingest.md)"
        )
    unknown = [p.subject for p in plan.new if not p.sex and not p.is_image]
    if unknown:
        plan.notes.append(
            f"sex of {listed(unknown)} is unknown: the split balances them as a group of their own; "
            "--participants can add it until they are in the split, not later"
        )
    others = table.others(subjects) if table else []
    if table and others:
        plan.notes.append(
            f"{table.path}: {len(others)} participants have no recording here: {listed(others)}"
        )
