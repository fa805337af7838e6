"""Sampling by timestamp, seeking, damage and probing, on videos written here.

Every frame encodes its index (making.numbered), so that a wrong frame is recognised.
"""

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image, ImageOps

from pipeline.runtime.errors import EmoError
from pipeline.video.info import VideoInfo
from pipeline.video.probe import is_still_image, probe
from pipeline.video.stills import probe_still
from pipeline.video.timeline import Entry, Moment, needed
from tests.support.making import (
    TOP,
    damage,
    decode_all,
    number_of,
    numbered,
    take_sample,
    turn,
    write_sound,
    write_video,
)

KINDS = {
    "h264.mp4": ("libx264", {"g": "12"}),
    "bframes.mp4": ("libx264", {"g": "12", "bf": "3"}),
    "open_gop.mp4": ("libx264", {"x264-params": "open-gop=1:bframes=3:keyint=15"}),
    "hevc.mp4": ("libx265", {"x265-params": "keyint=12:log-level=none"}),
    "h264.mov": ("libx264", {"g": "12"}),
    "bframes.mkv": ("libx264", {"g": "12", "bf": "3"}),
    "bframes.ts": ("libx264", {"g": "12", "bf": "2"}),
    "bframes.flv": ("libx264", {"g": "12", "bf": "2"}),
    "sorenson.flv": ("flv", {"g": "12"}),
    "intra_refresh.mkv": ("libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}),
    "mpeg4.avi": ("mpeg4", {"g": "12"}),
    "mpeg4_bframes.avi": ("mpeg4", {"g": "12", "bf": "2"}),
    "h264_bframes.avi": ("libx264", {"g": "12", "bf": "2"}),
    "mjpeg.avi": ("mjpeg", {}),
    "vp9.webm": ("libvpx-vp9", {"g": "12", "deadline": "realtime", "b": "500k"}),
    "altref.webm": ("libvpx-vp9", {"g": "12", "deadline": "good", "b": "500k", "lag-in-frames": "16"}),
    "av1.mkv": ("libsvtav1", {"g": "12", "preset": "12"}),
}


@pytest.fixture(scope="module", params=KINDS)
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds at 10 frames/s, of every kind."""
    codec, options = KINDS[request.param]
    return write_video(tmp_path_factory.mktemp("kinds") / request.param, 60, codec=codec, **options)


# --- Every container and codec --------------------------------------------------------------------


def test_every_frame_has_its_index_its_time_and_its_pixels(recording: Path) -> None:
    frames, tally = take_sample(recording)
    plain = decode_all(recording)
    assert [p.frame for p in frames] == [number_of(p.pixels) for p in frames] == list(range(60))
    assert [p.time_s for p in frames] == pytest.approx([i / 10 for i in range(60)], abs=0.001)
    assert all(np.array_equal(p.pixels, plain[p.frame]) for p in frames)
    assert (tally.wanted, tally.corrupt, tally.width, tally.height) == (60, 0, 64, 64)


def test_skipping_frames_leaves_the_wanted_ones_unchanged(recording: Path) -> None:
    frames, tally = take_sample(recording, step_s=0.35)
    plain = decode_all(recording)
    # Sampled at 0, .35, .7 ... 5.6 and 5.95: the first frame at or after each; there is none after 5.95.
    assert [p.frame for p in frames] == [-(-i * 35 // 10) for i in range(17)]
    assert all(np.array_equal(p.pixels, plain[p.frame]) for p in frames)
    assert tally.corrupt == 0


@pytest.mark.parametrize("step_s", [2.5, 1.9])
def test_skipping_whole_stretches_leaves_the_wanted_frames_unchanged(recording: Path, step_s: float) -> None:
    frames, tally = take_sample(recording, step_s=step_s)
    plain = decode_all(recording)
    assert [p.frame for p in frames] == [number_of(p.pixels) for p in frames]
    assert [p.frame for p in frames] == [round(i * step_s * 10) for i in range(len(frames))]
    assert all(np.array_equal(p.pixels, plain[p.frame]) for p in frames)
    assert (len(frames), tally.corrupt) == (-(-59 // round(step_s * 10)), 0)


@pytest.mark.parametrize("start_s", [2.05, 3.1, 5.0])
def test_a_stretch_reached_by_seeking_is_the_same_as_from_the_start(recording: Path, start_s: float) -> None:
    frames, _ = take_sample(recording, start_s, start_s + 0.8, 0.2)
    whole = {frame.frame: frame for frame in take_sample(recording)[0]}
    assert len(frames) == 4
    for frame in frames:
        assert frame.time_s == whole[frame.frame].time_s
        assert np.array_equal(frame.pixels, whole[frame.frame].pixels)


@pytest.mark.parametrize("step_s", [2.7, 3.1, 4.0])
def test_only_some_of_the_keyframes_stand_alone(tmp_path: Path, step_s: float) -> None:
    """Intra frames at 0, 3 and 6 s, gradual refreshes flagged as keyframes in between."""
    path = tmp_path / "mixed.mp4"
    options = {"x264-params": "intra-refresh=1:keyint=12:bframes=0", "forced-idr": "1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for index in range(150):
            frame = av.VideoFrame.from_ndarray(numbered(index), format="bgr24")
            frame.pict_type = PictureType.I if index in (30, 60) else PictureType.NONE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames, tally = take_sample(path, step_s=step_s)
    plain = decode_all(path)
    assert tally.corrupt == 0
    assert len(frames) == math.ceil(15 / step_s - 0.01)
    assert all(np.array_equal(p.pixels, plain[p.frame]) for p in frames)


def test_only_the_packets_that_wanted_frames_need_are_decoded() -> None:
    keys, at = (0, 20, 40), Moment(0, 0.0)
    entries = [Entry(stamp, stamp, stamp in keys) for stamp in range(60)]
    # From each keyframe to the frame; the last 14 packets are too few to be skipped.
    assert needed(entries, {3: at, 45: at}) == bytes([1] * 4 + [0] * 36 + [1] * 20)
    # Shown before the keyframe that precedes it: it also needs the packets from the keyframe before.
    leading = [*entries[:40], Entry(42, 40, True), Entry(40, 41, False), Entry(41, 42, False)]
    assert needed(leading, {41: at}) == bytes([0] * 20 + [1] * 23)
    # Independent frames: nothing else is decoded.
    alone = [Entry(stamp, stamp, True) for stamp in range(6)]
    assert needed(alone, {1: at, 4: at}) == bytes([0, 1, 0, 0, 1, 0])


def test_probing(recording: Path) -> None:
    info = probe(recording)
    assert (info.width, info.height, info.frames, info.rotation) == (64, 64, 60, 0)
    assert info.fps == pytest.approx(10, abs=0.01)
    assert info.duration_s == pytest.approx(6, abs=0.01)


# --- Timestamps -----------------------------------------------------------------------------------

UNEVEN_MS = [0, 40, 80, 200, 240, 280, 320, 1000, 1040, 1100, 1140, 1180]


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven.avi"])
def test_variable_frame_rate_is_sampled_by_time(tmp_path: Path, name: str) -> None:
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    path = write_video(tmp_path / name, 12, codec=codec, times_ms=UNEVEN_MS)
    frames, _ = take_sample(path, step_s=0.2)
    # Due at 0, .2, .4, .6, .8, 1.0: after .32 there is no frame until 1.0, which is taken for all of them.
    assert [(p.frame, p.time_s) for p in frames] == [(0, 0.0), (3, 0.2), (7, 1.0)]
    assert [number_of(p.pixels) for p in frames] == [0, 3, 7]
    assert (probe(path).frames, probe(path).duration_s) == (12, 1.22)  # the usual distance is 40 ms


@pytest.mark.parametrize(
    ("step_s", "expected"), [(1 / 50, range(10)), (0.1, range(10)), (0.2, range(0, 10, 2))]
)
def test_constant_frame_rate(tmp_path: Path, step_s: float, expected: range) -> None:
    """A step shorter than a frame takes each frame once."""
    path = write_video(tmp_path / "even.mp4")
    assert [p.frame for p in take_sample(path, step_s=step_s)[0]] == list(expected)


def test_odd_rates_do_not_drift(tmp_path: Path) -> None:
    """Frames of 30000/1001 a second, taken 5 a second: never a second frame for one time."""
    path = write_video(tmp_path / "ntsc.mp4", 300, times_ms=[round(i * 1001 / 30) for i in range(300)])
    times = [p.time_s for p in take_sample(path, step_s=0.2)[0]]
    assert len(times) == 50  # 0, 0.2 ... 9.8; the last frame, at 9.98 s, comes before 10
    assert all(0 <= time_s - 0.2 * step < 0.034 for step, time_s in enumerate(times))


def test_the_end_of_a_stretch_is_exclusive(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 20)
    assert [p.frame for p in take_sample(path, 0.5, 1.0, 0.1)[0]] == [5, 6, 7, 8, 9]
    assert take_sample(path, 5, 6)[0] == []


def test_one_frame(tmp_path: Path) -> None:
    path = write_video(tmp_path / "one.mp4", 1)
    assert [p.frame for p in take_sample(path)[0]] == [0]
    info = probe(path)
    assert (info.frames, info.fps, info.duration_s) == (1, 10.0, 0.1)  # as the header's rate says


# --- Orientation and size -------------------------------------------------------------------------


def white_corner(width: int = 96, height: int = 64) -> np.ndarray:
    """Return a dark frame whose top left corner is white."""
    frame = np.full((height, width, 3), 30, np.uint8)
    frame[: height // 2, : width // 2] = 220
    return frame


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_rotation_flags_give_upright_frames(tmp_path: Path, clockwise: int) -> None:
    """The camera stored the frame turned the other way; upright, its top left is white."""
    stored = np.rot90(white_corner(), clockwise // 90)  # counter-clockwise
    path = write_video(tmp_path / "turned.mp4", [stored] * 3)
    turn(path, clockwise)
    info = probe(path)
    assert (info.width, info.height, info.rotation) == (96, 64, clockwise)
    for max_side in (4096, 48):
        (frame, *_), tally = take_sample(path, max_side=max_side)
        small = cv2.resize(frame.pixels, (2, 2), interpolation=cv2.INTER_AREA)[:, :, 0]
        assert (small > 127).tolist() == [[True, False], [False, False]]
        assert frame.pixels.shape == ((64, 96, 3) if max_side > 96 else (32, 48, 3))
        assert (tally.width, tally.height) == (96, 64)


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    """A DV camera's 72 stored columns of 16:15 pixels are as wide as 77 square ones."""
    path = write_video(tmp_path / "dv.mp4", [numbered(5, 72, 60)] * 3, aspect=Fraction(16, 15))
    assert (probe(path).width, probe(path).height) == (77, 60)
    frame = take_sample(path)[0][0]
    assert frame.pixels.shape == (60, 77, 3)
    assert number_of(frame.pixels) == 5


@pytest.mark.parametrize(
    ("size", "max_side", "shape"),
    [((64, 48), 64, (48, 64)), ((64, 48), 32, (24, 32)), ((66, 50), 33, (25, 33)), ((48, 640), 64, (64, 5))],
)
def test_max_side(tmp_path: Path, size: tuple[int, int], max_side: int, shape: tuple[int, int]) -> None:
    path = write_video(tmp_path / "v.mp4", [numbered(9, *size)] * 2)
    assert take_sample(path, max_side=max_side)[0][0].pixels.shape == (*shape, 3)


def test_odd_sides(tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.mkv", [numbered(7, 65, 51)] * 2, codec="ffv1")
    assert (probe(path).width, probe(path).height) == (65, 51)
    assert take_sample(path)[0][0].pixels.shape == (51, 65, 3)


# --- Damage ---------------------------------------------------------------------------------------


def panorama(count: int) -> list[np.ndarray]:
    """Return frames of a textured scene that moves, so that every frame has data to be damaged."""
    texture = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    scene = cv2.resize(texture, (160, 120), interpolation=cv2.INTER_CUBIC)
    return [np.roll(scene, index * 3, axis=1) for index in range(count)]


@pytest.mark.parametrize("bframes", ["0", "3"])
def test_a_damaged_stretch_is_counted_and_the_rest_is_untouched(tmp_path: Path, bframes: str) -> None:
    """Damage propagates to the next keyframe: it begins in the second of four seconds and ends with it."""
    path = write_video(tmp_path / "v.mp4", panorama(100), fps=25, g="25", bf=bframes)
    whole = {frame.frame: frame.pixels for frame in take_sample(path)[0]}
    damage(path, 0.4, 0.45)
    for step_s, wanted in ((0.001, 100), (0.2, 20)):
        frames, tally = take_sample(path, step_s=step_s)
        lost = sorted({p * 100 // wanted for p in range(wanted)} - {p.frame for p in frames})
        assert (tally.wanted, tally.corrupt) == (wanted, len(lost))
        assert 25 <= lost[0] < 35
        assert lost[-1] == 50 - 100 // wanted
        assert len(lost) >= wanted * 0.15
        touched = [p.frame for p in frames if not np.array_equal(p.pixels, whole[p.frame])]
        # Damage of the last bytes of a packet, the first one that is hit, is not detected by the decoder.
        assert len(touched) <= 1
        assert all(25 <= frame < 35 for frame in touched)


def test_noise_everywhere_raises_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", panorama(30), g="10")
    damage(path, 0.02, 1.0)
    frames, tally = take_sample(path)
    assert tally.wanted == 30 == len(frames) + tally.corrupt
    assert tally.corrupt >= 25


# --- Files that are not videos -----------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(EmoError) as caught:
        probe(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_still_is_a_video_of_one_frame_without_a_duration(tmp_path: Path) -> None:
    for suffix, codec in {".png": "png", ".jpg": "mjpeg", ".tiff": "tiff", ".bmp": "bmp"}.items():
        path = tmp_path / f"s{suffix}"
        path.write_bytes(cv2.imencode(suffix, numbered(1, 64, 48))[1].tobytes())
        assert probe_still(path) == VideoInfo(64, 48, 0.0, 0.0, 1, codec, 0)
        assert is_still_image(path)
        [frame], _ = take_sample(path)
        assert (frame.frame, frame.time_s, number_of(frame.pixels)) == (0, 0.0, 1)
    with pytest.raises(EmoError, match=r"v\.mp4: not a still image"):
        probe_still(write_video(tmp_path / "v.mp4"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_oriented_by_its_exif(tmp_path: Path, orientation: int) -> None:
    """Pillow's `exif_transpose` is the peer."""
    shades = np.kron(np.array([[0, 90], [160, 250], [40, 210]], np.uint8), np.ones((16, 16), np.uint8))
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / "s.jpg"
    Image.fromarray(shades).save(path, exif=exif, quality=95)
    with Image.open(path) as photo:
        expected = np.asarray(ImageOps.exif_transpose(photo)).astype(int)
    [frame], _ = take_sample(path)
    assert np.abs(frame.pixels[..., 0].astype(int) - expected).max() < 12


@pytest.mark.parametrize("name", ["s.jpg", "s.jpeg", "S.JPG", "jpeg_called.png"])
def test_a_large_jpeg_is_read_as_one_image(tmp_path: Path, name: str) -> None:
    """By name, FFmpeg reads a JPEG of more than 2 kB as a sequence, which yields nothing after seeking."""
    path = tmp_path / name
    noise = np.random.default_rng(1).integers(0, 256, (762, 562, 3), np.uint8)  # the size of KDEF
    path.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    assert path.stat().st_size > 2048
    assert probe_still(path) == VideoInfo(562, 762, 0.0, 0.0, 1, "mjpeg", 0)
    [frame], tally = take_sample(path)
    assert (frame.pixels.shape, tally.wanted, tally.corrupt) == ((762, 562, 3), 1, 0)


def test_a_name_that_looks_like_a_pattern_reads_no_other_file(tmp_path: Path) -> None:
    for name, number in {"p%03d.png": 5, "p000.png": 2}.items():
        (tmp_path / name).write_bytes(cv2.imencode(".png", numbered(number))[1].tobytes())
    [frame], _ = take_sample(tmp_path / "p%03d.png")
    assert number_of(frame.pixels) == 5


@pytest.mark.parametrize(
    ("options", "shade", "expected"),
    [
        ({"compression": "jpeg"}, np.uint8, "a TIFF compressed as JPEG, which cannot be decoded; convert it"),
        ({}, np.float32, "this kind of TIFF is not supported: convert it to PNG"),
    ],
)
def test_tiffs_that_cannot_be_decoded(
    tmp_path: Path, options: dict[str, str], shade: type, expected: str
) -> None:
    path = tmp_path / "s.tif"
    Image.fromarray(np.full((64, 64), 200, shade)).save(path, **options)
    with pytest.raises(EmoError, match=expected):
        probe_still(path)


def test_files_that_are_not_videos(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"")
    assert "empty (0 bytes)" in refused(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n")
    assert "git lfs pull" in refused(path)
    path.write_text("not a video\n" * 50)
    assert "cannot be decoded" in refused(path)
    path.write_bytes(cv2.imencode(".png", numbered(1))[1].tobytes())
    assert "a still image" in refused(path)
    path.write_bytes(cv2.imencode(".jpg", numbered(1))[1].tobytes())
    assert "a still image" in refused(path)
    path.unlink()
    assert "no video stream" in refused(write_sound(path))


@pytest.mark.parametrize("index_in_front", [False, True])
def test_truncated_copies(tmp_path: Path, index_in_front: bool) -> None:
    """Without its index (at the end of an MP4) nothing can be read; with it in front, frames are missing."""
    path = write_video(tmp_path / "v.mp4", panorama(50), g="10")
    if index_in_front:
        path = remuxed(path, tmp_path / "front.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    message = refused(path)
    assert any(
        words in message
        for words in ("truncated", "check that it is a complete video", "supply the complete original")
    )


def test_is_still_image(tmp_path: Path) -> None:
    assert not is_still_image(write_video(tmp_path / "v.mp4"))
    with pytest.raises(EmoError, match=r"sound\.mp4: "):
        is_still_image(write_sound(tmp_path / "sound.mp4"))


def remuxed(source: Path, target: Path) -> Path:
    """Copy an MP4 with its index in front, as for streaming."""
    import av

    with av.open(str(source)) as old, av.open(str(target), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return target


# --- Memory ---------------------------------------------------------------------------------------

MEASURE = """
import resource, sys
from pathlib import Path
from pipeline.video.decode import Sampling, Tally, sample
tally = Tally()
for _ in sample(Path(sys.argv[1]), Sampling(0, 1e9, 1.0, 640), tally): pass
print(tally.wanted, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks_kb = []
    for seconds in (10, 600):
        path = write_video(tmp_path / f"{seconds}.mp4", seconds * 10, preset="ultrafast", g="50")
        command = [sys.executable, "-c", MEASURE, str(path)]
        answer = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=True).stdout.split()
        assert int(answer[0]) == seconds
        peaks_kb.append(int(answer[1]))
    assert peaks_kb[1] - peaks_kb[0] < 10_000
