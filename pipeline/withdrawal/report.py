"""Step 4, report: what was erased, how it was proved, and what this program cannot reach."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.runtime.files import write_text
from pipeline.runtime.paths import (
    CENSUS,
    CLIPS,
    DECISIONS,
    FUNNEL,
    METRICS,
    PARTICIPANTS,
    REPORTS,
    SPLIT,
    WITHDRAWALS,
)
from pipeline.runtime.text import as_code, markdown_table
from pipeline.versions.git import Repository
from pipeline.versions.version import short
from pipeline.withdrawal.erase import Erased
from pipeline.withdrawal.find.files import cache_folders
from pipeline.withdrawal.fingerprints import WINDOW
from pipeline.withdrawal.plan import Plan
from pipeline.withdrawal.prove import Proof
from pipeline.withdrawal.stores import REMOTE, Unreached
from pipeline.withdrawal.subject import Subject

FOLDER = REPORTS / "withdrawals"

_TABLES = (PARTICIPANTS, CLIPS, DECISIONS, SPLIT, CENSUS, FUNNEL, METRICS)
_SHOWN = 50
_CONFIG = Path(".dvc/config")

_NO_SAMPLES = (
    "**No image and no recording of the participant was on this machine to take samples from: only names, "
    "digests and rows were searched for.** If a clone has the data, run the same command there."
)

_ALWAYS_BEYOND = (
    "- Clones and copies elsewhere: run the same command in each. A clone that still has its cache can `dvc "
    "push` the participant's objects back; then run this command again, it recognises them.",
    "- Caches in other places (EMO_CACHE), and remotes that no commit names.",
    "- Copies kept by programs that loaded the dataset, such as `~/.cache/huggingface/datasets`.",
    "- Exports, backups, snapshots, and what was sent to others.",
)


@dataclass(frozen=True)
class Outcome:
    """What was erased, and the proof of it."""

    plan: Plan
    erased: tuple[Erased, ...]
    unreached: tuple[Unreached, ...]
    linked: tuple[Path, ...]
    "Deleted files that still exist under another name, as `emo ingest --link` makes them."
    proof: Proof
    note: str = ""
    "What could not be done, and how to do it."
    history: str = ""
    "Why versions of the project are missing here; empty if all are known."

    @property
    def ok(self) -> bool:
        """Whether every place was reached, all versions are known, and nothing was found."""
        return self.proof.ok and not self.unreached and not self.history

    @property
    def has_remotes(self) -> bool:
        """Whether DVC has remotes: rebuilt outputs must be pushed there for other clones to get them."""
        return any(item.place.startswith(REMOTE) for item in self.erased) or bool(self.unreached)


def report_path(subject: str) -> Path:
    """Return the path of the report on a subject."""
    return FOLDER / f"{subject}.md"


def write_report(outcome: Outcome, repository: Repository) -> None:
    """Write the report in Markdown, below the reports of earlier runs."""
    path = report_path(outcome.plan.subject.code)
    before = path.read_text(encoding="utf-8") + "\n" if path.is_file() else ""
    write_text(path, before + report(outcome, repository, datetime.now(UTC)))


def report(outcome: Outcome, repository: Repository, when: datetime) -> str:
    """Return the text of the report."""
    subject = outcome.plan.subject
    commits = repository.all_commits()
    parts = [
        f"# Withdrawal of {subject.code}, {when:%Y-%m-%d %H:%M} UTC",
        f"Project `{repository.root.resolve().name}`{_head(repository)}.",
        "**Done: nothing of the participant was found in any place that was searched.**"
        if outcome.ok
        else "**Not done yet: see below. Fix this and run the same command again.**",
        f"## Erased\n\n{markdown_table(*erased_table(outcome))}",
        _recordings(subject),
        f"All {len(commits):,} commits of this clone and the workspace were searched for files, objects and "
        "lists of folders that hold the participant. Files are deleted, not overwritten.",
        f"## Proof\n\n{_proof(outcome.proof)}",
        f"## What stays\n\n{_stays(subject.code)}",
        f"## What this program cannot reach\n\n{_beyond(outcome, repository, commits)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def erased_table(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the table of what was erased, by place."""
    rows = [
        [item.place, f"{item.files:,}", megabytes(item.size_bytes), f"{item.lists:,}"]
        for item in outcome.erased
    ]
    rows += [[store.name, "NOT REACHED", "", ""] for store in outcome.unreached]
    return ["place", "files", "MB", "lists of folders shortened"], rows


def megabytes(size_bytes: int) -> str:
    """Return a size in megabytes."""
    return f"{size_bytes / 1e6:,.1f}"


def _head(repository: Repository) -> str:
    return f", commit `{short(repository.commit('HEAD'))}`" if repository.has_commits else ""


def _recordings(subject: Subject) -> str:
    """Return the table of the recordings, by which a lab recognises its own copies."""
    rows = [[as_code(name), as_code(digest)] for name, digest in sorted(subject.sources.items())]
    return markdown_table(["recording", "SHA-256"], rows) if rows else ""


def _proof(proof: Proof) -> str:
    caches = ", ".join(f"`{folder}`" for folder in cache_folders() if folder.is_dir()) or "none"
    lines = [
        f"{proof.files:,} files and Git objects ({megabytes(proof.size_bytes)} MB) were searched byte by "
        f"byte, at every offset, for {proof.images:,} images and pieces of recordings. Samples of {WINDOW} "
        "bytes were taken from each before it was deleted; it counts as found if a file has a quarter of "
        "them. Every file was also checked by the digest of its recording, by its rows and by emo's tag. Not "
        "recognised are compressed archives, encrypted files, anonymous exports as arrays, and images that "
        "were scaled or re-encoded outside emo.",
        "" if proof.images else _NO_SAMPLES,
        f"Caches searched: {caches}.",
        f"{proof.swept:,} objects were found by this search, and deleted." if proof.swept else "",
        f"{proof.common:,} samples were left out because the recordings of two or more other subjects have "
        "them too (a title card, for example): they identify no subject."
        if proof.common
        else "",
        f"{proof.vanished:,} files were removed by other programs during the search."
        if proof.vanished
        else "",
        *(
            f"{name} was checked for {count:,} objects; {proof.unlisted[name]:,} other objects there are "
            "listed by no version of this clone, and were not judged."
            for name, count in proof.asked.items()
        ),
        *(f"- FOUND: `{found.place}`: {found.what}" for found in proof.found[:_SHOWN]),
        f"- and {len(proof.found) - _SHOWN:,} more" if len(proof.found) > _SHOWN else "",
    ]
    return "\n\n".join(line for line in lines if line)


def _stays(subject: str) -> str:
    return (
        f"- `{PARTICIPANTS}`: the code {subject}, sex and number in the order of enrolment, and `withdrawn`. "
        "With other values, every subject enrolled later would change split.\n"
        f"- `{WITHDRAWALS}`: SHA-256 digests of the erased recordings, by which `emo ingest` and `emo audit` "
        "recognise them if they come back. No content can be reconstructed from a digest.\n"
        "- The data of all other subjects, in every version. Older versions can be checked out without the "
        "participant (`dvc checkout --allow-missing`); `dvc status` reports their folders as modified, which "
        "they are. Models that were trained with the participant, and tables and images of many subjects, "
        "are gone from these versions; `dvc repro` builds them again."
    )


def _beyond(outcome: Outcome, repository: Repository, commits: Sequence[str]) -> str:
    subject = outcome.plan.subject.code
    lines = list(_open_tasks(outcome, repository, commits))
    if naming := _commits_naming(subject, repository, commits):
        lines.append(
            f"- Git's history: {naming:,} commits name {subject} in small text tables (codes, sex, age, "
            "names of clips, counts, digests, reasons and raters of decisions; no images). Reasons are free "
            f"text: check those in earlier versions of `{DECISIONS}`. `git filter-repo` removes the tables, "
            "and changes every later hash."
        )
    return "\n".join((*lines, *_ALWAYS_BEYOND))


def _open_tasks(outcome: Outcome, repository: Repository, commits: Sequence[str]) -> Iterator[str]:
    """Yield what this withdrawal could not reach, and what to do about it."""
    subject = outcome.plan.subject.code
    yield from (f"- {note}" for note in (outcome.note, outcome.history) if note)
    for error in outcome.plan.listed.unread:
        yield f"- {error}: the objects of that version were not searched for"
    for folder in repository.other_worktrees():
        yield f"- another worktree, `{folder}`: run the command there"
    for store in outcome.unreached:
        yield f"- {store.name}: {store.reason}"
    for name in outcome.proof.asked:
        yield (
            f"- {name}: old versions of objects, if the storage keeps them (versioned buckets, soft delete, "
            "object lock); delete those with its own tools"
        )
    for url in former_remotes(repository, commits):
        yield (
            f"- a remote that other commits name, `{url}`: it is not configured here, and was not searched. "
            "If it still exists, add it with `dvc remote add` and run this command again; otherwise `git "
            "checkout` of such a commit and `dvc pull` would restore the participant's data"
        )
    for path in outcome.plan.not_judged:
        yield f"- `{path}`: has no tag of emo and was left; check whether it shows {subject}"
    for path in outcome.linked:
        yield f"- `{path}` also exists under another name on this disk (a hard link)"


def former_remotes(repository: Repository, commits: Sequence[str]) -> list[str]:
    """Return the URLs, without user and password, of remotes that only commits configure."""
    found = repository.read((commit, _CONFIG) for commit in commits)
    here = [path.read_bytes() for path in (_CONFIG, _CONFIG.with_suffix(".local")) if path.is_file()]
    ever, now = ({url for text in texts for url in _urls(text)} for texts in (found.values(), here))
    return sorted({re.sub(r"//[^/@]*@", "//", url) for url in ever - now})


def _urls(config: bytes) -> list[str]:
    return re.findall(r"^\s*url\s*=\s*(\S.*?)\s*$", config.decode(errors="replace"), re.MULTILINE)


def _commits_naming(subject: str, repository: Repository, commits: Sequence[str]) -> int:
    """Return how many commits have a text table that names the subject."""
    found = repository.read((commit, path) for commit in commits for path in _TABLES)
    name = re.compile(rb"(?<![\w-])" + re.escape(subject.encode()) + rb"(?![\w-])")
    return len({commit for (commit, _), text in found.items() if name.search(text)})
