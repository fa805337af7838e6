"""Versions and their differences on small tables in a real Git repository."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.runtime.csv_files import write_csv
from pipeline.runtime.dvc_hash import folder_md5
from pipeline.runtime.errors import EmoError, UnknownRevisionError
from pipeline.runtime.parquet import write_parquet
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.decisions import Decision, write_decisions
from pipeline.schema.participants import Participant
from pipeline.schema.split import SplitRow
from pipeline.versions.diff import Diff, compare
from pipeline.versions.diff_text import diff_tables
from pipeline.versions.dvc_lock import StageLock, read_lock
from pipeline.versions.git import Repository
from pipeline.versions.history import all_moves, earlier_versions, history
from pipeline.versions.image_diff import ImageChanges, compare_images
from pipeline.versions.stale import unbuilt
from pipeline.versions.version import Version, resolve_pair, workspace
from tests.support.making import TOP, clip, decision, enrol, person, set_params

pytestmark = pytest.mark.slow

PARTICIPANTS = [person("S1", sex="F"), person("S2", sex="M", enrolled=2), person("S3", sex="F", enrolled=3)]
CLIPS = [clip(f"{p.subject}_happy", subject=p.subject) for p in PARTICIPANTS]
SPLIT = [SplitRow("S1", "F", "train", 0), SplitRow("S2", "M", "train", 1), SplitRow("S3", "F", "test", 2)]
CENSUS = [CensusRow(row.split, row.subject, "happy", 1, 3, row.subject * 8) for row in SPLIT]


def git(*arguments: str) -> None:
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    subprocess.run(["git", *who, *arguments], check=True)


def write(
    participants: Sequence[Participant] = PARTICIPANTS,
    clips: Sequence[Clip] = CLIPS,
    split: Sequence[SplitRow] = SPLIT,
    census: Sequence[CensusRow] = CENSUS,
) -> None:
    enrol(participants, clips)
    write_csv(Path("data/split.csv"), split, SplitRow)
    write_csv(Path("data/census.csv"), census, CensusRow)


def commit(message: str, *tags: str) -> None:
    git("add", "--all")
    git("commit", "-q", "--allow-empty", "-m", message)
    for tag in tags:
        git("tag", tag)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one version, v1, in a folder called `project`."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    (root / "dvc.yaml").write_text("stages: {}\n")
    write()
    git("init", "-q", "-b", "main")
    commit("First", "v1")
    return root


@pytest.fixture
def repository(project: Path) -> Repository:
    return Repository(project)


def steps_of(repository: Repository, revision: str = "HEAD") -> list[tuple[str, str]]:
    """Return name and changes of the versions up to a revision."""
    return [(step.version.name[8:], step.changes) for step in history(repository, revision)]


def moved(subject: str, split: str) -> list[SplitRow]:
    return [replace(row, split=split) if row.subject == subject else row for row in SPLIT]


def difference(**changed: Any) -> Diff:
    """Return the difference between v1 and a workspace with other tables."""
    write(**changed)
    return compare(*resolve_pair(Repository(Path.cwd()), "v1", None, Path.cwd()))


# --- Versions -------------------------------------------------------------------------------------


def test_a_version_that_cannot_be_read_hides_no_other(repository: Repository) -> None:
    good = Path("data/split.csv").read_text()
    Path("data/split.csv").write_text(f"<<<<<<< ours\n{good}")
    commit("Conflict")
    write(census=[replace(CENSUS[0], images=4, digest="x"), *CENSUS[1:]])
    commit("Fixed")
    steps = steps_of(repository)
    assert [changes for _, changes in steps][::2] == ["+1 image", "+3 subjects; +3 clips; +9 images"]
    assert steps[1][1].startswith("CANNOT BE READ: data/split.csv: line 1: ")
    assert [bool(version.error) for version in earlier_versions(repository)] == [False, True, False]
    row = history(repository)[1].row()
    assert row[2:5] == ["-", "-", "-"]
    assert history(repository)[1].as_json()["changes"] is None
    with pytest.raises(EmoError, match=r"HEAD~1\): data/split\.csv: line 1: "):
        resolve_pair(repository, "HEAD~1", None, Path.cwd())


def test_an_unknown_split_is_an_error_of_the_table(repository: Repository) -> None:
    Path("data/census.csv").write_text(Path("data/census.csv").read_text().replace("test,", "tests,"))
    commit("Typo")
    with pytest.raises(EmoError, match=r"^workspace: data/census\.csv: line 2: split: 'tests' is not one of"):
        steps_of(repository)
    write()
    assert "split: 'tests' is not one of train, validation, test" in steps_of(repository)[-2][1]


def test_a_move_on_a_merged_branch_that_was_reverted_there(repository: Repository) -> None:
    git("switch", "-q", "-c", "branch")
    write(split=moved("S1", "test"))
    commit("Move")
    write()
    commit("Move back")
    git("switch", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "Merge", "branch")
    assert len(steps_of(repository)) == 1
    assert [str(change) for change in all_moves(repository)] == ["S1: train -> test", "S1: test -> train"]
    assert {version.split["S1"].split for version in earlier_versions(repository)} == {"train", "test"}


def test_a_commit_that_changes_only_the_form_is_no_version(repository: Repository) -> None:
    path = Path("data/split.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    commit("Other order", "v2")
    assert steps_of(repository) == [("(v1, v2)", "+3 subjects; +3 clips; +9 images")]


def test_tags_of_later_commits_and_tags_of_no_commit(repository: Repository) -> None:
    Path("README.md").write_text("text")
    commit("Text", "v1.1")
    blob = subprocess.run(["git", "hash-object", "README.md"], capture_output=True, text=True, check=True)
    git("tag", "no-commit", blob.stdout.strip())
    git("tag", "tree", "HEAD^{tree}")
    git("tag", "-a", "v1.2", "v1", "-m", "annotated")
    write(census=CENSUS[:2])
    commit("Fewer", "v2")
    write()
    commit("As before", "v3")
    Path("README.md").write_text("more text")
    commit("More text", "v3.1")
    names = [step.commit.names for step in history(repository) if step.commit]
    assert names == [("v3", "v3.1"), ("v2",), ("v1.2", "v1", "v1.1")]


def test_versions_of_a_revision_do_not_read_the_workspace(repository: Repository) -> None:
    Path("raw/clips.csv").write_text("no table")
    assert len(history(repository, "v1", with_workspace=False)) == 1
    with pytest.raises(EmoError, match=r"workspace: raw/clips\.csv"):
        history(repository)


def test_the_oldest_version_of_a_shallow_clone(project: Path) -> None:
    write(census=CENSUS[:2])
    commit("Fewer")
    git("clone", "-q", "--depth", "1", f"file://{project}", "../shallow")
    [step] = history(Repository(project.parent / "shallow"))
    assert "shallow clone" in step.changes
    assert step.row()[2] == "3"


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for ask in (lambda r: history(r), lambda r: resolve_pair(r, "HEAD", None, tmp_path)):
        with pytest.raises(EmoError, match="not a Git repository"):
            ask(Repository(tmp_path))


# --- Which two ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("v1..v2", ("v1", "v2")),
        ("..v2", ("HEAD", "v2")),
        ("v1..", ("v1", "HEAD")),
        ("../project@v1", ("../project@v1", "workspace")),
        ("../project@v1..v2", ("../project@v1", "v2")),
        ("../project/../project@v2", ("../project/../project@v2", "workspace")),
        ("../project", ("../project", "workspace")),
        ("raw/..@v1", ("raw/..@v1", "workspace")),
    ],
)
def test_dots_are_a_range_only_outside_of_paths(
    repository: Repository, spec: str, names: tuple[str, str]
) -> None:
    write(census=CENSUS[:2])
    commit("Fewer", "v2")
    found = [version.name for version in resolve_pair(repository, spec, None, Path.cwd())]
    for name, wanted in zip(found, names, strict=True):
        folder, _, revision = wanted.rpartition("@")
        is_named = name.startswith(f"{folder}@" if folder else "") and f"({revision})" in name
        assert name == wanted or is_named


def test_three_dots_start_at_the_last_common_commit(repository: Repository) -> None:
    git("switch", "-q", "-c", "branch")
    write(census=CENSUS[:2])
    commit("Fewer", "v2")
    git("switch", "-q", "main")
    write(census=CENSUS[1:])
    commit("Others")
    before, after = resolve_pair(repository, "main...v2", None, Path.cwd())
    assert (before.commit, after.images) == (repository.commit("v1"), 6)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", None, "'': "),
        ("v1", "", "'': "),
        ("../project@", None, "../project@'': "),
        ("../project@v9", None, "../project@v9: "),
        ("no-such", None, "no-such: "),
    ],
)
def test_an_unknown_or_empty_revision_is_not_the_workspace(
    repository: Repository, before: str, after: str | None, shown: str
) -> None:
    with pytest.raises(UnknownRevisionError) as error:
        resolve_pair(repository, before, after, Path.cwd())
    assert str(error.value).startswith(shown)


def test_no_dataset_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    enrol([], [])
    git("init", "-q", "-b", "main")
    commit("Start")
    with pytest.raises(EmoError, match="neither version has a dataset"):
        resolve_pair(Repository(tmp_path), "HEAD", None, tmp_path)


# --- Differences ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_other_images_with_equal_sums_are_not_the_same() -> None:
    """One image less of one subject, one more of another: the sums by split and class stay."""
    census = [
        replace(CENSUS[0], images=2, digest="a"),
        replace(CENSUS[1], images=4, digest="b"),
        CENSUS[2],
    ]
    diff = difference(census=census)
    assert diff.remade == (("S1", "happy"), ("S2", "happy"))
    assert (diff.is_empty, diff.phrases()) == (False, ["images changed"])
    assert "changed: S1 happy, S2 happy; counts only" in diff_tables(diff, None)[0][2][2][3]
    gone = difference(census=[replace(CENSUS[1], images=6, digest="c"), CENSUS[2]])
    assert gone.remade == (("S1", "happy"), ("S2", "happy"))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("images", "shown"),
    [
        (ImageChanges(9, 0, 0, 0, 0), "9 same"),
        (ImageChanges(6, 3, 3, 0, 0), "6 same, 3 added, 3 removed"),
        (ImageChanges(6, 0, 0, 0, 0), "6 same; 3 no longer here, a subject withdrew"),
        (ImageChanges(6, 3, 0, 0, 0), "6 same, 3 added; 3 no longer here, a subject withdrew"),
        (ImageChanges(8, 0, 3, 1, 0), "8 same, 3 removed, 1 changed; 3 more than data/census.csv counts"),
    ],
)
def test_images_that_the_census_does_not_count(images: ImageChanges, shown: str) -> None:
    """Nine before and after."""
    assert diff_tables(difference(), images)[0][2][2][3] == shown


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"participants": [replace(PARTICIPANTS[0], sex="M"), *PARTICIPANTS[1:]]}, "S1 sex: F -> M"),
        ({"split": [replace(SPLIT[0], fold=4), *SPLIT[1:]]}, "S1 fold: 0 -> 4"),
        ({"clips": [replace(CLIPS[0], take="t"), *CLIPS[1:]]}, "S1_happy take: S1_happy -> t"),
        ({"clips": [replace(CLIPS[0], video="a.mp4"), *CLIPS[1:]]}, "S1_happy video: S1_happy.mp4 -> a.mp4"),
    ],
)
def test_edited_cells_are_shown(changed: dict[str, Any], shown: str) -> None:
    diff = difference(**changed)
    assert [str(change) for change in diff.edited] == [shown]
    assert diff.phrases() == [f"edited: {shown.split(':')[0]}"]
    assert not diff.is_empty
    assert ["edited", *shown.split(": ")[1].split(" -> "), shown.split(":")[0]] in diff_tables(diff, None)[0][
        2
    ]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("by", ["raw/participants.csv", "raw/withdrawn.csv", ".emo/withdrawn.csv"])
def test_a_withdrawal_before_the_next_run_is_shown_as_one(by: str) -> None:
    participants = [replace(PARTICIPANTS[0], consent="withdrawn"), *PARTICIPANTS[1:]]
    if by != "raw/participants.csv":
        Path(by).parent.mkdir(exist_ok=True)
        Path(by).write_text("subject,sha256\nS1,\n")
        participants = PARTICIPANTS
    diff = difference(participants=participants)
    assert (diff.withdrawn, diff.subjects_removed, diff.edited) == (("S1",), (), ())
    assert diff.phrases() == ["S1 withdrew", "-1 clip"]
    assert "S1 (withdrew, still in train)" in diff_tables(diff, None)[0][2][0][3]


@pytest.mark.usefixtures("project")
def test_subjects_who_exchange_ids_move_although_no_id_does() -> None:
    """By the content of recordings: a subject that loses one to another split is seen there."""
    write(clips=[replace(c, sha256=str(n) * 64) for n, c in enumerate(CLIPS)])
    here = workspace(Path.cwd())
    given = dict(zip("012", ("S2", "S3", "S1"), strict=True))  # S1 and S2 are in train, S3 in test
    there = replace(here, clips=tuple(replace(c, subject=given[c.sha256[0]]) for c in here.clips))
    moved = [str(change) for change in compare(here, there).moved]
    assert moved == ["S2 as S3: train -> test", "S3 as S1: test -> train"]
    assert compare(here, there).phrases()[-1] == "2 subjects MOVED between splits"
    also = (*here.clips, replace(here.clips[0], clip="copy", subject="S3"))
    assert compare(here, replace(here, clips=also)).moved == ()  # S1's own still: no recording enrolled twice


@pytest.mark.usefixtures("project")
def test_settings_are_compared_where_both_are_known() -> None:
    here = workspace(Path.cwd())
    known = replace(here, lock={"dedup": StageLock(params={"dedup.max_distance": 31})})
    assert compare(here, known).settings == compare(known, here).settings == ()
    other = replace(here, lock={"dedup": StageLock(params={"dedup.max_distance": 4})})
    assert [str(change) for change in compare(known, other).settings] == ["dedup.max_distance: 31 -> 4"]


@pytest.mark.usefixtures("project")
def test_changes_since_the_last_run_are_noted() -> None:
    code = Path("pipeline/faces")
    code.mkdir(parents=True)
    (code / "crop.py").write_text("1")
    deps = {"pipeline/faces": "0.dir", "data/faces": "1.dir"}
    set_params(dedup={"max_distance": 4})
    version = replace(workspace(Path.cwd()), lock={"dedup": StageLock(deps, {}, {"dedup.max_distance": 31})})
    assert unbuilt(version) == ["params.yaml: dedup.max_distance", "pipeline/faces"]
    same = replace(version, lock={"dedup": StageLock({"pipeline/faces": folder_md5(code)})})
    assert unbuilt(same) == []
    used = StageLock({"reports/history.csv": "0" * 32, "pipeline/gone.py": "0" * 32})
    trained = StageLock({}, {"reports/history.csv": "0" * 32})  # not here: `dvc pull` was not run
    assert unbuilt(replace(version, lock={"evaluate": used, "train": trained})) == ["pipeline/gone.py"]
    assert unbuilt(replace(version, commit="1" * 40)) == []
    Path("params.yaml").write_text("other: 1\n")
    assert "params.yaml: unknown section: other" in unbuilt(version)[0]


@pytest.mark.usefixtures("project")
def test_participants_are_read_once_not_once_a_clip() -> None:
    """35,000 images without a subject took minutes."""
    begun: list[int] = []

    class Counted(tuple[Participant, ...]):
        def __iter__(self) -> Iterator[Participant]:
            begun.append(1)
            return super().__iter__()

    here = replace(workspace(Path.cwd()), participants=Counted(PARTICIPANTS))
    assert (len(here.processable_clips), len(begun)) == (3, 1)


@pytest.mark.usefixtures("project")
def test_changed_code_is_listed_by_folder() -> None:
    here = workspace(Path.cwd())
    old = {"pipeline/faces": "1.dir", "pipeline/runtime": "2.dir", "pipeline/stages/faces.py": "3"}
    before = replace(here, lock={"faces": StageLock(old), "dedup": StageLock({"pipeline/runtime": "2.dir"})})
    new = {**old, "pipeline/faces": "4.dir", "pipeline/schema": "5.dir"}
    after = replace(before, lock={**before.lock, "faces": StageLock(new)})
    diff = compare(before, after)
    assert diff.code == {"faces": ("pipeline/faces", "pipeline/schema")}
    assert diff.phrases() == ["code: faces"]
    assert ["code", "", "", "faces: pipeline/faces, pipeline/schema"] in diff_tables(diff, None)[0][2]


@pytest.mark.usefixtures("project")
def test_settings_of_version_0_1_are_compared_by_their_new_names() -> None:
    """Version 0.1 had one section `faces.search`; dvc.lock has one dotted key a section now."""
    old = "{faces: {detector: haar, search: {min_neighbors: 3, min_sightings: 2}, crop: {margin: 0.0}}}"
    new = (
        "{faces.detector: haar, faces.haar: {min_neighbors: 4}, faces.tracking: {min_detections: 2}, "
        "faces.crop: {margin: 0.0}}"
    )
    here = workspace(Path.cwd())
    before, after = (
        replace(here, lock=read_lock(f"stages: {{faces: {{params: {{params.yaml: {text}}}}}}}", "dvc.lock"))
        for text in (old, new)
    )
    changes = [str(change) for change in compare(before, after).settings]
    assert changes == ["faces.haar.min_neighbors: 3 -> 4"]


@pytest.mark.usefixtures("project")
def test_the_json_is_documented() -> None:
    page = (TOP / "docs" / "versions.md").read_text(encoding="utf-8")
    step = history(Repository(Path.cwd()))[0].as_json()
    assert [key for key in {**difference().as_json(), **step} if f"`{key}`" not in page] == []


# --- Image by image -------------------------------------------------------------------------------


def dataset(root: Path, classes: Sequence[str], name: str) -> Version:
    """Write one image under one of the classes; return the workspace that holds it."""
    row = {
        "image": {"bytes": b"png", "path": image_name("S1_happy", 0)},
        "label": classes.index(name),
        "subject": "S1",
        "clip": "S1_happy",
        "frame": 0,
        "time_s": 0.0,
    }
    table = pa.Table.from_pylist([row], schema=dataset_schema(classes))
    write_parquet(shard_path("train", "S1", root / "data/dataset"), table)
    return workspace(root)


def test_labels_are_compared_by_the_names_of_their_classes(project: Path) -> None:
    """A new class that sorts before the others changes all their numbers."""
    other = shutil.copytree(project, project.parent / "other")
    old, new = dataset(project, ("happy", "sad"), "happy"), dataset(other, ("angry", "happy", "sad"), "happy")
    images = compare_images(compare(old, new))
    assert images
    assert (images.same, images.relabelled) == (1, 0)
    images = compare_images(compare(old, dataset(other, ("angry", "happy"), "angry")))
    assert images
    assert (images.same, images.relabelled) == (0, 1)


def test_a_clone_without_dvc_gives_counts_only(repository: Repository) -> None:
    before, after = resolve_pair(repository, "v1", None, Path.cwd())
    assert compare_images(compare(before, after)) is None


# --- The commands ---------------------------------------------------------------------------------


def emo(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    command = [sys.executable, str(TOP / "cli.py"), *arguments]
    plain = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(command, env=environment, text=True, **plain | streams)  # type: ignore[call-overload,no-any-return]


@pytest.mark.usefixtures("project")
def test_messages_of_commits_are_no_markup() -> None:
    write(census=CENSUS[:2])
    commit("[bold]Fewer[/nonsense] :smile:")
    assert "[bold]Fewer[/nonsense] :smile:" in emo("versions").stdout


@pytest.mark.usefixtures("project")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", [("versions",), ("versions", "--json"), ("diff", "v1")])
def test_a_full_standard_output(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = emo(*command, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device; redirect it to another file\n"


@pytest.mark.usefixtures("project")
def test_a_closed_pipe() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = emo("versions", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")  # as other programs end before `head`


# --- Decisions ------------------------------------------------------------------------------------


def decided(*decisions: Decision) -> Diff:
    """Return the difference between v1 and a workspace with these decisions."""
    write_decisions(decisions)
    return compare(*resolve_pair(Repository(Path.cwd()), "v1", None, Path.cwd()))


@pytest.mark.usefixtures("project")
def test_decisions_are_shown_by_reason() -> None:
    enrol(PARTICIPANTS, DISTINCT)
    commit("Distinct recordings", "v1.1")
    git("tag", "-f", "v1")
    found = decided(
        about("S1", 1),
        about("S2", 2, start_s=0.5, end_s=1.0),
        about("S3", 3, "relabel", reason="wrong key"),
    )
    assert found.phrases() == [
        "1 clip relabelled (decision 3): wrong key",
        "2 clips excluded (decisions 1, 2): blink",
    ]
    assert [str(ruling) for ruling in found.excluded] == [
        "S1_happy: none -> all (decision 1: blink)",
        "S2_happy: none -> 0.5..1 s (decision 2: blink)",
    ]
    assert vars(found.relabelled[0]) == {
        "what": "S3_happy",
        "before": "happy",
        "after": "sad",
        "decision": 3,
        "reason": "wrong key",
    }
    text = str(diff_tables(found, None))
    assert "excluded: S1_happy: none -> all (decision 1: blink)" in text
    assert not found.is_empty


@pytest.mark.usefixtures("project")
def test_a_clip_that_is_included_again() -> None:
    enrol(PARTICIPANTS, DISTINCT)
    write_decisions([about("S1", 1)])
    commit("Excluded", "v2")
    git("tag", "-f", "v1")
    found = decided(about("S1", 1), about("S1", 2, "include", start_s=0.0, end_s=1.0, reason="eyes open"))
    assert found.phrases() == ["1 clip included again (decision 2): eyes open"]
    assert (found.included[0].before, found.included[0].after) == ("all", "1..2 s")
    again = decided(about("S1", 1), about("S1", 2, "include"), about("S1", 3))
    assert again.is_empty  # decided to and fro


@pytest.mark.usefixtures("project")
def test_a_label_edited_by_hand_has_no_decision() -> None:
    edited = [replace(CLIPS[0], expression="sad"), *CLIPS[1:]]
    found = difference(clips=edited)
    assert found.phrases()[0] == "1 clip relabelled"
    assert found.relabelled[0].decision == 0


@pytest.mark.usefixtures("project")
def test_a_ledger_with_a_conflict_is_a_version_that_cannot_be_read() -> None:
    Path("raw/decisions.csv").write_text("<<<<<<< ours\n")
    with pytest.raises(EmoError, match=r"^workspace: raw/decisions\.csv: line 1: a merge conflict"):
        workspace(Path.cwd(), "workspace")


DISTINCT = [replace(c, sha256=f"{number:064x}") for number, c in enumerate(CLIPS)]


def about(subject: str, number: int, action: str = "exclude", **values: Any) -> Decision:
    recording = next(c.sha256 for c in DISTINCT if c.subject == subject)
    return decision(number, action, clip=f"{subject}_happy", recording=recording, **values)
