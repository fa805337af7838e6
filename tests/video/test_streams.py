"""Which of several video streams is used."""

from pathlib import Path

import av
import cv2
import pytest
from av.stream import Disposition

from pipeline.video.probe import probe
from pipeline.video.unusable import UnusableError
from tests.support.making import numbered, take_sample
from tests.support.remuxing import write_streams


def flagged(source: Path, target: Path, default: int | None) -> Path:
    """Copy a video; only the stream `default` is flagged as such."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for index, stream in streams.items():
            stream.disposition = Disposition.default if index == default else Disposition(0)
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                new.mux(packet)
    return target


@pytest.mark.parametrize("default", [0, 1])
def test_the_stream_flagged_as_default_is_used_with_a_note(tmp_path: Path, default: int) -> None:
    both = write_streams(tmp_path / "both.mp4", (64, 30, 0.0), (96, 30, 0.0))
    path = flagged(both, tmp_path / "v.mkv", default)
    side = (64, 96)[default]
    info = probe(path)
    assert info.width == side
    assert info.notes == (f"2 video streams (64x64, 96x96); the default one ({side}x{side}) is used",)
    assert {frame.pixels.shape for frame in take_sample(path)[0]} == {(side, side, 3)}


def test_a_camera_beside_a_screen_is_refused_if_neither_is_the_default(tmp_path: Path) -> None:
    both = write_streams(tmp_path / "both.mp4", (64, 30, 0.0), (96, 30, 0.0))
    with pytest.raises(UnusableError) as caught:
        probe(flagged(both, tmp_path / "v.mkv", None))
    assert "2 video streams (64x64, 96x96), 0 of them flagged as default; extract the one" in str(
        caught.value
    )


def test_cover_art_is_no_video_stream(tmp_path: Path) -> None:
    source, path = write_streams(tmp_path / "v.mp4", (64, 30, 0.0)), tmp_path / "cover.mp4"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        stream, cover = new.add_stream_from_template(old.streams.video[0]), new.add_stream("mjpeg")
        cover.width = cover.height = 96
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        art = av.Packet(cv2.imencode(".jpg", numbered(3, 96, 96))[1].tobytes())
        art.stream, art.pts, art.dts, art.time_base = cover, 0, 0, stream.time_base
        new.mux(art)
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert (probe(path).width, probe(path).notes) == (64, ())
