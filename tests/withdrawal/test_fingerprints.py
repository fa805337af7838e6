"""Images and recordings are found at any offset in any file; similar ones are not."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.runtime.errors import EmoError
from pipeline.runtime.image_codec import encode_jpeg
from pipeline.withdrawal import fingerprints as module
from pipeline.withdrawal.fingerprints import Fingerprints, fingerprints, joined, load
from tests.support.erasure import JPEGS, PNGS, noise_image
from tests.support.making import write_video


def held(looked_for: Fingerprints, data: bytes) -> int:
    return looked_for.held_by(io.BytesIO(data))


@pytest.mark.parametrize("images", [JPEGS, PNGS], ids=["jpeg", "png"])
def test_an_image_is_found_and_another_is_not(images: list[bytes]) -> None:
    looked_for = fingerprints(images[:3], [])
    assert looked_for.count == 3
    assert held(looked_for, b"x" * 101 + images[1] + b"y" * 33) == 1
    assert held(looked_for, b"".join(images[3:])) == 0
    assert held(looked_for, b"".join(images)) == 3


def test_small_jpegs_of_one_quality_are_told_apart() -> None:
    """Their tables are equal, and can be half of the file."""
    small = [encode_jpeg(noise_image(seed, 48), 92) for seed in range(6)]
    looked_for = fingerprints(small[:3], [])
    assert looked_for.count == 3
    assert held(looked_for, b"".join(small[3:])) == 0
    assert held(looked_for, b"".join(small)) == 3


@settings(max_examples=30, deadline=None)
@given(before=st.binary(max_size=70), number=st.integers(0, 5))
def test_at_any_offset(before: bytes, number: int) -> None:
    assert held(fingerprints([PNGS[number]], []), before + PNGS[number]) == 1


def test_half_of_an_image_is_found() -> None:
    looked_for = fingerprints([JPEGS[0]], [])
    assert held(looked_for, JPEGS[0][len(JPEGS[0]) // 2 :]) == 1


def test_across_the_blocks_of_a_long_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 777)
    looked_for = fingerprints([PNGS[0]], [])
    assert held(looked_for, b"z" * 500 + PNGS[0] + b"z" * 5000) == 1


def test_recordings_are_found_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noisy = [[rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(20)] for _ in range(2)]
    one, other = (write_video(tmp_path / f"{i}.mp4", images) for i, images in enumerate(noisy))
    monkeypatch.setattr(module, "_PIECE", 1 << 14)
    looked_for = fingerprints([], [one])
    assert looked_for.count == 3
    assert held(looked_for, b"tar header" + one.read_bytes()) == looked_for.count
    assert held(looked_for, other.read_bytes()) == 0


def test_nothing_is_found_if_nothing_is_searched_for() -> None:
    assert held(fingerprints([], []), JPEGS[0]) == 0
    assert held(fingerprints([b"", b"short"], []), b"") == 0
    assert held(fingerprints([PNGS[0]], []), bytes(1 << 16)) == 0


def test_saved_and_joined(tmp_path: Path) -> None:
    assert load(tmp_path / "none.npz").count == 0
    fingerprints([PNGS[0]], []).save(tmp_path / "one.npz")
    both = joined(load(tmp_path / "one.npz"), fingerprints([PNGS[1]], []))
    assert both.count == 2
    assert [held(both, PNGS[i]) for i in range(3)] == [1, 1, 0]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_is_an_error_of_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "V01.npz"
    path.write_bytes(content)
    with pytest.raises(EmoError) as error:
        load(path)
    assert str(error.value) == f"{path}: damaged; remove it and rerun `emo withdraw V01 --yes`"
