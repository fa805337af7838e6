"""Whom an ingest enrols, and what it learns about those who are enrolled."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pipeline.ingest.participants import People, Person
from pipeline.ingest.proposals import Proposal
from pipeline.ingest.state import State
from pipeline.runtime.paths import PARTICIPANTS, SPLIT
from pipeline.runtime.text import listed
from pipeline.schema.image_subjects import STANDS_FOR
from pipeline.schema.participants import GIVEN, WITHDRAWN, Participant


@dataclass
class PeoplePlan:
    """What will change in raw/participants.csv."""

    new: list[Participant] = field(default_factory=list)
    "in the order of enrolment: sorted by subject"
    completed: list[Participant] = field(default_factory=list)
    "known people whose empty sex or age is filled in"
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan_people(proposals: Sequence[Proposal], people: People | None, state: State) -> PeoplePlan:
    """Return whom to enrol, numbered on from the last in the sorted order of their ids."""
    plan = PeoplePlan(faults=_code_faults(proposals, state))
    known = {person.subject: person for person in state.people}
    enrolled = max((person.enrolled for person in state.people), default=0)
    for subject, about in _by_subject(proposals).items():
        said = _said(subject, about, people, plan.faults)
        if subject in known:
            _compare(known[subject], said, state, plan)
        else:
            _check_new(subject, about, people, plan.faults)
            number = enrolled + len(plan.new) + 1
            kind = {STANDS_FOR: about[0].stands_for} if about[0].stands_for else {}
            plan.new.append(Participant(subject, said.sex or said.guess, said.age, GIVEN, number, kind))
    _note(plan, people, {*known, *(person.subject for person in plan.new)})
    return plan


@dataclass(frozen=True)
class _Said:
    """What is said about one subject in this ingest."""

    where: str
    sex: str
    "by the participants file or the manifest"
    guess: str
    "by the corpus's names"
    age: float | None


def _by_subject(proposals: Iterable[Proposal]) -> dict[str, list[Proposal]]:
    groups: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        groups[proposal.subject].append(proposal)
    return {subject: groups[subject] for subject in sorted(groups)}


def _said(subject: str, about: Sequence[Proposal], people: People | None, faults: list[str]) -> _Said:
    person = (people and people.get(subject)) or Person(about[0].where, "", None)
    if person.refuses:
        faults.append(f"{person.where}: the consent of {subject} is not given; leave out the recordings")
    said = {proposal.sex: proposal for proposal in about if proposal.sex}
    if len(said) > 1 and not person.sex:
        one, two = list(said.values())[:2]
        faults.append(f"{two.where}: sex {two.sex} of {subject} is {one.sex} in {one.where}; correct one")
    first = next(iter(said.values()), None)
    sex = person.sex or (first.sex if first and first.sex_said else "")
    return _Said(person.where, sex, first.sex if first else "", person.age)


# --- Codes ----------------------------------------------------------------------------------------


def _code_faults(proposals: Sequence[Proposal], state: State) -> list[str]:
    """Return faults of codes that could be taken for one another, and of those who withdrew."""
    faults = []
    written: dict[str, Proposal] = {}
    plain = {_plain(person.subject): person.subject for person in state.people}
    gone = {person.subject for person in state.people if person.consent == WITHDRAWN}
    gone |= set(state.withdrawn.values())
    for subject, about in _by_subject(proposals).items():
        for proposal in about:
            other = written.setdefault(subject, proposal)
            if other.written != proposal.written:
                faults.append(
                    f"{proposal.where}: the codes {other.written!r} and {proposal.written!r} give one id, "
                    f"{subject}; write them the same way, or apart"
                )
                break
        twin = plain.setdefault(_plain(subject), subject)
        if twin != subject:
            faults.append(
                f"{about[0].where}: subject {subject!r} and {twin!r} differ only by case or `sub-`; "
                "write them the same way, or apart"
            )
        if subject in gone:
            faults.append(
                f"{about[0].where}: {subject} has withdrawn and cannot be enrolled again; "
                "leave out the recordings"
            )
    return faults


def _plain(subject: str) -> str:
    """Return what two codes of one person have in common: file systems mix up cases, BIDS adds `sub-`."""
    return subject.lower().removeprefix("sub-")


def _check_new(subject: str, about: Sequence[Proposal], people: People | None, faults: list[str]) -> None:
    if people and not people.get(subject) and not about[0].stands_for:
        faults.append(
            f"{people.path}: no row for {subject} ({about[0].where}); add one, with n/a for what is not known"
        )


# --- Known people ---------------------------------------------------------------------------------


def _compare(person: Participant, said: _Said, state: State, plan: PeoplePlan) -> None:
    """Add what is new about a known participant, and faults where it contradicts."""
    better = person
    sex = said.sex or (said.guess if person.sex else "")
    if sex and person.sex and sex != person.sex:
        plan.faults.append(
            f"{said.where}: sex {sex} of {person.subject} is {person.sex} in {PARTICIPANTS}; sex decides the "
            f"split and is not changed; say {person.sex} in a --participants file"
        )
    elif sex and not person.sex and person.subject in state.assigned:
        plan.faults.append(
            f"{said.where}: sex {sex} of {person.subject} comes too late: {SPLIT} placed {person.subject} "
            "without it, and filling it in would move people; leave it n/a"
        )
    elif sex:
        better = replace(better, sex=sex)
    if said.age is not None and person.age is not None and said.age != person.age:
        plan.faults.append(
            f"{said.where}: age {said.age:g} of {person.subject} is {person.age:g} in {PARTICIPANTS}; "
            "correct one"
        )
    elif said.age is not None:
        better = replace(better, age=said.age)
    if better != person:
        plan.completed.append(better)


def _note(plan: PeoplePlan, people: People | None, subjects: set[str]) -> None:
    images = sum(person.is_image for person in plan.new)
    if images:
        plan.notes.append(
            f"no subject is told of {images:,} images: each counts as its own, and figures will be of unseen "
            "images, not of unseen people (docs/ingest.md)"
        )
    unknown = [person.subject for person in plan.new if not person.sex and not person.is_image]
    if unknown:
        plan.notes.append(
            f"sex not known of {listed(unknown)}: the split balances them as a group of their own; "
            "--participants can give it until they have a place in the split, not later"
        )
    others = people.others(subjects) if people else []
    if people and others:
        plan.notes.append(
            f"{people.path}: {len(others)} participants have no recording here: {listed(others)}"
        )
