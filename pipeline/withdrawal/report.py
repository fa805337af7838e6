"""The report that a lab files: what was erased, how it was proved, and what nobody here can reach."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.runtime.cache import cache_root
from pipeline.runtime.files import write_text
from pipeline.runtime.paths import CENSUS, CLIPS, FUNNEL, METRICS, PARTICIPANTS, REPORTS, SPLIT, WITHDRAWALS
from pipeline.versions.git import Repository
from pipeline.versions.version import short
from pipeline.withdrawal.fingerprints import WINDOW
from pipeline.withdrawal.outcome import Outcome, megabytes
from pipeline.withdrawal.subject import Person

FOLDER = REPORTS / "withdrawals"

_TABLES = (PARTICIPANTS, CLIPS, SPLIT, CENSUS, FUNNEL, METRICS)
_SHOWN = 50

_CONFIG = Path(".dvc/config")

_NO_SAMPLES = (
    "**No picture and no recording of the person was on this machine to take samples from: only names, "
    "digests and rows were looked for.** Where there is a clone with the data, run the same command there."
)


def report_path(subject: str) -> Path:
    """Return where the report on a subject lies."""
    return FOLDER / f"{subject}.md"


def write_report(outcome: Outcome, repository: Repository) -> None:
    """Write the report, in Markdown; one of an earlier run stays above it."""
    path = report_path(outcome.plan.person.subject)
    before = path.read_text(encoding="utf-8") + "\n" if path.is_file() else ""
    write_text(path, before + report(outcome, repository, datetime.now(UTC)))


def report(outcome: Outcome, repository: Repository, when: datetime) -> str:
    """Return the text of the report."""
    subject = outcome.plan.person.subject
    commits = repository.everything()
    parts = [
        f"# Withdrawal of {subject}, {when:%Y-%m-%d %H:%M} UTC",
        f"Project `{repository.root.resolve().name}`{_commit(repository)}.",
        _verdict(outcome),
        f"## Erased\n\n{_markdown(*outcome.table()[1:])}",
        _recordings(outcome.plan.person),
        f"All {len(commits):,} commits that this clone knows and the workspace were searched for files, "
        "objects and lists of folders that hold the person. Files are deleted, not overwritten.",
        f"## Proof\n\n{_proof(outcome)}",
        f"## What stays\n\n{_stays(subject)}",
        f"## What this program cannot reach\n\n{_beyond(outcome, repository, commits)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(outcome: Outcome) -> str:
    if outcome.ok:
        return "**Done: nothing of the person was found in any place that was searched.**"
    return "**Not done yet: see below. Run the same command again when that is mended.**"


def _commit(repository: Repository) -> str:
    return f", commit `{short(repository.commit('HEAD'))}`" if repository.has_commits else ""


def _recordings(person: Person) -> str:
    """Return which recordings are meant, by name and digest: a lab can tell them among its own copies."""
    rows = [[f"`{name}`", f"`{digest}`"] for name, digest in sorted(person.sources.items())]
    return _markdown(["recording", "SHA-256"], rows) if rows else ""


def _proof(outcome: Outcome) -> str:
    proof = outcome.proof
    lines = [
        f"{proof.files:,} files and Git objects ({megabytes(proof.size_bytes)} MB) were searched byte by "
        f"byte, at every offset, for {proof.pictures:,} pictures and pieces of recordings: samples of "
        f"{WINDOW} bytes were taken from each before it was deleted, and it counts as found where a quarter "
        "of them stand in a file. All were also asked whose they are, by the digest of their recording, "
        "their rows, or emo's mark. Compressed archives, encrypted files, anonymous exports as arrays, and "
        "pictures that were scaled or encoded anew outside of emo are not recognised.",
        "" if proof.pictures else _NO_SAMPLES,
        f"The memo that was searched: `{cache_root()}`.",
        f"{proof.swept:,} objects were found by this search, and deleted." if proof.swept else "",
        f"{proof.common:,} samples stand in the recordings of two or more others as well (of a title card, "
        "say): they tell nobody from anybody and were left out."
        if proof.common
        else "",
        f"{proof.vanished:,} files vanished while the search ran." if proof.vanished else "",
        *(
            f"{name} was asked for {count:,} objects; {proof.unnamed[name]:,} others there are named by no "
            "version that this clone knows, and were not judged."
            for name, count in proof.asked.items()
        ),
        *(f"- FOUND: `{found.place}`: {found.what}" for found in proof.found[:_SHOWN]),
    ]
    if len(proof.found) > _SHOWN:
        lines.append(f"- and {len(proof.found) - _SHOWN:,} more")
    return "\n\n".join(line for line in lines if line)


def _stays(subject: str) -> str:
    return (
        f"- `{PARTICIPANTS}`: the code {subject}, sex and place in the order of enrolment, and `withdrawn`. "
        "With other values everybody enrolled later would move between the splits.\n"
        f"- `{WITHDRAWALS}`: SHA-256 digests of the erased recordings, by which `emo ingest` and `emo "
        "audit` recognise them if they come back. A digest shows nothing of what it was made from.\n"
        "- Everybody else's data, in every version. Older versions check out without the person (`dvc "
        "checkout --allow-missing`); `dvc status` calls their folders modified, which they are. Nets that "
        "were trained with the person, and tables and pictures that many people share, are gone from them: "
        "`dvc repro` makes those anew."
    )


def _beyond(outcome: Outcome, repository: Repository, commits: Sequence[str]) -> str:
    subject = outcome.plan.person.subject
    naming = _naming(subject, repository, commits)
    lines = [
        f"- {outcome.note}" if outcome.note else "",
        f"- {outcome.history}" if outcome.history else "",
        *(f"- {fault}: what that version names was not looked for" for fault in outcome.plan.named.unread),
        *(
            f"- another worktree, `{folder}`: run the command there"
            for folder in repository.other_worktrees()
        ),
        *(f"- {remote.name}: {remote.reason}" for remote in outcome.unreached),
        *(
            f"- {name}: old versions of objects, where the storage keeps them (versioned buckets, soft "
            "delete, object lock); delete those with its own tools"
            for name in outcome.proof.asked
        ),
        *(
            f"- a remote that other commits name, `{url}`: it is not configured here, and was not asked. "
            "If it still exists, `dvc remote add` it and run this command again; `git checkout` of such a "
            "commit and `dvc pull` would bring the person back"
            for url in remotes_once(repository, commits)
        ),
        *(
            f"- `{path}`: bears no mark of emo's, and was left; look whether it shows {subject}"
            for path in outcome.plan.not_judged
        ),
        *(f"- `{path}` also stands under another name on this disk (a hard link)" for path in outcome.linked),
        f"- Git's history: {naming:,} commits name {subject} in small text tables (codes, sex, age, names of "
        "clips, counts, digests; no pictures). `git filter-repo` removes them, with every hash after them."
        if naming
        else "",
        "- Clones and copies elsewhere: run the same command in each. A clone that still has its cache can "
        "`dvc push` the person's objects back; run this command again then: it knows them.",
        "- Memos in other places (EMO_MEMO), and remotes that no commit names.",
        "- Copies that programs keep which loaded the dataset, such as `~/.cache/huggingface/datasets`.",
        "- Exports, backups, snapshots, and what was sent to others.",
    ]
    return "\n".join(line for line in lines if line)


def remotes_once(repository: Repository, commits: Sequence[str]) -> list[str]:
    """Return the addresses of the remotes that commits configure, and the workspace does not any more.

    Without names and passwords in them: a report is filed.
    """
    found = repository.read((commit, _CONFIG) for commit in commits)
    here = [path.read_bytes() for path in (_CONFIG, _CONFIG.with_suffix(".local")) if path.is_file()]
    ever, now = ({url for text in texts for url in _urls(text)} for texts in (found.values(), here))
    return sorted({re.sub(r"//[^/@]*@", "//", url) for url in ever - now})


def _urls(config: bytes) -> list[str]:
    return re.findall(r"^\s*url\s*=\s*(\S.*?)\s*$", config.decode(errors="replace"), re.MULTILINE)


def _naming(subject: str, repository: Repository, commits: Sequence[str]) -> int:
    """Return how many commits have a text table that names the subject."""
    found = repository.read((commit, path) for commit in commits for path in _TABLES)
    name = re.compile(rb"(?<![\w-])" + re.escape(subject.encode()) + rb"(?![\w-])")
    return len({commit for (commit, _), text in found.items() if name.search(text)})


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
