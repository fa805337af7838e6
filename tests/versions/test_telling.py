"""Versions and their differences on small tables in a real Git repository: what is told is true."""

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
from pipeline.runtime.errors import EmoError
from pipeline.runtime.parquet import write_parquet
from pipeline.schema.census import CensusRow
from pipeline.schema.clips import Clip
from pipeline.schema.dataset import dataset_schema, image_name, shard_path
from pipeline.schema.participants import Participant
from pipeline.schema.split import SplitRow
from pipeline.versions.diff import Diff, compare
from pipeline.versions.diff_text import diff_tables
from pipeline.versions.dvc_hash import folder_md5
from pipeline.versions.dvc_lock import StageLock
from pipeline.versions.git import Repository
from pipeline.versions.history import all_moves, earlier_versions, history
from pipeline.versions.image_diff import ImageChanges, compare_images
from pipeline.versions.stale import unbuilt
from pipeline.versions.version import Version, resolve_pair, workspace
from tests.support.making import TOP, clip, enrol, person, set_params

PEOPLE = [person("S1", sex="F"), person("S2", sex="M", enrolled=2), person("S3", sex="F", enrolled=3)]
CLIPS = [clip(f"{p.subject}_happy", subject=p.subject) for p in PEOPLE]
SPLIT = [SplitRow("S1", "F", "train", 0), SplitRow("S2", "M", "train", 1), SplitRow("S3", "F", "test", 2)]
CENSUS = [CensusRow(row.split, row.subject, "happy", 1, 3, row.subject * 8) for row in SPLIT]


def git(*arguments: str) -> None:
    who = ("-c", "user.name=A Lab", "-c", "user.email=lab@example.org")
    subprocess.run(["git", *who, *arguments], check=True)


def write(
    people: Sequence[Participant] = PEOPLE,
    clips: Sequence[Clip] = CLIPS,
    split: Sequence[SplitRow] = SPLIT,
    census: Sequence[CensusRow] = CENSUS,
) -> None:
    enrol(people, clips)
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


def told(repository: Repository, revision: str = "HEAD") -> list[tuple[str, str]]:
    """Return name and changes of the versions up to a revision."""
    return [(step.version.name[8:], step.changes) for step in history(repository, revision)]


def moved(subject: str, place: str) -> list[SplitRow]:
    return [replace(row, split=place) if row.subject == subject else row for row in SPLIT]


def difference(**changed: Any) -> Diff:
    """Return the difference that other tables make to those of v1."""
    write(**changed)
    return compare(*resolve_pair(Repository(Path.cwd()), "v1", None, Path.cwd()))


# --- Versions -------------------------------------------------------------------------------------


def test_a_version_that_cannot_be_read_hides_no_other(repository: Repository) -> None:
    good = Path("data/split.csv").read_text()
    Path("data/split.csv").write_text(f"<<<<<<< ours\n{good}")
    commit("Conflict")
    write(census=[replace(CENSUS[0], images=4, digest="x"), *CENSUS[1:]])
    commit("Mended")
    steps = told(repository)
    assert [changes for _, changes in steps][::2] == ["+1 image", "+3 subjects; +3 clips; +9 images"]
    assert steps[1][1].startswith("CANNOT BE READ: data/split.csv: line 1: ")
    assert [bool(version.fault) for version in earlier_versions(repository)] == [False, True, False]
    row = history(repository)[1].row()
    assert row[2:5] == ["-", "-", "-"]
    assert history(repository)[1].as_json()["changes"] is None
    with pytest.raises(EmoError, match=r"HEAD~1\): data/split\.csv: line 1: "):
        resolve_pair(repository, "HEAD~1", None, Path.cwd())


def test_a_split_that_does_not_exist_is_a_fault_of_the_table(repository: Repository) -> None:
    Path("data/census.csv").write_text(Path("data/census.csv").read_text().replace("test,", "tests,"))
    commit("Typo")
    with pytest.raises(EmoError, match=r"^workspace: data/census\.csv: line 2: split: 'tests' is not one of"):
        told(repository)
    write()
    assert "split: 'tests' is not one of train, validation, test" in told(repository)[-2][1]


def test_a_move_on_a_merged_branch_that_was_undone_there(repository: Repository) -> None:
    git("switch", "-q", "-c", "branch")
    write(split=moved("S1", "test"))
    commit("Move")
    write()
    commit("Move back")
    git("switch", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "Merge", "branch")
    assert len(told(repository)) == 1
    assert [str(change) for change in all_moves(repository)] == ["S1: train -> test", "S1: test -> train"]
    assert {version.split["S1"].split for version in earlier_versions(repository)} == {"train", "test"}


def test_a_commit_that_wrote_the_same_in_another_form_is_no_version(repository: Repository) -> None:
    path = Path("data/split.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    commit("Other order", "v2")
    assert told(repository) == [("(v1, v2)", "+3 subjects; +3 clips; +9 images")]


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
    assert step.changes == "the oldest version here; the clone is shallow"
    assert step.row()[2] == "3"


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for ask in (lambda r: history(r), lambda r: resolve_pair(r, "HEAD", None, tmp_path)):
        with pytest.raises(EmoError, match="no Git repository here; `git init`"):
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
def test_dots_are_a_range_only_where_they_are_no_path(
    repository: Repository, spec: str, names: tuple[str, str]
) -> None:
    write(census=CENSUS[:2])
    commit("Fewer", "v2")
    found = [version.name for version in resolve_pair(repository, spec, None, Path.cwd())]
    for name, wanted in zip(found, names, strict=True):
        folder, _, revision = wanted.rpartition("@")
        is_named = name.startswith(f"{folder}@" if folder else "") and f"({revision})" in name
        assert name == wanted or is_named


def test_three_dots_begin_where_both_have_a_commit_in_common(repository: Repository) -> None:
    git("switch", "-q", "-c", "branch")
    write(census=CENSUS[:2])
    commit("Fewer", "v2")
    git("switch", "-q", "main")
    write(census=CENSUS[1:])
    commit("Others")
    before, after = resolve_pair(repository, "main...v2", None, Path.cwd())
    assert (before.commit, after.images) == (repository.commit("v1"), 6)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", None, "^'': not a revision"),
        ("v1", "", "^'': not a revision"),
        ("../project@", None, r"^\.\./project@'': not a revision"),
        ("../project@v9", None, r"^\.\./project@v9: no such revision here"),
    ],
)
def test_an_empty_text_is_not_the_workspace(
    repository: Repository, before: str, after: str | None, told: str
) -> None:
    with pytest.raises(EmoError, match=told):
        resolve_pair(repository, before, after, Path.cwd())


def test_no_dataset_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    enrol([], [])
    git("init", "-q", "-b", "main")
    commit("Start")
    with pytest.raises(EmoError, match="no dataset in either; `dvc repro` builds one"):
        resolve_pair(Repository(tmp_path), "HEAD", None, tmp_path)


# --- Differences ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_other_images_with_equal_sums_are_not_the_same() -> None:
    """One image less of one person, one more of another: sums by split and class stay."""
    census = [
        replace(CENSUS[0], images=2, digest="a"),
        replace(CENSUS[1], images=4, digest="b"),
        CENSUS[2],
    ]
    diff = difference(census=census)
    assert diff.remade == (("S1", "happy"), ("S2", "happy"))
    assert (diff.is_empty, diff.phrases()) == (False, ["other images"])
    assert "others than before: S1 happy, S2 happy; counts only" in diff_tables(diff, None)[0][2][2][3]
    gone = difference(census=[replace(CENSUS[1], images=6, digest="c"), CENSUS[2]])
    assert gone.remade == (("S1", "happy"), ("S2", "happy"))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("images", "told"),
    [
        (ImageChanges(9, 0, 0, 0, 0), "9 same"),
        (ImageChanges(6, 3, 3, 0, 0), "6 same, 3 added, 3 removed"),
        (ImageChanges(6, 0, 0, 0, 0), "6 same; 3 no longer here: somebody withdrew"),
        (ImageChanges(6, 3, 0, 0, 0), "6 same, 3 added; 3 no longer here: somebody withdrew"),
        (ImageChanges(8, 0, 3, 1, 0), "8 same, 3 removed, 1 changed; 3 more than data/census.csv counts"),
    ],
)
def test_images_that_the_census_does_not_count(images: ImageChanges, told: str) -> None:
    """Nine before and after."""
    assert diff_tables(difference(), images)[0][2][2][3] == told


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"people": [replace(PEOPLE[0], sex="M"), *PEOPLE[1:]]}, "S1 sex: F -> M"),
        ({"split": [replace(SPLIT[0], fold=4), *SPLIT[1:]]}, "S1 fold: 0 -> 4"),
        ({"clips": [replace(CLIPS[0], take="t"), *CLIPS[1:]]}, "S1_happy take: S1_happy -> t"),
        ({"clips": [replace(CLIPS[0], video="a.mp4"), *CLIPS[1:]]}, "S1_happy video: S1_happy.mp4 -> a.mp4"),
    ],
)
def test_edited_cells_are_told(changed: dict[str, Any], told: str) -> None:
    diff = difference(**changed)
    assert [str(change) for change in diff.edited] == [told]
    assert diff.phrases() == [f"edited: {told.split(':')[0]}"]
    assert not diff.is_empty
    assert ["edited", *told.split(": ")[1].split(" -> "), told.split(":")[0]] in diff_tables(diff, None)[0][2]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("by", ["raw/participants.csv", "raw/withdrawn.csv", ".emo/withdrawn.csv"])
def test_a_withdrawal_before_the_next_run_is_told_as_one(by: str) -> None:
    people = [replace(PEOPLE[0], consent="withdrawn"), *PEOPLE[1:]]
    if by != "raw/participants.csv":
        Path(by).parent.mkdir(exist_ok=True)
        Path(by).write_text("subject,sha256\nS1,\n")
        people = PEOPLE
    diff = difference(people=people)
    assert (diff.withdrawn, diff.subjects_removed, diff.edited) == (("S1",), (), ())
    assert diff.phrases() == ["S1 withdrew", "-1 clip"]
    assert "S1 (withdrew, still in train)" in diff_tables(diff, None)[0][2][0][3]


@pytest.mark.usefixtures("project")
def test_people_who_exchange_codes_move_although_no_code_does() -> None:
    """By the content of recordings: who loses one to somebody in another split is seen there."""
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
def test_what_is_not_built_yet_is_noted() -> None:
    Path("code.py").write_text("1")
    deps = {"code.py": "0" * 32, "data/faces": "1.dir"}
    set_params(dedup={"max_distance": 4})
    version = replace(workspace(Path.cwd()), lock={"dedup": StageLock(deps, {}, {"dedup.max_distance": 31})})
    assert unbuilt(version) == ["params.yaml: dedup.max_distance", "code.py"]
    used = StageLock({"reports/history.csv": "0" * 32, "gone.py": "0" * 32})
    trained = StageLock({}, {"reports/history.csv": "0" * 32})  # not here: `dvc pull` was not run
    assert unbuilt(replace(version, lock={"evaluate": used, "train": trained})) == ["gone.py"]
    assert unbuilt(replace(version, commit="1" * 40)) == []
    Path("params.yaml").write_text("other: 1\n")
    assert "params.yaml: unknown section: other" in unbuilt(version)[0]


@pytest.mark.usefixtures("project")
def test_people_are_gone_through_once_not_once_a_clip() -> None:
    """35,000 images without a subject took minutes."""
    begun: list[int] = []

    class People(tuple[Participant, ...]):
        def __iter__(self) -> Iterator[Participant]:
            begun.append(1)
            return super().__iter__()

    here = replace(workspace(Path.cwd()), people=People(PEOPLE))
    assert (len(here.consented), len(begun)) == (3, 1)


@pytest.mark.usefixtures("project")
def test_what_programs_get_is_documented() -> None:
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
    """A class that comes before the others moves all their numbers."""
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
def test_what_people_name_is_no_markup() -> None:
    write(census=CENSUS[:2])
    commit("[bold]Fewer[/nonsense] :smile:")
    assert "[bold]Fewer[/nonsense] :smile:" in emo("versions").stdout


@pytest.mark.usefixtures("project")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", [("versions",), ("versions", "--json"), ("diff", "v1")])
def test_a_standard_output_that_takes_nothing(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = emo(*command, stdout=full)
    assert done.returncode == 1
    assert done.stderr == "error: standard output: No space left on device; print elsewhere\n"


@pytest.mark.usefixtures("project")
def test_a_pipe_that_nobody_reads() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = emo("versions", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")  # as other programs end before `head`


def test_a_folder_has_the_md5_that_dvc_gives_it(tmp_path: Path) -> None:
    for text, name in enumerate(("S1.parquet", "S-10.parquet", "S10.parquet", "sub/x"), 1):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(str(text))
    assert folder_md5(tmp_path) == "e321f0554b4244b33ddee3212417f770.dir"  # as `dvc add` said
