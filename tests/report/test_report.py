"""`emo report`: what the page shows, that it is safe and self-contained, and that it opens in a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.audit.run import CHECKS
from pipeline.report import page as report_page
from pipeline.report.content import Absent, Report, audited, gather
from pipeline.report.page import _code, render, write_report
from pipeline.report.summary import read_summary
from pipeline.runtime.dvc_hash import folder_md5
from pipeline.runtime.errors import ConsentError, EmoError
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import METRICS, PROTOCOLS
from pipeline.schema.dataset import dataset_schema, shard_path
from pipeline.schema.decisions import write_decisions
from pipeline.schema.image_subjects import full_caveat, subject_caveat
from tests.support.making import TOP, decision, enrol, set_params, withdraw_in_table
from tests.support.reported import CLASSES, commit, git, metrics, write_raw
from tests.support.shards import face_rows, write_face_shard

pytestmark = pytest.mark.slow

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--virtual-time-budget=5000", "--dump-dom"),
)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """The tags of a page with their attributes; fails where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [found for _, attributes in self.tags if (found := attributes.get(name))]


def text_of(page: str) -> str:
    """Return the visible text of a page, with single spaces."""
    bare = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(bare).split())


@pytest.mark.usefixtures("project")
def test_the_parts_are_those_of_the_project() -> None:
    report = gather()
    assert [name for name, part in vars(report).items() if isinstance(part, Absent)] == []
    funnel = {step.name: (step.count, round(step.start, 2)) for step in report.funnel.steps if step.count}
    assert funnel == {"sampled": (100, 0), "no face": (10, 0.9), "duplicates": (60, 0.3), "images": (30, 0)}
    assert report.census.splits == {"train": (6, 6), "validation": (3, 3), "test": (6, 6)}
    quotas = [group.quota(report.splits.total) for group in report.splits.groups]
    assert quotas == pytest.approx([2, 1, 2])
    assert [group.by_sex["F"] for group in report.splits.groups] == [(1, 3), (1, 3), (1, 3)]
    assert report.confusion.counts["sad", "happy"] == report.confusion.total_mistakes == 3
    assert [row.confidence for row in report.confusion.mistakes] == pytest.approx([0.9, 0.8, 0.7])
    assert report.checked_out.commit.subject == "Second"
    assert [step.commit.names for step in report.history.steps] == [("main",), ("v1",)]
    assert ("dedup.max_distance", "31") in report.provenance.settings


@pytest.mark.usefixtures("project")
def test_the_page_shows_them() -> None:
    text = text_of(render(gather()))
    for shown in (
        "30 images of 5 participants",
        "✗ The audit FAILED",
        "1 of 3 checks passed, 1 FAILED, 1 skipped.",
        "different label, 7 of 256 bits apart",
        "75.0 % of the images (95 % interval 50.0\N{EN DASH}100.0 %).",
        "12.5 percentage points lower than on male participants "
        "(95 % interval of the difference -30.0 to +5.0).",
        "differs from its accuracy by 12.3 percentage points (expected calibration error",
        "80 % to 90 % 4 images 90.0 % 75.0 %",
        "3 of 6 images of sad are predicted as happy",
        "No subject ever changed split",
        "+6 images",
        "S4 6 images 100.0 %",
    ):
        assert shown in text


@pytest.mark.usefixtures("project")
def test_decisions_are_listed_once_by_reason_without_their_raters() -> None:
    """A script in a reason is escaped; without the faces, the page says so."""
    row = decision(1, "relabel", clip="S1_happy", reason="<b>wrong key", rater="anna")
    write_decisions([row])
    page = render(gather())
    assert page.count("relabelled: 1 clip: happy to sad, &lt;b&gt;wrong key (1 clip)") == 1
    assert "1 rater;" in page
    assert "anna" not in page
    write_decisions([row, decision(2, clip="S1_happy")])
    assert "Decisions of raters are not listed: data/faces/S1_happy.parquet: no such file" in text_of(
        render(gather())
    )
    write_face_shard("S1_happy", face_rows([1, 2, None]))
    assert "excluded: 2 frames of 1 clip: blink (1 clip, 2 frames)" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_changes_since_the_commit_are_listed() -> None:
    assert "as committed" in text_of(render(gather()))
    set_params()
    assert "Changed since that commit: params.yaml" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_a_subject_that_changed_split_is_named() -> None:
    split = Path("data/split.csv")
    split.write_text(split.read_text().replace("S3,F,validation", "S3,F,train"))
    assert "Subjects changed split: S3: validation -> train" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_nothing_is_loaded_and_nothing_can_run() -> None:
    page = Page(render(gather()))
    assert {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form", "base"} == set()
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.values("src"))
    assert page.values("href") == [f"#{name[1:]}" for name in page.values("href")]
    assert not re.search(r"url\(|@import|https?://", render(gather()))
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert [a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"] == [
        policy
    ]


@pytest.mark.usefixtures("project")
def test_values_from_tables_are_escaped() -> None:
    page = render(gather())
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 3  # a commit; a failed check, on top and below


def test_commands_are_shown_as_code_and_escaped() -> None:
    assert _code("<b>: run `dvc <repro>`; `") == "&lt;b&gt;: run <code>dvc &lt;repro&gt;</code>; `"


@pytest.mark.usefixtures("project")
def test_video_clips_and_still_images_are_counted_apart() -> None:
    report = gather()
    clips = report.version.clips
    assert report.sources == "10 video clips"
    assert report.sampling == "Frames were taken from every recording at regular times."
    stills = [replace(clip, frames=1) for clip in clips]
    report = replace(report, version=replace(report.version, clips=(*stills[:4], *clips[4:])))
    assert report.sources == "6 video clips and 4 still images"
    report = replace(report, version=replace(report.version, clips=tuple(stills)))
    assert "from 10 still images." in text_of(render(report))
    assert report.sampling == "Every still image was used."


@pytest.mark.usefixtures("project")
def test_consent_for_images_without_subject_ids_is_left_to_their_corpus() -> None:
    report = gather()
    people = report.version.participants
    images = tuple(replace(person, extra={"stands_for": "image"}) for person in people)
    corpus = "for images without a subject id, see the corpus that they come from"
    for enrolled, shown in ((images, corpus), ((*people[:2], *images[2:]), f"withdrawn by none; {corpus}")):
        assert replace(report, version=replace(report.version, participants=enrolled)).consent.endswith(shown)


@pytest.mark.usefixtures("project")
def test_a_page_about_images_without_subject_ids_claims_nothing_about_participants() -> None:
    report = replace(gather(), caveat=full_caveat(subject_caveat(5, 5)))
    text = text_of(render(report))
    assert text.count(report.caveat) >= 3
    for claim in (
        "5 participants who simulated",
        "new participants",
        "Participants",
        "participants in validation",
        "alone contributes",
        "asked to show in",
        "are simulated.",
    ):
        assert claim in text_of(render(replace(report, caveat=""))), claim
        assert claim not in text, claim


@pytest.mark.usefixtures("project")
def test_links_and_labels_lead_to_something() -> None:
    page = Page(render(gather()))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    labels = [name for value in page.values("aria-labelledby") for name in value.split()]
    assert {href.removeprefix("#") for href in page.values("href")} | set(labels) <= set(ids)
    assert all("alt" in attributes for tag, attributes in page.tags if tag == "img")
    assert [a.get("lang") for tag, a in page.tags if tag == "html"] == ["en"]


@pytest.mark.usefixtures("project")
def test_without_faces_there_is_no_image() -> None:
    faces = gather().faces
    assert len(Page(render(gather())).values("src")) == 5 * len(CLASSES) * 3 + 2 + 3  # rows, pair, mistakes
    assert len(faces.single) == 5
    page = render(gather(faces=False))
    assert "data:" not in page.replace("img-src data:", "")
    assert "made without images of faces (--no-faces)" in text_of(page)
    assert "different label, 7 of 256 bits apart" in text_of(page)
    assert "locate each of them in its recording. The images are left out." in text_of(page)


@pytest.mark.usefixtures("project")
def test_a_participant_who_withdrew_is_not_shown() -> None:
    write_raw(consent="withdrawn")
    report = gather()
    assert report.consent == "given by 4 participants, withdrawn by 1"
    rows = report.faces.rows
    assert {row.subject for name in CLASSES for row in rows[name]} == {"S1", "S3", "S4", "S5"}


@pytest.mark.usefixtures("project")
def test_unknown_and_assumed_consent_are_named() -> None:
    report = gather()
    people = report.version.participants
    unknown = replace(people[0], consent="unknown", consent_source="")
    assumed = replace(people[1], consent_source="")
    version = replace(report.version, participants=(unknown, assumed, *people[2:]))
    assert replace(report, version=version).consent == (
        "given by 4 participants, withdrawn by none; unknown for 1 participant with images in the dataset: "
        f"{unknown.subject}; assumed, not stated, for {assumed.subject}"
    )


def test_a_part_that_is_not_built_yet_gives_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    enrol([], [])
    page = render(gather())
    text = text_of(page)
    assert text.count("Not shown: ") == 10
    assert "Not audited data/dataset: nothing is built yet; run dvc repro" in text
    assert "Not shown: reports/metrics.json: not built yet; run dvc repro" in text
    assert "The version is unknown: no commit yet" in text
    assert str(tmp_path) not in page


@pytest.mark.usefixtures("project")
def test_metrics_of_an_older_dataset_are_labelled() -> None:
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    folders = [Path("data/dataset", split) for split in ("train", "validation", "test")]
    deps = [{"path": str(folder), "md5": folder_md5(folder)} for folder in folders]
    lock["stages"]["evaluate"] = {"cmd": "-", "deps": deps}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert "Of an older dataset" not in render(gather())
    next(folders[2].glob("*.parquet")).unlink()
    page = render(gather())
    assert page.count("Of an older dataset") == 4  # at the top, and in three parts
    assert "(data/dataset/test), so this part is not about this version" in text_of(page)
    assert read_summary().not_evaluated == ("data/dataset/test",)
    shutil.rmtree("data/dataset")  # as in a clone without `dvc pull`
    assert "Of an older dataset" not in render(gather())


@pytest.mark.usefixtures("project")
def test_no_model_yet() -> None:
    shutil.rmtree("models")
    METRICS.write_text('{"test": {}}')  # of another version
    report = gather()
    absent = [name for name, part in vars(report).items() if isinstance(part, Absent)]
    assert absent == ["test", "model"]
    assert "metrics.json: not in the format of this version of emo ('train')" in text_of(render(report))


def test_the_same_workspace_gives_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(Path("out.html"))
    monkeypatch.chdir(shutil.copytree(project, project.parent / "copy"))
    write_report(Path("again.html"))
    assert Path("again.html").read_bytes() == (project / "out.html").read_bytes()


def test_the_audit_is_the_full_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert [check.name for check in audited().checks] == list(CHECKS)


@pytest.mark.usefixtures("project")
def test_a_page_that_cannot_be_written() -> None:
    with pytest.raises(EmoError) as error:
        write_report(Path("reports"))
    assert str(error.value) == "reports: is a folder; give the path of a file, such as reports/report.html"
    for name in ("params.yaml/report.html", f"{'x' * 300}.html"):
        with pytest.raises(EmoError, match=re.escape(name)):
            write_report(Path(name))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("raw/clips.csv", r"\.html"),
        ("raw/page.html", "raw"),
        ("data/page.html", "data"),
        ("tracked.html", "Git"),
    ],
)
def test_a_page_never_replaces_a_file_that_is_kept(path: str, value: str) -> None:
    Path("tracked.html").write_text("mine")
    git("add", "tracked.html")
    before = Path("raw/clips.csv").read_bytes()
    with pytest.raises(EmoError, match=f"^{re.escape(path)}: .*{value}"):
        write_report(Path(path))
    assert (Path("raw/clips.csv").read_bytes(), Path("tracked.html").read_text()) == (before, "mine")


@pytest.mark.usefixtures("project")
def test_a_page_has_the_tag_of_the_subjects_shown() -> None:
    page = render(gather())
    tag = "emo-subject:S1;emo-subject:S2;emo-subject:S3;emo-subject:S4;emo-subject:S5;"
    assert f"<!-- {tag} -->" in page[-300:]
    assert "emo-subject" not in render(gather(faces=False))


@pytest.mark.usefixtures("project")
def test_subjects_without_consent_are_not_shown_from_any_file() -> None:
    path = shard_path("train", "S1")
    rows = pq.read_table(path).to_pylist()
    mixed = [row | {"subject": "S9"} if row["label"] else row for row in rows]
    write_parquet(path, table_of(mixed, dataset_schema(CLASSES)))
    Path("raw/withdrawn.csv").write_text("subject,sha256\nS4,\n")
    rows = gather().faces.rows
    assert {row.subject for name in CLASSES for row in rows[name]} == {"S1", "S2", "S3", "S5"}
    assert "S1" not in {row.subject for row in rows["sad"]}


@pytest.mark.usefixtures("project")
def test_a_subject_that_changed_split_on_a_merged_branch_is_named() -> None:
    """The branch undid it before it was merged: the history of the tables alone does not show it."""
    split = Path("data/split.csv")
    before = split.read_text()
    git("switch", "-q", "-c", "branch")
    split.write_text(before.replace("S3,F,validation", "S3,F,train"))
    commit("Move")
    split.write_text(before)
    commit("Move back")
    git("switch", "-q", "main")
    git("merge", "-q", "--no-ff", "-m", "Merge", "branch")
    assert "Subjects changed split: S3: validation -> train, S3: train" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_a_version_that_cannot_be_read_is_listed() -> None:
    census = Path("data/census.csv")
    good = census.read_text()
    census.write_text(f"<<<<<<< ours\n{good}")
    commit("Conflict")
    census.write_text(good)
    commit("Fixed")
    text = text_of(render(gather()))
    assert "Conflict CANNOT BE READ: data/census.csv: line 1: " in text
    assert "No subject ever changed split" in text


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"accuracy": None}, "test.accuracy is not a number"),
        ({"per_subject": {"S4": {"accuracy": 0.0, "images": 0}}}, "division by zero"),
        ({"per_class": []}, "no attribute"),
    ],
)
def test_a_file_of_metrics_in_another_format(values: dict[str, Any], why: str) -> None:
    METRICS.write_text(json.dumps(metrics() | {"test": metrics()["test"] | values}))
    text = text_of(render(gather()))
    assert "reports/metrics.json: not in the format of this version of emo" in text
    assert why in text


@pytest.mark.usefixtures("project")
def test_metrics_of_few_subjects_have_no_intervals() -> None:
    few = metrics()
    few["test"] |= {"interval_95": {"accuracy": None, "macro_f1": None}}
    few["test"] |= {"sex_difference": {"accuracy": -0.125, "interval_95": None}}
    METRICS.write_text(json.dumps(few))
    text = text_of(render(gather()))
    assert "75.0 % of the images. Guessing reaches" in text
    assert "the test has too few participants for an interval" in text
    assert "than on male participants. There are too few participants to know" in text


@pytest.mark.usefixtures("project")
def test_the_inflation_by_leakage_is_shown_where_it_was_measured() -> None:
    assert "Other ways of dividing" not in text_of(render(gather()))
    side, limits = {"accuracy": 0.9}, {"low": 0.1, "high": 0.3}
    fair = {"validation": side, "test": {"accuracy": 0.7}, "by_subject": dict.fromkeys(["S4", "S5"], 0.7)}
    leaky = {"validation": side, "test": side, "by_subject": {}, "inflation": None}
    none = {"interval_95": None, "inflation_interval_95": None}
    about = {"images": 30, "subjects": ["S1", "S2", "S3", "S4", "S5"], "params": {"recipe": "vgg"}}
    results = {"frame-random": leaky | none, "k-fold": fair | none | {"inflation": 0.2}}
    results["k-fold"]["inflation_interval_95"] = limits
    PROTOCOLS.write_text(json.dumps({"about": about | {"seeds": [0, 1]}, "protocols": results}))
    text = text_of(render(gather()))
    assert (
        "The same recipe (vgg) was trained on the same images, divided in other ways, 2 times each." in text
    )
    assert "k-fold 2 participants tested 90.0 % 70.0 % +20.0 points +10.0 to +30.0" in text
    PROTOCOLS.write_text(json.dumps({"about": about | {"images": 31, "seeds": [0]}, "protocols": results}))
    assert "another version of the dataset; rerun emo protocols" in text_of(render(gather()))
    PROTOCOLS.write_text("{}")
    assert "reports/protocols.json: not in the format of this version" in text_of(render(gather()))


def test_the_command_writes_to_the_given_path(project: Path) -> None:
    command = [sys.executable, str(TOP / "cli.py"), "report", "--no-faces", "--out", "page.html"]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, cwd=project / "reports", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"reports/page\.html: 0\.\d MB; the audit (passed|FAILED)$", done.stdout.strip())
    assert (project / "reports/page.html").read_text().startswith("<!doctype html>")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.usefixtures("project")
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    facts, log = opened(gather(), tmp_path)
    assert [fact["width"] for fact in facts] == [1280, 390]
    for fact in facts:
        assert fact["reach"] <= fact["width"]
        assert (fact["images"], fact["broken"]) == (35, 0)
    assert "CONSOLE" not in log


def opened(report: Report, folder: Path) -> tuple[list[dict[str, int]], str]:
    """Open the page at two widths, everything unfolded; return its measurements, and the log."""
    text = json.dumps(render(report)).replace("</", "<\\/")
    (folder / "frames.html").write_text(FRAMES.replace("PAGE", text), encoding="utf-8")
    url = (folder / "frames.html").as_uri()
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={folder / 'browser'}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(fact) for fact in re.findall(r"<pre>(.*?)</pre>", done.stdout)], done.stderr


FRAMES = """<!doctype html><meta charset="utf-8"><body><script>
async function open(width) {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 800px; border: 0`;
  frame.srcdoc = PAGE;
  const loaded = new Promise(done => frame.onload = done);
  document.body.append(frame);
  await loaded;
  const page = frame.contentDocument;
  for (const part of page.querySelectorAll("details")) part.open = true;
  const images = [...page.images];
  const measured = document.createElement("pre");
  measured.textContent = JSON.stringify({
    width: frame.contentWindow.innerWidth,
    reach: page.documentElement.scrollWidth,
    images: images.length,
    broken: images.filter(image => !image.naturalWidth).length,
  });
  document.body.append(measured);
}
open(1280).then(() => open(390));
</script>"""


@pytest.mark.usefixtures("project")
def test_a_withdrawal_while_it_runs_leaves_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("reports/report.html").write_text("an older page, which shows the subject")

    def withdrawing(report: Any) -> str:
        withdraw_in_table("S2")
        return render(report)

    monkeypatch.setattr(report_page, "render", withdrawing)
    with pytest.raises(ConsentError) as error:
        write_report()
    assert str(error.value).startswith("S2 withdrew while `emo report` ran; nothing was kept")
    assert not Path("reports/report.html").exists()
