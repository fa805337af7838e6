"""The changes of raw/participants.csv: new participants, and sex, age and consent added to known ones."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ingest.participants_table import ParticipantRow, ParticipantsTable
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.ingest.subject_codes import comparable
from pipeline.ingest.words import REFUSED
from pipeline.runtime.paths import PARTICIPANTS, SPLIT
from pipeline.runtime.text import counted, listed
from pipeline.schema.image_subjects import MEANING, STANDS_FOR
from pipeline.schema.participants import FROM_TABLE, GIVEN, UNKNOWN, WITHDRAWN, Participant


@dataclass
class ParticipantsPlan:
    """What changes in raw/participants.csv."""

    new: list[Participant] = field(default_factory=list)
    "In the order of enrolment: sorted by subject."
    completed: list[Participant] = field(default_factory=list)
    "Known participants whose empty sex or age, or unknown consent, is filled in."
    errors: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_participants(
    proposals: Sequence[Proposal], table: ParticipantsTable | None, state: State, consent_source: str = ""
) -> ParticipantsPlan:
    """Plan the participants; new ones are numbered after the last one, in the sorted order of their ids.

    `consent_source` is the source of a statement that all these subjects gave consent, such as `option`; it
    is empty if there is none.
    """
    plan = ParticipantsPlan(errors=_subject_errors(proposals, state))
    known = {participant.subject: participant for participant in state.participants}
    enrolled = max((participant.enrolled for participant in state.participants), default=0)
    groups = _by_subject(proposals)
    for subject, clips in groups.items():
        facts = _collect_facts(subject, clips, table, plan.errors)
        facts = _with_consent(subject, facts, consent_source, known, plan.errors)
        if subject in known:
            _complete(known[subject], facts, state, plan)
            continue
        if table and not table.get(subject) and not clips[0].stands_for:
            plan.errors.append(_no_row(table, subject, clips[0].where))
        plan.new.append(_new_participant(subject, facts, enrolled + len(plan.new) + 1, clips[0].stands_for))
    _add_notes(plan, table, {*known, *(participant.subject for participant in plan.new)})
    _add_consent_note(plan, [known[subject] for subject in groups if subject in known])
    return plan


def _new_participant(subject: str, facts: "_Facts", number: int, stands_for: str) -> Participant:
    return Participant(
        subject=subject,
        sex=facts.sex or facts.sex_by_name,
        age=facts.age,
        consent=facts.consent or UNKNOWN,
        enrolled=number,
        consent_source=facts.consent_source,
        extra={STANDS_FOR: stands_for} if stands_for else {},
    )


def _no_row(table: ParticipantsTable, subject: str, where: str) -> str:
    similar = table.similar(subject)
    remedy = f"there is a row {similar.code!r}: write it as {subject}" if similar else ""
    remedy = remedy or "add one, with n/a for unknown values"
    return f"{table.path}: no row for {subject} ({where}); {remedy}"


@dataclass(frozen=True)
class _Facts:
    """What this ingest states about one subject."""

    where: str
    sex: str
    "From the participants table or the manifest; may be empty."
    sex_by_name: str
    "From the manifest or the file names of a corpus; may be empty."
    age: float | None
    consent: str = ""
    "given, unknown or refused, as the table or the option states it; empty: not stated."
    consent_source: str = ""
    "Where it is stated that consent is given."


def _by_subject(proposals: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    groups: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        groups[proposal.subject].append(proposal)
    return {subject: groups[subject] for subject in sorted(groups)}


def _collect_facts(
    subject: str, clips: Sequence[Proposal], table: ParticipantsTable | None, errors: list[str]
) -> _Facts:
    row = (table and table.get(subject)) or ParticipantRow(clips[0].where, "", None)
    by_sex = {clip.sex: clip for clip in clips if clip.sex}
    if len(by_sex) > 1 and not row.sex:
        one, two = list(by_sex.values())[:2]
        errors.append(f"{two.where}: sex {two.sex} of {subject} is {one.sex} in {one.where}; correct one")
    first = next(iter(by_sex.values()), None)
    sex = row.sex or (first.sex if first and first.sex_from_user else "")
    return _Facts(row.where, sex, first.sex if first else "", row.age, row.consent)


def _with_consent(
    subject: str, facts: _Facts, option: str, known: Collection[str], errors: list[str]
) -> _Facts:
    """Return the facts with consent by the table and the option; add an error if they do not allow it."""
    if facts.consent == REFUSED:
        remedy = f", and erase {subject} with `emo withdraw {subject}`" if subject in known else ""
        errors.append(
            f"{facts.where}: the consent of {subject} is not given; leave out the recordings{remedy}"
        )
        return replace(facts, consent="")
    if facts.consent == UNKNOWN and option:
        errors.append(
            f"{facts.where}: the consent of {subject} is unknown, but --consent given states it; correct one"
        )
    if facts.consent == GIVEN:
        return replace(facts, consent_source=FROM_TABLE)
    return replace(facts, consent=GIVEN, consent_source=option) if option and not facts.consent else facts


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
    """Fill in what is not known of a participant; add an error if the facts contradict."""
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
    completed = _complete_consent(completed, facts, plan.errors)
    if completed != known:
        plan.completed.append(completed)


def _complete_consent(known: Participant, facts: _Facts, errors: list[str]) -> Participant:
    """Return a participant with consent as stated now; never withdraw or unstate it without an error."""
    if facts.consent == UNKNOWN and known.consent == GIVEN:
        errors.append(
            f"{facts.where}: the consent of {known.subject} is unknown, but given in {PARTICIPANTS}; correct "
            "one"
        )
    elif facts.consent == GIVEN and (known.consent == UNKNOWN or known.is_consent_assumed):
        return replace(known, consent=GIVEN, consent_source=facts.consent_source)
    return known


def _add_consent_note(plan: ParticipantsPlan, known: Sequence[Participant]) -> None:
    """Note the participants of this ingest whose consent stays unknown."""
    rows = {row.subject: row for row in (*known, *plan.completed, *plan.new)}
    unknown = [name for name, row in rows.items() if row.consent == UNKNOWN and not row.is_image]
    if unknown:
        plan.notes.append(
            f"consent of {counted(len(unknown), 'participant')} is not stated: recorded as unknown "
            f"({listed(sorted(unknown))}); state it with --consent given or in a column `consent` of "
            "--participants"
        )


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
    if table and table.not_read:
        plan.notes.append(f"{table.path}: columns not read: {listed(table.not_read)}")
    others = table.others(subjects) if table else []
    if table and others:
        plan.notes.append(
            f"{table.path}: {len(others)} participants have no recording here: {listed(others)}"
        )
