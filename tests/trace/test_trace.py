"""`emo trace` on a project that the real stages built."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline.runtime.errors import ConsentError, EmoError, NotBuiltError
from pipeline.runtime.image_codec import decode
from pipeline.schema.clips import Clip, read_enrolment
from pipeline.schema.decisions import write_decisions
from pipeline.schema.funnel import STATUS_MEANINGS
from pipeline.schema.participants import Participant
from pipeline.schema.split import SPLITS
from pipeline.stages import dataset, dedup, faces, frames, split
from pipeline.versions.trace.clip_trace import Near
from pipeline.versions.trace.drawing import draw, outcome_text, source_frame
from pipeline.versions.trace.lookup import BYTES, LIKENESS, NAME
from pipeline.versions.trace.output import frame_table, trace_text
from pipeline.versions.trace.strips import COLOURS
from pipeline.versions.trace.trace import Trace, trace
from tests.support.making import (
    TOP,
    clip_of,
    decision,
    decode_all,
    drawn_face,
    enrol,
    number_of,
    numbered,
    person,
    set_params,
    write_video,
)
from tests.support.shards import write_face_shard

pytestmark = pytest.mark.slow

COHORT = TOP / "demo" / "clips"
FACE = (160.0, 130.0)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects and four clips, built once; tests that change it use a copy."""
    folder = tmp_path_factory.mktemp("trace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EMO_WORKERS", "1")
        set_params(
            frames={"trim_start_s": 0.0, "trim_end_s": 0.0}, dataset={"expressions": ["happy", "surprised"]}
        )
        shutil.copy(TOP / "dvc.yaml", folder)
        enrol(people(), clips())
        for stage in (frames, faces, dedup, split, dataset):
            stage.main()
    return folder


def people() -> list[Participant]:
    return [
        person("S1", sex="F", enrolled=1),
        person("S2", sex="M", enrolled=2),
        person("S3", sex="F", enrolled=3),
    ]


def clips() -> list[Clip]:
    """A head that turns away, a still face in part of its recording, two people, an unused class."""
    videos = Path("raw/videos")
    videos.mkdir(parents=True)
    shutil.copy(COHORT / "V06/surprised.mp4", videos / "turns.mp4")
    shutil.copy(COHORT / "V04/happy.mp4", videos / "two.mp4")
    write_video(videos / "still.mp4", [counted_face(i) for i in range(30)])
    write_video(videos / "sad.mp4", [drawn_face(width=130)] * 10)
    return [
        clip_of("S1_surprised", videos / "turns.mp4", expression="surprised"),
        clip_of("S1_happy", videos / "still.mp4", start_s=1.0, end_s=2.5),
        clip_of("S2_happy", videos / "two.mp4", subject="S2"),
        clip_of("S3_sad", videos / "sad.mp4", subject="S3", expression="sad"),
    ]


def counted_face(number: int) -> np.ndarray:
    """Return a drawn face with the number of the frame in a corner."""
    pixels = drawn_face(FACE)
    pixels[:64, :64] = numbered(number)
    return pixels


@pytest.fixture
def project(built: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The built project, for tests that do not change it."""
    monkeypatch.chdir(built)
    return built


@pytest.fixture
def changed(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built project, for tests that change it."""
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    monkeypatch.chdir(copy)
    return copy


def ask(what: str) -> Trace:
    return trace(what, Path.cwd())


def images(shard: str) -> dict[str, bytes]:
    """Return the PNGs of a shard by name."""
    rows = pq.read_table(f"data/dataset/{shard}.parquet").to_pylist()
    return {row["image"]["path"]: row["image"]["bytes"] for row in rows}


def shard_of(subject: str) -> str:
    [path] = Path("data/dataset").glob(f"*/{subject}.parquet")
    return f"{path.parent.name}/{path.stem}"


# --- Names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [
        "S1_surprised_000015.png",
        "S1_surprised_000015",
        "data/dataset/train/S1.parquet/S1_surprised_000015.png",
        "data/dataset/train/S1.parquet#S1_surprised_000015.png",
        "train/S1.parquet:S1_surprised_000015",
    ],
)
@pytest.mark.usefixtures("project")
def test_an_image_by_its_name(what: str) -> None:
    found = ask(what)
    assert (found.target.name, found.target.by) == ("S1_surprised_000015.png", NAME)
    assert found.frame
    assert (found.frame.frame, found.frame.time_s) == (15, 0.6)


@pytest.mark.usefixtures("project")
def test_an_image_named_in_a_shard_that_does_not_hold_it() -> None:
    name, right = "S1_surprised_000015.png", f"data/dataset/{shard_of('S1')}.parquet"
    assert ask(f"{right}/{name}").notes == ask(f"data/faces/S1_surprised.parquet/{name}").notes == ()
    [note] = ask(f"data/dataset/{other_split('S1')}/S1.parquet/{name}").notes
    assert note.endswith(f"the images of its subject are in {right}")


def other_split(subject: str) -> str:
    return next(name for name in SPLITS if name != shard_of(subject).split("/")[0])


@pytest.mark.usefixtures("project")
def test_the_source_of_an_image() -> None:
    [name] = [name for name in images(shard_of("S1")) if name.startswith("S1_happy")]
    found = ask(name)
    values = found.as_json()
    assert json.loads(json.dumps(values))["name"] == name
    assert values["clip"]["video"] == "raw/videos/still.mp4"
    assert (
        values["frame"] | {"fate": "image", "label": 0, "class": "happy", "status": "ok"} == values["frame"]
    )
    assert values["frame"]["shard"] == f"data/dataset/{shard_of('S1')}.parquet"
    box = values["frame"]["box"]
    assert abs(box["x"] + box["w"] / 2 - FACE[0]) < 10
    assert (values["placement"]["enrolled"], values["placement"]["stratum"]) == (1, "F")
    others = {frame.name for frame in ask("S1_happy").clip_trace.frames} - {name}
    assert {near["name"] for near in values["frame"]["stands_for"]} == others
    assert "1 to 2.5 s of the recording" in trace_text(found)
    assert f"{shard_of('S1').split('/')[0]}, fold" in trace_text(found)
    assert max(map(len, trace_text(found).splitlines())) <= 100


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("S1_hapy_000012.png", ": S1_happy"),
        ("quite another", "raw/clips.csv"),
        ("S1_surprised_000013.png", "10 and 15"),
        ("data/split.csv", "decoded"),
        ("x" * 300, "File name too long"),
    ],
)
@pytest.mark.usefixtures("project")
def test_names_that_match_nothing(what: str, value: str) -> None:
    with pytest.raises(EmoError, match=f"{what}: .*{value}"):
        ask(what)


@pytest.mark.usefixtures("project")
def test_the_message_for_an_unknown_name() -> None:
    with pytest.raises(EmoError) as error:
        ask("S1_hapy")
    assert str(error.value) == (
        "S1_hapy: not an image file, an image or a clip; similar clips: S1_happy, S2_happy"
    )


@pytest.mark.usefixtures("project")
def test_a_symbolic_link_to_itself(tmp_path: Path) -> None:
    link = tmp_path / "round.png"
    link.symlink_to(link)
    with pytest.raises(EmoError, match=f"^{link}: "):
        ask(str(link))
    for path in (link, tmp_path / f"{'x' * 300}.png"):
        with pytest.raises(EmoError, match=f"^{path}: "):
            draw(ask("S1_happy"), path, Path("S1_happy"))


@pytest.mark.usefixtures("project")
def test_recordings_and_shards_are_their_clips() -> None:
    """Also recordings that are missing; they are not taken for image files."""
    found = ask("raw/videos/still.mp4")
    assert (found.target.name, found.frame) == ("S1_happy", None)
    assert found.notes == ("still.mp4 is the recording of this clip",)
    for shard in ("data/frames/S1_happy.parquet", "data/faces/S1_happy.parquet"):
        assert ask(shard).target.name == "S1_happy"
    with pytest.raises(EmoError, match=r"S1\.parquet: .*/CLIP_000000\.png"):
        ask("data/dataset/train/S1.parquet")
    with pytest.raises(EmoError, match=r"other\.mp4: .*raw/clips\.csv"):
        ask("raw/videos/other.mp4")


@pytest.mark.usefixtures("changed")
def test_a_recording_of_several_clips() -> None:
    known, recorded = read_enrolment()
    still = next(clip for clip in recorded if clip.clip == "S1_happy")
    enrol(known, [*recorded, replace(still, clip="S1_sad", expression="sad", start_s=0.0, end_s=0.5)])
    with pytest.raises(EmoError, match=r"still\.mp4: .*S1_happy, S1_sad"):
        ask("raw/videos/still.mp4")


# --- Image files ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_an_exported_image_by_its_bytes(tmp_path: Path) -> None:
    for name, png in images(shard_of("S1")).items():
        (tmp_path / "000001.png").write_bytes(png)
        found = ask(str(tmp_path / "000001.png"))
        assert (found.target.name, found.target.by, found.notes) == (name, BYTES, ())
        assert "the file is exactly this image" in trace_text(found)


@pytest.mark.usefixtures("project")
def test_the_bytes_count_not_the_name_of_the_file(tmp_path: Path) -> None:
    name, png = next(iter(images(shard_of("S2")).items()))
    (tmp_path / "S1_happy_000010.png").write_bytes(png)
    found = ask(str(tmp_path / "S1_happy_000010.png"))
    assert found.target.name == name
    assert found.notes == ("the file has the name of another image: S1_happy_000010.png",)


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.usefixtures("project")
def test_an_image_that_was_saved_again_by_its_perceptual_hash(tmp_path: Path, ending: str) -> None:
    name, png = next(iter(images(shard_of("S2")).items()))
    pixels = decode(png)
    again = pixels if ending == ".png" else cv2.resize(pixels, (48, 48), interpolation=cv2.INTER_AREA)
    path = tmp_path / f"again{ending}"
    cv2.imwrite(str(path), again, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    found = ask(str(path))
    assert (found.target.name, found.target.by) == (name, LIKENESS)
    assert found.target.distance is not None
    assert found.target.distance <= (0 if ending == ".png" else 20)
    assert "not proven" in found.notes[0]
    assert trace_text(found).startswith(f"most similar to {name}")


@pytest.mark.usefixtures("project")
def test_an_image_that_is_similar_to_no_face(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    with pytest.raises(EmoError, match=r"noise\.png: .* S\d_\w+\.png, .* \d+ of 256 bits"):
        ask(str(tmp_path / "noise.png"))


def test_no_similar_image_is_reported_while_a_shard_is_missing(changed: Path) -> None:
    shard = Path(f"data/dataset/{shard_of('S2')}.parquet")
    png = next(iter(images(shard_of("S2")).values()))
    (changed / "exported.png").write_bytes(png)
    shard.unlink()
    with pytest.raises(NotBuiltError, match=f"^{shard}: "):
        ask("exported.png")


# --- Outcomes of frames ---------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_the_outcome_of_every_frame_of_a_clip() -> None:
    found = ask("S1_surprised")
    table = pq.read_table("data/faces/S1_surprised.parquet").to_pylist()
    assert [frame.frame for frame in found.clip_trace.frames] == [row["frame"] for row in table]
    counts = found.clip_trace.counts()
    assert set(counts) == {"image", "duplicate", "no_face", "damaged"}
    assert counts["image"] == sum(name.startswith("S1_surprised") for name in images(shard_of("S1")))
    title, header, rows = frame_table(found)
    assert f"no face {counts['no_face']}, damaged 0" in title
    assert [len(row) for row in rows] == [len(header)] * len(table)
    duplicate = next(frame for frame in found.clip_trace.frames if frame.outcome == "duplicate")
    assert duplicate.leader
    assert found.clip_trace.at(int(duplicate.leader.name[-10:-4])).outcome == "image"
    assert [list(found.as_json()["counts"]), len(found.as_json()["frames"])] == [list(counts), len(table)]


@pytest.mark.usefixtures("project")
def test_frames_that_are_no_images_have_a_reason() -> None:
    by_outcome = {frame.outcome: frame for frame in ask("S1_surprised").clip_trace.frames}
    assert first_line(by_outcome["no_face"].name).endswith(STATUS_MEANINGS["no_face"])
    assert "a near-duplicate of S1_surprised_" in first_line(by_outcome["duplicate"].name)
    other = next(frame for frame in ask("S3_sad").clip_trace.frames if frame.outcome == "other_class")
    assert "(dataset.expressions)" in first_line(other.name)


def first_line(what: str) -> str:
    return trace_text(ask(what)).splitlines()[0]


def test_a_frame_that_the_dataset_was_built_without(changed: Path) -> None:
    set_params(dataset={"expressions": ["happy", "sad", "surprised"]})
    assert "not_built" in ask("S3_sad").clip_trace.counts()
    assert (changed / "data/census.csv").is_file()


# --- Consent --------------------------------------------------------------------------------------


def withdraw(subject: str) -> None:
    known, recorded = read_enrolment()
    enrol([replace(p, consent="withdrawn") if p.subject == subject else p for p in known], recorded)


@pytest.mark.usefixtures("changed")
def test_consent_withdrawn_before_and_after_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMO_WORKERS", "1")
    name = next(iter(images(shard_of("S2"))))
    withdraw("S2")
    assert "S2 withdrew consent, but files still exist" in ask(name).notes[0]
    with pytest.raises(ConsentError, match=f"^{name}: S2 "):
        draw(ask(name), Path("out.png"), Path(name))
    dedup.main()
    split.main()
    dataset.main()
    found = ask("S2_happy")
    assert set(found.clip_trace.counts()) == {"withdrawn", "damaged"}
    assert (found.placement.split, found.placement.enrolled) == ("", 2)
    Path("data/faces/S2_happy.parquet").unlink()
    with pytest.raises(ConsentError, match=r"^S2_happy: S2 "):
        ask(name)


@pytest.mark.usefixtures("changed")
def test_a_clip_that_was_removed_from_the_table() -> None:
    known, recorded = read_enrolment()
    enrol(known, [clip for clip in recorded if clip.subject != "S2"])
    with pytest.raises(EmoError, match=r"^S2_happy_000010: .*no longer in raw/clips\.csv"):
        ask("S2_happy_000010")
    Path("data/faces/S2_happy.parquet").unlink()
    withdraw("S2")
    with pytest.raises(EmoError, match=r"^S2_happy_000010: S2 has withdrawn consent"):
        ask("S2_happy_000010")


# --- Split and stages -----------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_the_split_and_why() -> None:
    for subject, clip in (("S1", "S1_happy"), ("S2", "S2_happy")):
        placement = ask(clip).placement
        assert placement.split == placement.drawn == shard_of(subject).split("/")[0]
        assert placement.split in placement.among
    assert "3rd of 3 enrolled, 2nd of 2 F; " in ask("S3_sad").placement.why


@pytest.mark.usefixtures("changed")
def test_a_split_that_was_edited_is_noted() -> None:
    table, drawn = Path("data/split.csv"), ask("S2_happy").placement.drawn
    other = next(name for name in SPLITS if name != drawn)
    table.write_text(table.read_text().replace(f"S2,M,{drawn}", f"S2,M,{other}"))
    found = ask("S2_happy")
    assert (found.placement.split, found.placement.drawn) == (other, drawn)
    assert f"data/split.csv differs from the drawn split ({drawn})" in found.notes[0]
    image = ask(next(iter(images(shard_of("S2")))))
    assert f"the dataset still has it in {drawn}, its earlier split; run `dvc repro`" in image.notes


LOCK = """
schema: '2.0'
stages:
  split:
    cmd: python -m pipeline.stages.split
    deps:
    - {{path: raw/participants.csv, md5: {table}}}
    - {{path: pipeline/code.py, md5: {code}}}
    params:
      params.yaml:
        split: {{seed: 4, validation: 0.15, test: 0.15, folds: 5}}
    outs:
    - {{path: data/split.csv, md5: 0}}
    - {{path: data/faces, md5: 0.dir}}
"""


def test_settings_and_code_as_the_stages_ran_and_as_they_are(changed: Path) -> None:
    (changed / "pipeline").mkdir()
    (changed / "pipeline/code.py").write_text("1")
    md5s = {
        name: hashlib.md5((changed / path).read_bytes()).hexdigest()
        for name, path in (("table", "raw/participants.csv"), ("code", "pipeline/code.py"))
    }
    (changed / "dvc.lock").write_text(LOCK.format(**md5s))
    before = ask("S1_happy")
    assert (len(before.stage_runs["split"].code), before.stage_runs["split"].changes) == (7, "")
    assert before.notes == ()
    assert before.stage_runs["frames"].code == ""
    (changed / "pipeline/code.py").write_text("2")
    set_params(split={"seed": 5})
    after = ask("S1_happy")
    assert after.stage_runs["split"].changes == "split.seed 5, pipeline/code.py"
    assert after.stage_runs["split"].code == before.stage_runs["split"].code
    assert after.placement.params.seed == 4
    assert "changed since split ran" in after.notes[0]
    (changed / "data/faces/S1_happy.parquet").unlink()
    with pytest.raises(NotBuiltError, match=r"^data/faces/S1_happy\.parquet: .*dvc pull"):
        ask("S1_happy")


def test_the_commit_of_the_workspace(changed: Path) -> None:
    assert ask("S1_happy").checkout is None
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (("init", "-q"), ("add", "params.yaml"), (*identity, "commit", "-qm", "first")):
        subprocess.run(("git", *command), cwd=changed, check=True)
    checkout = ask("S1_happy").checkout
    assert checkout
    assert len(checkout.commit) == 40
    assert "params.yaml" not in checkout.changed
    assert "raw/clips.csv" in checkout.changed


def test_nothing_is_built_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_params()
    enrol([], [])
    with pytest.raises(EmoError, match=r"^raw/clips\.csv: "):
        ask("S1_happy")
    enrol(people(), clips())
    with pytest.raises(NotBuiltError, match=r"^data/faces/S1_happy\.parquet: .*dvc repro"):
        ask("S1_happy")


# --- Drawings -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_the_source_frame_is_that_very_frame() -> None:
    for frame in (found := ask("S1_happy")).clip_trace.frames:
        pixels, origin = source_frame(found.clip_trace.clip, frame)
        assert number_of(pixels[:64, :64]) == frame.frame
        assert origin == "decoded, 320x240"
    every = decode_all(Path("raw/videos/turns.mp4"))
    found = ask("S1_surprised")
    for frame in found.clip_trace.frames[::3]:
        pixels, _ = source_frame(found.clip_trace.clip, frame)
        distances = [float(np.abs(pixels.astype(int) - other).mean()) for other in every]
        assert int(np.argmin(distances)) == frame.frame


@pytest.mark.usefixtures("project")
def test_the_box_is_drawn_around_the_face(tmp_path: Path) -> None:
    found = ask("S1_happy")
    frame = found.clip_trace.frames[0]
    out = tmp_path / "deep" / "frame.png"
    draw(ask(frame.name), out, Path(frame.name))
    drawn = np.asarray(Image.open(out))
    assert drawn.shape[1] == 320
    assert drawn.shape[0] > 260  # the caption
    colour = COLOURS[frame.outcome]
    rows, columns = np.nonzero((drawn[:240] == colour).all(axis=2))
    assert frame.box
    x, y, w, h = frame.box
    assert np.allclose([columns.min(), columns.max(), rows.min(), rows.max()], [x, x + w, y, y + h], atol=4)


@pytest.mark.usefixtures("changed")
def test_without_the_recording_the_stored_frame_is_shown() -> None:
    found = ask("S1_happy")
    Path("raw/videos/still.mp4").write_bytes(b"another")
    with pytest.raises(EmoError, match=r"^raw/videos/still\.mp4: .*SHA-256"):
        source_frame(found.clip_trace.clip, found.clip_trace.frames[0])
    Path("raw/videos/still.mp4").unlink()
    pixels, origin = source_frame(found.clip_trace.clip, found.clip_trace.frames[1])
    assert number_of(pixels[:64, :64]) == found.clip_trace.frames[1].frame
    assert "the recording is missing" in origin
    with pytest.raises(EmoError, match=r"S1_happy\.parquet: .*9999.*dvc repro"):
        source_frame(found.clip_trace.clip, replace(found.clip_trace.frames[0], frame=9999))
    Path("data/frames/S1_happy.parquet").unlink()
    with pytest.raises(NotBuiltError, match=r"dvc pull raw/videos\.dvc"):
        source_frame(found.clip_trace.clip, found.clip_trace.frames[0])
    with pytest.raises(NotBuiltError, match=r"^data/frames/S1_happy\.parquet: "):
        draw(found, Path("strip.png"), Path("S1_happy"))


@pytest.mark.usefixtures("project")
def test_the_strip_of_a_clip(tmp_path: Path) -> None:
    found = ask("S1_surprised")
    draw(found, tmp_path / "strip.png", Path("S1_surprised"))
    strip = np.asarray(Image.open(tmp_path / "strip.png"))
    seen = {outcome for outcome, colour in COLOURS.items() if (strip == colour).all(axis=2).sum() > 1000}
    assert seen == {frame.outcome for frame in found.clip_trace.frames}
    draw(found, tmp_path / "strip.jpg", Path("S1_surprised"))
    assert Image.open(tmp_path / "strip.jpg").format == "JPEG"


@pytest.mark.usefixtures("project")
def test_a_drawing_has_the_tag_of_its_subject(tmp_path: Path) -> None:
    found = ask("S1_happy")
    for ending in ("png", "jpg"):
        draw(found, tmp_path / f"strip.{ending}", Path("S1_happy"))
        assert b"emo-subject:S1;" in (tmp_path / f"strip.{ending}").read_bytes()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["raw/strip.png", "data/faces/strip.png", "models/strip.png"])
def test_a_drawing_is_never_written_where_dvc_keeps_files(name: str) -> None:
    with pytest.raises(EmoError, match=f"^{name}: .*DVC or Git"):
        draw(ask("S1_happy"), Path(name), Path("S1_happy"))


@pytest.mark.usefixtures("project")
def test_a_path_that_cannot_be_written() -> None:
    with pytest.raises(EmoError, match=r"^params\.yaml/strip\.png: "):
        draw(ask("S1_happy"), Path("params.yaml/strip.png"), Path("S1_happy"))


@pytest.mark.usefixtures("project")
def test_the_text_below_a_duplicate_of_another_view() -> None:
    """The name of the view begins with that of the clip."""
    traced = ask("S1_surprised").clip_trace
    duplicate = next(frame for frame in traced.frames if frame.outcome == "duplicate")
    assert duplicate.leader
    assert outcome_text(traced, duplicate).startswith(f"duplicate of {int(duplicate.leader.name[-10:-4])}, ")
    other = replace(duplicate, leader=Near("S1_surprised_2_000010.png", 7))
    assert outcome_text(traced, other) == "duplicate of S1_surprised_2_000010, 7 bits"


@pytest.mark.usefixtures("changed")
def test_without_collapse_the_reason_names_the_setting() -> None:
    assert "all are kept: dedup.collapse is false" not in reasons_of_images()
    set_params(dedup={"collapse": False})
    dedup.main()
    dataset.main()
    assert reasons_of_images() == {"all are kept: dedup.collapse is false"}


def reasons_of_images() -> set[str]:
    return {frame.reason for frame in ask("S1_surprised").clip_trace.frames if frame.outcome == "image"}


@pytest.mark.usefixtures("project")
def test_paths_that_a_drawing_cannot_have(tmp_path: Path) -> None:
    asked = tmp_path / "exported.png"
    asked.write_bytes(next(iter(images(shard_of("S1")).values())))
    found = ask(str(asked))
    with pytest.raises(EmoError, match=f"^{asked}: "):
        draw(found, asked, asked)
    with pytest.raises(EmoError, match=r"frame\.gif: .*\.png, \.jpg, \.jpeg"):
        draw(found, tmp_path / "frame.gif", asked)


# --- The command ----------------------------------------------------------------------------------


def test_the_command_prints_draws_and_loads_no_heavy_library(project: Path, tmp_path: Path) -> None:
    def emo(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-X", "importtime", str(TOP / "cli.py"), "trace", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(TOP)}
        return subprocess.run(command, cwd=project / "raw", env=environment, capture_output=True, text=True)

    done = emo("S1_surprised", "--json")
    assert json.loads(done.stdout)["name"] == "S1_surprised"
    assert [name for name in ("pandas", "torch", "dvc", "av") if f"| {name}\n" in done.stderr] == []
    done = emo("S1_surprised", "--out", str(tmp_path / "strip.png"))
    assert "Sampled frames: image" in done.stdout
    assert (tmp_path / "strip.png").is_file()
    done = emo("nobody")
    assert done.returncode == 1
    assert "error: nobody: " in done.stderr


# --- Decisions ------------------------------------------------------------------------------------


def of(name: str) -> str:
    """Return the SHA-256 of the recording of a clip."""
    return next(clip.sha256 for clip in read_enrolment()[1] if clip.clip == name)


@pytest.mark.usefixtures("changed")
def test_an_excluded_frame_names_its_decision_and_another_represents_its_duplicates() -> None:
    """The one image of a clip whose frames are all alike is excluded; the sharpest of the others follows."""
    [before] = [frame for frame in ask("S1_happy").clip_trace.frames if frame.outcome == "image"]
    at_s = before.time_s
    row = decision(1, clip="S1_happy", recording=of("S1_happy"), start_s=at_s, end_s=at_s + 0.1)
    write_decisions([row])
    dataset.main()
    found = ask("S1_happy").clip_trace
    outcomes = [frame.outcome for frame in found.frames]
    assert (outcomes.count("excluded"), outcomes.count("image")) == (1, 1)
    assert found.counts()["excluded"] == 1
    excluded = found.at(before.frame)
    assert excluded.reason == "excluded by decision 1: blink (rater r1, 2026-11-28)"
    assert (excluded.leader, excluded.followers) == (None, ())
    [after] = [frame for frame in found.frames if frame.outcome == "image"]
    others = [frame for frame in found.frames if frame.outcome == "duplicate"]
    assert {frame.leader.name for frame in others if frame.leader} == {after.name}
    assert len(after.followers) == len(others)
    assert after.sharpness == max(frame.sharpness or 0 for frame in (after, *others))
    assert excluded.as_json()["decision"] == {
        "decision": 1,
        "reason": "blink",
        "rater": "r1",
        "date": "2026-11-28",
    }


@pytest.mark.usefixtures("changed")
def test_a_relabelled_clip_shows_what_was_asked_and_what_holds() -> None:
    row = decision(2, "relabel", clip="S1_happy", recording=of("S1_happy"), value="surprised", rater="")
    write_decisions([row])
    dataset.main()
    found = ask("S1_happy")
    assert found.as_json()["label"] == {
        "asked": "happy",
        "effective": "surprised",
        "decision": {"decision": 2, "reason": "blink", "rater": "", "date": "2026-11-28"},
    }
    text = trace_text(found)
    assert "asked for happy" in text
    assert "surprised, by decision 2: blink (no rater, 2026-11-28)" in text
    [image] = [frame for frame in found.clip_trace.frames if frame.outcome == "image"]
    assert ask(image.name).class_name == "surprised"
    assert "(surprised), from raw/decisions.csv" in trace_text(ask(image.name))


@pytest.mark.usefixtures("changed")
def test_a_clip_of_which_no_frame_could_be_read_is_traced() -> None:
    write_face_shard("S1_happy", [], problem="no video stream")
    found = ask("S1_happy")
    assert found.clip_trace.frames == ()
    assert found.clip_trace.counts() == {"damaged": 0}
