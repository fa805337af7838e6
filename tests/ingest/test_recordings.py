"""What an ingest says about recordings that are cut off, and which files it looks into."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.ingest.sources import VIDEO_SUFFIXES
from pipeline.runtime.paths import VIDEOS
from tests.support.ingest_project import IngestProject


def cut_off(path: Path) -> Path:
    """Keep 60 % of a recording, as if the recorder had crashed."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return path


def test_a_recording_that_is_cut_off_is_enrolled_with_a_note(project: IngestProject) -> None:
    path = cut_off(project.video("S01/happy.mkv", frames=80))
    outcome = project.ingest()
    [clip] = outcome.added
    note = f"{path}: {clip.duration_s:.4g} of 8 s are there: the recording is cut off"
    assert note in outcome.notes
    assert 3 < clip.duration_s < 6
    assert note not in project.ingest().notes  # enrolled already


def test_strict_refuses_a_recording_that_is_cut_off(project: IngestProject) -> None:
    path = cut_off(project.video("S01/happy.mkv", frames=80))
    project.video("S01/sad.mp4")
    message = project.ingest_error(strict=True)
    assert message.startswith(f"{path}: ")
    assert "s are there: the recording is cut off; supply the complete recording" in message
    assert "\n" not in message
    path.unlink()
    assert len(project.ingest(strict=True).added) == 1


def write_gif(path: Path, frames: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb8"
        for index in range(frames):
            pixels = np.full((64, 64, 3), index * 9, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="rgb8")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("by_manifest", [False, True])
def test_an_animated_gif_is_enrolled_by_folder_and_by_manifest(
    project: IngestProject, by_manifest: bool
) -> None:
    write_gif(project.recordings / "S01/happy.gif", 20)
    manifest = project.table("video,subject,expression", "S01/happy.gif,S01,happy")
    [clip] = (project.ingest(manifest=manifest) if by_manifest else project.ingest()).added
    assert (clip.codec, clip.duration_s, clip.frames) == ("gif", 2.0, 20)


@pytest.mark.parametrize("by_manifest", [False, True])
def test_a_gif_of_one_image_is_refused_by_folder_and_by_manifest(
    project: IngestProject, by_manifest: bool
) -> None:
    path = write_gif(project.recordings / "S01/happy.gif", 1)
    manifest = project.table("video,subject,expression", "S01/happy.gif,S01,happy")
    message = project.ingest_error(manifest=manifest) if by_manifest else project.ingest_error()
    assert message.startswith(f"{path}: a still image (gif); convert it to PNG")


@pytest.mark.parametrize("suffix", [".3g2", ".m2v", ".mts", ".insv", ".mod", ".tod", ".264", ".h264", ".gif"])
def test_files_with_the_suffix_of_a_camera_are_looked_into(project: IngestProject, suffix: str) -> None:
    assert suffix in VIDEO_SUFFIXES
    source = project.video("S01/happy.mp4")
    source.rename(project.recordings / f"S01/happy{suffix}")
    [clip] = project.ingest().added
    assert (VIDEOS / clip.video).suffix == suffix


def test_a_raw_stream_is_refused_not_passed_over(project: IngestProject) -> None:
    path = project.recordings / "S01/happy.h264"
    source = project.video("S01/other.mp4")
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0], opaque=True)
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    source.unlink()
    assert project.ingest_error().startswith(f"{path}: ")


def test_nothing_is_written_behind_a_link(project: IngestProject) -> None:
    elsewhere = project.recordings.parent / "elsewhere"
    elsewhere.mkdir()
    project.video("S01/happy.mp4")
    VIDEOS.mkdir(parents=True)
    (VIDEOS / "S01").symlink_to(elsewhere)
    message = project.ingest_error()
    assert message.startswith(f"{VIDEOS / 'S01'}: a link to {elsewhere}; ")
    assert list(elsewhere.iterdir()) == []


def test_a_pipe_in_place_of_a_manifest_is_refused(project: IngestProject) -> None:
    os.mkfifo(project.recordings / "pipe.csv")
    message = project.ingest_error(manifest=project.recordings / "pipe.csv")
    assert message.startswith(f"{project.recordings / 'pipe.csv'}: not a regular file")
