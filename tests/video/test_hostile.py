"""Files that claim too much, that hold too little, or whose metadata is not what it should be."""

import resource
import struct
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.runtime import LARGEST_PX
from pipeline.video.clip_frames import ClipFrames, write_frames
from pipeline.video.container import SMALLEST_SIDE_PX
from pipeline.video.decode import Sampling, Tally, sample
from pipeline.video.probe import probe
from pipeline.video.stills import probe_still
from pipeline.video.unusable import UnusableError
from tests.support.making import number_of, numbered, take_sample, write_video
from tests.support.remuxing import remux


def test_metadata_need_not_be_utf8(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Mxller"
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        for index in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(index), format="bgr24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Mxller", b"M\xfcller"))
    assert probe(path).frames == len(take_sample(path)[0]) == 10


def claim(path: Path, box: bytes, place: int) -> Path:
    """Let a box of an MP4 claim 60,000,000 frames."""
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, data.index(box) + 4 + place, 60_000_000)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("box", "place"), [(b"stsz", 8), (b"stts", 8), (b"trun", 4)])
def test_a_small_file_that_claims_many_frames_is_refused_at_once(
    tmp_path: Path, box: bytes, place: int
) -> None:
    path = write_video(tmp_path / "v.mp4", 20)
    if box == b"trun":
        path = remux(path, tmp_path / "f.mp4", movflags="frag_keyframe+empty_moov")
    claim(path, box, place)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(UnusableError, match=r"its header counts 60,000,[0-9]+ frames, but the file has only"):
        probe(path)
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    with pytest.raises(UnusableError):
        list(sample(path, Sampling(0, 1, 0.1, 640), Tally()))


@pytest.mark.parametrize(("width", "height"), [(200, 1), (1, 200), (15, 400), (9_000, 8_000)])
def test_an_image_that_is_too_small_or_too_large_is_refused(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "s.png"
    cv2.imwrite(str(path), np.zeros((height, width), np.uint8))
    with pytest.raises(UnusableError) as caught:
        probe_still(path)
    assert str(caught.value).startswith(f"{path}: {width}x{height} pixels; ")
    limit = SMALLEST_SIDE_PX if height < 500 else f"{LARGEST_PX / 1e6:.0f} megapixels"
    assert str(limit) in str(caught.value)
    assert str(caught.value).endswith("or leave it out")


def test_a_video_stream_without_packets_is_refused(tmp_path: Path) -> None:
    """An FLV whose header announces a video, and whose tags are sound or nothing."""
    path = write_video(tmp_path / "v.flv", 20, g="5")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x09\x00", 13) + 60])  # the sequence header, no frame
    with pytest.raises(UnusableError) as caught:
        probe(path)
    assert str(caught.value).startswith(f"{path}: ")
    tally = Tally()
    try:
        assert list(sample(path, Sampling(0, 1, 0.1, 640), tally)) == []
    except UnusableError:
        assert tally.wanted == 0


def test_a_frame_larger_than_its_header_states_is_not_decoded(tmp_path: Path) -> None:
    """A MOV of PNGs whose header states 64x64 pixels; each PNG has 81 megapixels."""
    png = cv2.imencode(".png", np.zeros((9000, 9000), np.uint8))[1].tobytes()
    path = tmp_path / "v.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "gray"
        for index in range(3):
            packet = av.Packet(png)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 10), True
            packet.pts = packet.dts = index
            container.mux(packet)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(UnusableError, match="no frame of up to 67 megapixels"):
        probe(path)
    with pytest.raises(UnusableError):
        write_frames(path, ClipFrames(Sampling(0, 1, 0.1, 640), 90), tmp_path / "f.parquet")
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_boxes_nested_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    size, boxes = 8 * 5000, b""
    for depth in range(5000):
        boxes += struct.pack(">I4s", size - 8 * depth, b"moov")
    path.write_bytes(boxes)
    with pytest.raises(UnusableError, match="more parts than"):
        probe(path)


def test_a_stream_that_appears_within_the_file_is_one_error(tmp_path: Path) -> None:
    """A byte of an FLV that turns a packet into one of another kind: PyAV raises IndexError."""
    data = write_video(tmp_path / "v.flv", 20, codec="flv1").read_bytes()
    path, at = tmp_path / "d.flv", data.rindex(b"\x09\x00")
    path.write_bytes(data[:at] + b"\x08" + data[at + 1 :])
    for work in (probe, take_sample):
        try:
            work(path)
        except UnusableError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017


# --- Animated images ------------------------------------------------------------------------------


def write_gif(path: Path, count: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb8"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(numbered(index), format="bgr24").reformat(format="rgb8")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_an_animated_gif_is_a_video(tmp_path: Path) -> None:
    path = write_gif(tmp_path / "v.gif", 40)
    info = probe(path)
    assert (info.frames, info.duration_s, info.fps, info.codec) == (40, 4.0, 10.0, "gif")
    assert [number_of(frame.pixels) for frame in take_sample(path)[0]] == list(range(40))
    assert [number_of(frame.pixels) for frame in take_sample(path, 2.5, 3.0)[0]] == [25, 26, 27, 28, 29]


def test_a_gif_of_one_frame_is_a_still_image(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="a still image"):
        probe(write_gif(tmp_path / "s.gif", 1))
