from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import decode_colour, decode_grey, encode_jpeg, encode_png
from pipeline.video.stills import read_still


@pytest.fixture
def colour() -> np.ndarray:
    """A smooth (24, 30, 3) picture: blue, green and red rise along different ways."""
    y, x = np.mgrid[0:24, 0:30]
    return np.stack([x * 8, y * 10, 255 - x * 8], axis=2).astype(np.uint8)


def test_png_keeps_every_pixel(colour: np.ndarray) -> None:
    assert np.array_equal(decode_colour(encode_png(colour)), colour)
    assert np.array_equal(decode_grey(encode_png(colour[:, :, 0])), colour[:, :, 0])
    assert encode_png(colour) == encode_png(colour.copy())


def test_jpeg_is_near_and_smaller_with_less_quality(colour: np.ndarray) -> None:
    assert np.abs(decode_colour(encode_jpeg(colour, 95)).astype(int) - colour).mean() < 4
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    assert len(encode_jpeg(noise, 30)) < len(encode_jpeg(noise, 92))


def test_what_cannot_be_encoded_or_decoded(tmp_path: Path) -> None:
    with pytest.raises((ValueError, cv2.error)):
        encode_png(np.zeros((4, 4, 7), np.uint8))
    for data in (b"", b"not a picture"):
        with pytest.raises(EmoError, match="cannot be decoded"):
            decode_grey(data)
        (tmp_path / "p.png").write_bytes(data)
        with pytest.raises(EmoError, match=r"p\.png: "):
            read_still(tmp_path / "p.png")


def test_a_picture_file_is_read_from_any_name(tmp_path: Path, colour: np.ndarray) -> None:
    (tmp_path / "Zoë 漢字.png").write_bytes(encode_png(colour))
    assert np.array_equal(read_still(tmp_path / "Zoë 漢字.png"), colour)
