"""Frames look as a player shows them: mirrored, of one size, deinterlaced, in SDR."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.video.probe import probe
from tests.support.making import number_of, numbered, take_sample, write_video

# --- Mirrored -------------------------------------------------------------------------------------


def shades() -> np.ndarray:
    """Return a frame, (64, 96, 3), of six fields of different brightness: it has no symmetry."""
    fields = np.array([[0, 90, 160], [250, 40, 210]], np.uint8)
    grey = cv2.resize(fields, (96, 64), interpolation=cv2.INTER_NEAREST)
    return np.repeat(grey[:, :, None], 3, axis=2)


MIRRORS: dict[str, tuple[tuple[int, ...], Callable[[np.ndarray], np.ndarray], int]] = {
    "left to right": ((-1, 0, 0, 1), lambda p: p[:, ::-1], 0),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1], 180),
    "transposed": ((0, 1, 1, 0), lambda p: p.transpose(1, 0, 2), 270),
    "transversed": ((0, -1, -1, 0), lambda p: p.transpose(1, 0, 2)[::-1, ::-1], 90),
}


@pytest.mark.parametrize("kind", MIRRORS)
@pytest.mark.parametrize("codec", ["libx264", "libvpx-vp9"])
def test_a_display_matrix_can_mirror(tmp_path: Path, kind: str, codec: str) -> None:
    """The expected frames follow from the definition of the matrix (ISO 14496-12, 8.3.2)."""
    (a, b, c, d), shown, rotation = MIRRORS[kind]
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        one = 1 << 16
        stream.set_display_matrix([a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30])
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shades(), format="bgr24")))
        container.mux(stream.encode())
    expected = shown(shades())
    frame = take_sample(path)[0][0].pixels
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 8
    info = probe(path)
    assert (info.height, info.width, info.rotation) == (*expected.shape[:2], rotation)


# --- Of one size ----------------------------------------------------------------------------------


def write_growing(path: Path, sizes: list[tuple[int, int]], each: int) -> Path:
    """Write a WebM whose resolution changes, as WebRTC does: `each` frames of each size."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuv420p"
        index = 0
        for size in sizes:
            encoder = av.VideoCodecContext.create("libvpx", "w")
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
            encoder.time_base, encoder.framerate = Fraction(1, 10), Fraction(10)
            frames = []
            for _ in range(each):
                frame = av.VideoFrame.from_ndarray(numbered(index, *size), format="bgr24")
                frame.pts, index = index, index + 1
                frames.append(frame)
            for item in [*frames, None]:
                for packet in encoder.encode(item):
                    packet.stream = stream
                    container.mux(packet)
    return path


@pytest.mark.parametrize(
    "sizes", [[(64, 48), (96, 72)], [(96, 72), (64, 48), (96, 72)], [(64, 64), (128, 64)]]
)
def test_all_frames_have_the_size_of_the_first(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    path = write_growing(tmp_path / "v.webm", sizes, 15)
    frames, tally = take_sample(path)
    assert (tally.width, tally.height) == sizes[0] == (probe(path).width, probe(path).height)
    assert {frame.pixels.shape for frame in frames} == {(*sizes[0][::-1], 3)}
    assert [number_of(frame.pixels) for frame in frames] == list(range(15 * len(sizes)))


def test_a_later_stretch_has_the_size_of_the_first_frame_of_the_recording(tmp_path: Path) -> None:
    path = write_growing(tmp_path / "v.webm", [(64, 48), (96, 72)], 30)
    frames, tally = take_sample(path, 4.0, 5.0)
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    assert (tally.width, tally.height, tally.wanted) == (64, 48, 10)


# --- Deinterlaced ---------------------------------------------------------------------------------


def bar(half: int) -> np.ndarray:
    """Return a frame, (96, 256, 3), with a bar that moves 3 pixels every half frame, over fixed stripes."""
    frame = np.full((96, 256, 3), 40, np.uint8)
    frame[:16] = np.kron(np.indices((2, 32)).sum(axis=0) % 2, np.ones((8, 8)))[:, :, None] * 200
    frame[24:72, 5 + 3 * half : 25 + 3 * half] = 220
    return frame


def woven(index: int) -> np.ndarray:
    """Return two fields in one frame, the upper lines half a frame earlier than the lower ones."""
    frame = bar(2 * index)
    frame[1::2] = bar(2 * index + 1)[1::2]
    return frame


def comb(pixels: np.ndarray) -> float:
    """Return how much neighbouring lines differ more than lines two apart."""
    grey = pixels[24:72, :, 0].astype(float)
    return float(np.abs(grey[1:-1] - (grey[:-2] + grey[2:]) / 2).mean())


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("v.mp4", "libx264", {"x264-params": "tff=1", "g": "12", "bf": "2"}),
        ("v.ts", "libx264", {"x264-params": "tff=1", "g": "12"}),
        ("v.mkv", "mpeg2video", {"flags": "+ildct+ilme", "g": "12", "qmax": "4"}),
    ],
)
def test_interlaced_frames_are_deinterlaced_one_for_one(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    frames = [woven(index) for index in range(30)]
    path = write_video(tmp_path / name, frames, codec=codec, **options)
    with av.open(str(path)) as container:
        if not next(container.decode(video=0)).interlaced_frame:
            pytest.skip("this encoder does not flag its frames as interlaced")
    sampled, tally = take_sample(path)
    assert ([frame.frame for frame in sampled], tally.corrupt) == (list(range(30)), 0)
    assert [frame.time_s for frame in sampled] == pytest.approx([n / 10 for n in range(30)])
    for frame in sampled[1:-1]:
        assert comb(frame.pixels) < comb(frames[frame.frame]) / 3
        # It shows the upper field's time, in full height.
        assert np.abs(frame.pixels.astype(int) - bar(2 * frame.frame)).mean() < 8
    part, _ = take_sample(path, 1.0, 2.0, 0.3)
    assert [frame.frame for frame in part] == [10, 13, 16, 19]
    assert all(np.array_equal(frame.pixels, sampled[frame.frame].pixels) for frame in part)


def test_progressive_frames_are_not_filtered(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [woven(index) for index in range(10)])
    assert comb(take_sample(path)[0][5].pixels) > comb(woven(5)) * 0.7


# --- HDR ------------------------------------------------------------------------------------------

PQ, HLG = 16, 18


def write_hdr(path: Path, signal: list[float], transfer: int) -> Path:
    """Write a 10-bit HEVC, BT.2020, of grey columns with these signals (0 to 1, limited range).

    There must be four columns or more: x265 aborts now and then if frames are narrower than 64 pixels.
    """
    width = 16 * len(signal)
    luma = np.repeat((64 + 876 * np.array(signal)).round().astype("<u2"), 16)
    planes = [np.tile(luma, (64, 1)), *[np.full((32, width // 2), 512, "<u2")] * 2]
    with av.open(str(path), "w") as container:
        options = {"x265-params": "log-level=none", "crf": "4"}
        stream = container.add_stream("libx265", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = width, 64, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        for _ in range(3):
            frame = av.VideoFrame(width, 64, "yuv420p10le")
            for plane, values in zip(frame.planes, planes, strict=True):
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
                rows[:, : 2 * values.shape[1]] = np.ascontiguousarray(values).view(np.uint8)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("transfer", "signal", "expected"),
    [
        # 18 % grey is 0.38 in HLG, 0.38 in PQ (26 cd/m2), and 0.425 in SDR (BT.2408, table 1 and annex).
        (HLG, [0.0, 0.38, 0.75, 1.0], [0, 108, 217, 255]),
        (PQ, [0.0, 0.38, 0.58, 0.7518], [0, 108, 217, 255]),
    ],
)
def test_hdr_is_tone_mapped(tmp_path: Path, transfer: int, signal: list[float], expected: list[int]) -> None:
    path = write_hdr(tmp_path / "v.mp4", signal, transfer)
    frame = take_sample(path)[0][0].pixels
    columns = frame[32, 8::16].astype(int)
    assert np.abs(columns - columns.mean(axis=1, keepdims=True)).max() <= 2  # grey stays grey
    assert columns[:, 0] == pytest.approx(expected, abs=8)


def test_sdr_of_ten_bits_is_not_tone_mapped(tmp_path: Path) -> None:
    path = write_hdr(tmp_path / "v.mp4", [0.0, 0.25, 0.5, 1.0], 1)
    assert take_sample(path)[0][0].pixels[32, 8::16, 0].astype(int) == pytest.approx([0, 64, 128, 255], abs=3)
