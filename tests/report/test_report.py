"""`emo report`: what the page holds, that it is safe and self-contained, and that it opens in a browser."""

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

from pipeline.audit.gate.check import Finding
from pipeline.audit.run import CHECKS
from pipeline.audit.run import Audit as FullAudit
from pipeline.audit.run import Check as FullCheck
from pipeline.report import content
from pipeline.report.charts import line_chart, steps
from pipeline.report.content import Absent, Report, gather, read_audit
from pipeline.report.faces import evenly
from pipeline.report.page import _code, render, write_report
from pipeline.report.results import wilson
from pipeline.report.summary import read_summary
from pipeline.runtime.errors import EmoError
from pipeline.runtime.parquet import table_of, write_parquet
from pipeline.runtime.paths import METRICS, PROTOCOLS
from pipeline.schema.dataset import dataset_schema, shard_path
from pipeline.versions.dvc_hash import folder_md5
from tests.support.making import TOP, enrol, set_params
from tests.support.reported import CLASSES, SCRIPT, commit, figures, git, write_project, write_raw

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
    *("--virtual-time-budget=5000", "--dump-dom"),
)
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: its tags with their attributes; raises where tags do not close in order."""

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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project, and an audit of three checks: DVC would take a second or two each time."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    write_project()
    monkeypatch.setattr(content, "run_audit", three_checks)
    return root


def three_checks() -> FullAudit:
    findings = [
        Finding(True, "5 subjects"),
        Finding(False, f"S4 {SCRIPT}"),
        Finding(True, "off", skipped=True),
    ]
    names = ("no subject in two splits", "no near-duplicate", "recordings unchanged")
    checks = [FullCheck(name, finding) for name, finding in zip(names, findings, strict=True)]
    return FullAudit("workspace", "", (), tuple(checks))


def text_of(page: str) -> str:
    """Return what can be read on a page, with single spaces."""
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
    assert report.origin.commit.subject == "Second"
    assert [step.commit.names for step in report.past.steps] == [("main",), ("v1",)]
    assert ("dedup.max_distance", "31") in report.provenance.settings


@pytest.mark.usefixtures("project")
def test_the_page_tells_them() -> None:
    text = text_of(render(gather()))
    for told in (
        "30 images of 5 people",
        "✗ The audit FAILED",
        "1 of 3 checks are ok, 1 FAILED, 1 skipped.",
        "another label, 7 of 256 bits apart",
        "75.0 % of the images (95 % interval 50.0\N{EN DASH}100.0 %).",
        "lies 12.5 points below that on men (95 % interval of the difference -30.0 to +5.0).",
        "lie 12.3 points apart (expected calibration error",
        "80 % to 90 % 4 images 90.0 % 75.0 %",
        "3 of 6 images of sad are taken for happy",
        "Nobody ever moved",
        "+6 images",
        "S4 6 images 100.0 %",
    ):
        assert told in text


@pytest.mark.usefixtures("project")
def test_a_commit_that_is_not_what_is_here_is_told() -> None:
    assert "as committed" in text_of(render(gather()))
    set_params()
    assert "Not as committed: params.yaml" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_whoever_moved_is_named() -> None:
    split = Path("data/split.csv")
    split.write_text(split.read_text().replace("S3,F,validation", "S3,F,train"))
    assert "People moved between splits: S3: validation -> train" in text_of(render(gather()))


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
def test_what_comes_from_tables_is_escaped() -> None:
    page = render(gather())
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)") == 3  # a commit; a failed check, on top and below


def test_commands_are_set_as_code_and_escaped() -> None:
    assert _code("<b>: run `dvc <repro>`; `") == "&lt;b&gt;: run <code>dvc &lt;repro&gt;</code>; `"


@pytest.mark.usefixtures("project")
def test_clips_of_video_and_pictures_are_told_apart() -> None:
    report = gather()
    clips = report.version.clips
    assert report.sources == "10 clips of video"
    assert report.sampled == "Pictures were taken from every recording at regular times."
    stills = [replace(clip, frames=1) for clip in clips]
    report = replace(report, version=replace(report.version, clips=(*stills[:4], *clips[4:])))
    assert report.sources == "6 clips of video and 4 pictures"
    report = replace(report, version=replace(report.version, clips=tuple(stills)))
    assert "taken from 10 pictures." in text_of(render(report))
    assert report.sampled == "Every picture of the corpus was looked at."


@pytest.mark.usefixtures("project")
def test_of_whose_consent_only_the_corpus_can_tell() -> None:
    report = gather()
    people = report.version.people
    images = tuple(replace(person, extra={"stands_for": "image"}) for person in people)
    corpus = "of the images without a subject, their corpus must tell"
    for enrolled, told in ((images, corpus), ((*people[:2], *images[2:]), f"nobody; {corpus}")):
        assert replace(report, version=replace(report.version, people=enrolled)).consent.endswith(told)


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
def test_without_faces_there_is_no_picture() -> None:
    faces = gather().faces
    assert len(Page(render(gather())).values("src")) == 5 * len(CLASSES) * 3 + 2 + 3  # rows, pair, mistakes
    assert len(faces.single) == 5
    page = render(gather(faces=False))
    assert "data:" not in page.replace("img-src data:", "")
    assert "made without pictures of faces (--no-faces)" in text_of(page)
    assert "another label, 7 of 256 bits apart" in text_of(page)
    assert "may look at the recording. The pictures are left out." in text_of(page)


@pytest.mark.usefixtures("project")
def test_nobody_who_withdrew_is_shown() -> None:
    write_raw(consent="withdrawn")
    report = gather()
    assert report.consent == "given by 4 people, withdrawn by 1"
    rows = report.faces.rows
    assert {row.subject for name in CLASSES for row in rows[name]} == {"S1", "S3", "S4", "S5"}


def test_what_is_not_built_yet_is_told_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    enrol([], [])
    page = render(gather())
    text = text_of(page)
    assert text.count("Not shown: ") == 10
    assert "Not audited data/dataset: nothing is built yet; run dvc repro" in text
    assert "Not shown: reports/metrics.json: not built yet; dvc repro makes it" in text
    assert "Which version this is cannot be told: no commit yet" in text
    assert str(tmp_path) not in page


@pytest.mark.usefixtures("project")
def test_figures_of_an_older_dataset_are_not_told_as_those_of_this_one() -> None:
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    folders = [Path("data/dataset", split) for split in ("train", "validation", "test")]
    deps = [{"path": str(folder), "md5": folder_md5(folder)} for folder in folders]
    lock["stages"]["evaluate"] = {"cmd": "-", "deps": deps}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    assert "Of an older dataset" not in render(gather())
    next(folders[2].glob("*.parquet")).unlink()
    page = render(gather())
    assert page.count("Of an older dataset") == 4  # on top, and in three parts
    assert "than are here now (data/dataset/test changed)" in text_of(page)
    assert read_summary().not_evaluated == ("data/dataset/test",)
    shutil.rmtree("data/dataset")  # as in a clone without `dvc pull`
    assert "Of an older dataset" not in render(gather())


@pytest.mark.usefixtures("project")
def test_no_model_yet() -> None:
    shutil.rmtree("models")
    METRICS.write_text('{"test": {}}')  # of another version
    report = gather()
    absent = [name for name, part in vars(report).items() if isinstance(part, Absent)]
    assert absent == ["test", "net"]
    assert "metrics.json: not as this emo writes it ('train')" in text_of(render(report))


def test_the_same_workspace_gives_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(Path("out.html"))
    monkeypatch.chdir(shutil.copytree(project, project.parent / "copy"))
    write_report(Path("again.html"))
    assert Path("again.html").read_bytes() == (project / "out.html").read_bytes()


def test_the_audit_is_the_full_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert [check.name for check in read_audit().checks] == list(CHECKS)


@pytest.mark.usefixtures("project")
def test_a_page_that_cannot_be_written() -> None:
    with pytest.raises(EmoError, match=r"reports: is a folder; name a file, such as reports/report\.html"):
        write_report(Path("reports"))
    for name in ("params.yaml/report.html", f"{'x' * 300}.html"):
        with pytest.raises(EmoError, match="cannot be written"):
            write_report(Path(name))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("raw/clips.csv", "not a page's name; end it with .html, .htm"),
        ("raw/page.html", "lies in raw, which DVC or Git keeps"),
        ("data/page.html", "lies in data, which DVC or Git keeps"),
        ("tracked.html", "is kept in Git; name a place elsewhere"),
    ],
)
def test_a_page_never_takes_the_place_of_what_is_kept(path: str, message: str) -> None:
    Path("tracked.html").write_text("mine")
    git("add", "tracked.html")
    before = Path("raw/clips.csv").read_bytes()
    with pytest.raises(EmoError, match=message):
        write_report(Path(path))
    assert (Path("raw/clips.csv").read_bytes(), Path("tracked.html").read_text()) == (before, "mine")


@pytest.mark.usefixtures("project")
def test_a_page_bears_the_mark_of_whom_it_shows() -> None:
    page = render(gather())
    caveat = "emo-subject:S1;emo-subject:S2;emo-subject:S3;emo-subject:S4;emo-subject:S5;"
    assert f"<!-- {caveat} -->" in page[-300:]
    assert "emo-subject" not in render(gather(faces=False))


@pytest.mark.usefixtures("project")
def test_nobody_is_shown_from_somebody_elses_file_or_from_an_older_table() -> None:
    path = shard_path("train", "S1")
    rows = pq.read_table(path).to_pylist()
    mixed = [row | {"subject": "S9"} if row["label"] else row for row in rows]
    write_parquet(path, table_of(mixed, dataset_schema(CLASSES)))
    Path("raw/withdrawn.csv").write_text("subject,sha256\nS4,\n")
    rows = gather().faces.rows
    assert {row.subject for name in CLASSES for row in rows[name]} == {"S1", "S2", "S3", "S5"}
    assert "S1" not in {row.subject for row in rows["sad"]}


@pytest.mark.usefixtures("project")
def test_whoever_moved_on_a_merged_branch_is_named() -> None:
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
    assert "People moved between splits: S3: validation -> train, S3: train" in text_of(render(gather()))


@pytest.mark.usefixtures("project")
def test_a_version_that_cannot_be_read_is_told() -> None:
    census = Path("data/census.csv")
    good = census.read_text()
    census.write_text(f"<<<<<<< ours\n{good}")
    commit("Conflict")
    census.write_text(good)
    commit("Mended")
    text = text_of(render(gather()))
    assert "Conflict CANNOT BE READ: data/census.csv: line 1: " in text
    assert "Nobody ever moved" in text


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("part", "values", "told"),
    [
        ("test", {"accuracy": None}, "a figure is no number"),
        ("train", {"accuracy": None}, "a figure is no number"),
        (
            "test",
            {"per_class": {"sad": dict.fromkeys(("precision", "recall", "f1", "support"), 0)}},
            "no image",
        ),
        ("test", {"per_subject": {"S4": {"accuracy": 0.0, "images": 0}}}, "division by zero"),
        ("test", {"per_class": []}, "no attribute"),
    ],
)
def test_figures_that_are_none(part: str, values: dict[str, Any], told: str) -> None:
    METRICS.write_text(json.dumps(figures() | {part: figures()[part] | values}))
    text = text_of(render(gather()))
    assert "reports/metrics.json: not as this emo writes it" in text
    assert told in text


@pytest.mark.usefixtures("project")
def test_of_few_people_the_page_tells_figures_without_intervals() -> None:
    told = figures()
    told["test"] |= {"interval_95": {"accuracy": None, "macro_f1": None}}
    told["test"] |= {"sex_difference": {"accuracy": -0.125, "interval_95": None}}
    METRICS.write_text(json.dumps(told))
    text = text_of(render(gather()))
    assert "75.0 % of the images. Guessing reaches" in text
    assert "so few allow no interval at all" in text
    assert "below that on men. Of so few there is no telling whether that is chance." in text


@pytest.mark.usefixtures("project")
def test_what_a_leak_adds_is_told_where_it_was_measured() -> None:
    assert "other ways of dividing" not in text_of(render(gather()))
    side, limits = {"accuracy": 0.9}, {"low": 0.1, "high": 0.3}
    fair = {"validation": side, "test": {"accuracy": 0.7}, "by_subject": dict.fromkeys(["S4", "S5"], 0.7)}
    leaky = {"validation": side, "test": side, "by_subject": {}, "inflation": None}
    none = {"interval_95": None, "inflation_interval_95": None}
    about = {"images": 30, "subjects": ["S1", "S2", "S3", "S4", "S5"], "params": {"recipe": "vgg"}}
    told = {"frame-random": leaky | none, "k-fold": fair | none | {"inflation": 0.2}}
    told["k-fold"]["inflation_interval_95"] = limits
    PROTOCOLS.write_text(json.dumps({"about": about | {"seeds": [0, 1]}, "protocols": told}))
    text = text_of(render(gather()))
    assert (
        "The same recipe (vgg) was trained on the same images, divided in other ways, 2 times each." in text
    )
    assert "k-fold 2 people tested 90.0 % 70.0 % +20.0 points +10.0 to +30.0" in text
    PROTOCOLS.write_text(json.dumps({"about": about | {"images": 31, "seeds": [0]}, "protocols": told}))
    assert "of other images than this dataset's; run emo protocols again" in text_of(render(gather()))
    PROTOCOLS.write_text("{}")
    assert "reports/protocols.json: not as this emo writes it" in text_of(render(gather()))


def test_the_command_writes_where_it_is_told(project: Path) -> None:
    command = [sys.executable, str(TOP / "cli.py"), "report", "--no-faces", "--out", "page.html"]
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    done = subprocess.run(command, cwd=project / "reports", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"reports/page\.html: 0\.\d MB; the audit (passed|FAILED)$", done.stdout.strip())
    assert (project / "reports/page.html").read_text().startswith("<!doctype html>")


def test_intervals_of_one_person() -> None:
    """Against Newcombe 1998 (Statistics in Medicine 17: 857-872), table I, method 3."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(hits / n, n)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("top", [0.004, 0.9, 1, 2.65, 7.7, 10, 150])
def test_an_axis_has_four_to_eight_even_steps(top: float) -> None:
    ticks = steps(top)
    assert ticks[-2] < top <= ticks[-1]
    assert 4 <= len(ticks) - 1 <= 8


def test_a_chart_says_its_figures_in_words() -> None:
    chart = line_chart("Loss", {"train": [2.0, 1.0], "validation": [2.0, 1.5]}, mark=2, is_share=False)
    assert chart.description.startswith("By epoch, train: 2.00 in the first (1), 1.00 in the kept (2)")
    assert chart.lines[0].points == "46.0,14.0 430.0,119.0"  # from the highest value to its half
    assert [tick.label for tick in chart.across] == ["1", "2"]


def test_faces_are_spread_evenly() -> None:
    assert evenly(list(range(10)), 4) == [0, 2, 5, 7]
    assert evenly([1, 2], 8) == [1, 2]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
@pytest.mark.usefixtures("project")
def test_a_browser_shows_it(tmp_path: Path) -> None:
    facts, log = opened(gather(), tmp_path)
    assert [fact["width"] for fact in facts] == [1280, 390]
    for fact in facts:
        assert fact["reach"] <= fact["width"]
        assert (fact["images"], fact["broken"]) == (35, 0)
    assert "CONSOLE" not in log


def opened(report: Report, folder: Path) -> tuple[list[dict[str, int]], str]:
    """Open the page in frames of two widths, everything unfolded; return what it measures, and the log."""
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
  const told = document.createElement("pre");
  told.textContent = JSON.stringify({
    width: frame.contentWindow.innerWidth,
    reach: page.documentElement.scrollWidth,
    images: images.length,
    broken: images.filter(image => !image.naturalWidth).length,
  });
  document.body.append(told);
}
open(1280).then(() => open(390));
</script>"""
