import cv2
import numpy as np
import pytest

from pipeline.dataset.near_duplicates.search import near_pairs
from pipeline.faces import perceptual_hash as phash
from pipeline.runtime.image_codec import as_grey
from tests.support.faces import PORTRAIT_FACE, portrait

DISTANCE = 31


def drawn_face(seed: int) -> np.ndarray:
    """Return a face of ellipses, ``(64, 64) uint8``; another seed is another person in another light."""
    rng = np.random.default_rng(seed)
    light = np.add.outer(np.linspace(0, rng.uniform(-40, 40), 256), np.linspace(0, 60, 256))
    face = np.clip(60 + light, 0, 255).astype(np.uint8)
    side, eye_y, mouth_y, nose_x = rng.integers(-14, 15, 4)
    cv2.ellipse(face, (128, 128), (84 + side, 110), 0, 0, 360, 180, -1)
    for x in (90 - side // 2, 166 + side // 2):
        cv2.ellipse(face, (x, 104 + eye_y), (18, 8 + abs(side) // 2), 0, 0, 360, 40, -1)
        cv2.ellipse(face, (x, 80 + eye_y), (24, 4), float(side), 0, 360, 70, -1)
    cv2.ellipse(face, (128 + nose_x, 140), (10, 24), 0, 0, 360, 150, -1)
    cv2.ellipse(face, (128, 190 + mouth_y), (34 + side, 10 + abs(nose_x) // 2), 0, 0, 360, 90, -1)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (256, 256)), (0, 0), 8)
    return cv2.resize(
        np.clip(face + texture, 0, 255).astype(np.uint8), (64, 64), interpolation=cv2.INTER_AREA
    )


def copies(face: np.ndarray) -> dict[str, np.ndarray]:
    """Return copies of a face by name, as recompression, rescaling and other light make them."""

    def light(gain: float, gamma: float) -> np.ndarray:
        return np.clip(gain * 255 * (face / 255) ** gamma + 0.5, 0, 255).astype(np.uint8)

    def jpeg(quality: int) -> np.ndarray:
        coded = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)

    def through(side: int) -> np.ndarray:
        there, back = (cv2.INTER_AREA, cv2.INTER_LINEAR)[:: 1 if side < 64 else -1]
        resized = cv2.resize(face, (side, side), interpolation=there)
        return cv2.resize(resized, (64, 64), interpolation=back)

    return {
        **{f"gain {gain}": light(gain, 1.0) for gain in (0.7, 1.3)},
        **{f"gamma {gamma}": light(1.0, gamma) for gamma in (0.7, 1.4)},
        **{f"jpeg {quality}": jpeg(quality) for quality in (30, 70, 95)},
        **{f"through {side} px": through(side) for side in (32, 128)},
    }


def real_face() -> np.ndarray:
    """Return the face of the portrait, cropped as its box says, (64, 64) uint8."""
    x, y, width = PORTRAIT_FACE
    half = width // 2
    crop = as_grey(portrait())[y - half : y + half, x - half : x + half]
    return cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_of_a_drawn_face_is_near(seed: int) -> None:
    face = drawn_face(seed)
    original = phash.perceptual_hash(face)
    for name, copy in copies(face).items():
        assert phash.hamming(original, phash.perceptual_hash(copy)) <= DISTANCE, name


def test_drawn_faces_of_different_people_are_apart() -> None:
    hashes = phash.perceptual_hashes([drawn_face(seed) for seed in range(30)])
    assert len(near_pairs(hashes, DISTANCE)[0]) == 0


def test_copies_of_a_real_face_are_near() -> None:
    original = phash.perceptual_hash(real_face())
    for name, copy in copies(real_face()).items():
        assert phash.hamming(original, phash.perceptual_hash(copy)) <= DISTANCE, name


def test_a_real_face_is_apart_from_drawn_ones_and_from_its_mirror_image() -> None:
    faces = [real_face(), real_face()[:, ::-1], *(drawn_face(seed) for seed in range(30))]
    hashes = phash.perceptual_hashes([np.ascontiguousarray(face) for face in faces])
    assert phash.hamming(hashes[0], hashes[1:]).min() > DISTANCE


def test_one_by_one_equals_the_batch() -> None:
    faces = [cv2.resize(drawn_face(seed), (40 + 9 * seed, 64 + seed)) for seed in range(6)]
    batch = phash.perceptual_hashes(faces)
    assert batch.shape == (6, phash.WORDS)
    assert batch.dtype == np.uint64
    np.testing.assert_array_equal(batch, [phash.perceptual_hash(face) for face in faces])


@pytest.mark.parametrize("shape", [(32, 32), (64, 64), (96, 64), (128, 128), (50, 64), (31, 31)])
def test_crops_of_one_size_are_hashed_as_one_by_one(shape: tuple[int, int]) -> None:
    faces = [cv2.resize(drawn_face(seed), shape[::-1]) for seed in range(7)]
    expected = [phash.perceptual_hash(face) for face in faces]
    np.testing.assert_array_equal(phash.perceptual_hashes(faces), expected)
    np.testing.assert_array_equal(phash.perceptual_hashes(np.stack(faces)), expected)


def test_no_crops_give_no_hashes() -> None:
    assert phash.perceptual_hashes([]).shape == (0, phash.WORDS)


def test_bytes_round_trip() -> None:
    hashes = np.random.default_rng(4).integers(0, 2**64, (9, phash.WORDS), np.uint64)
    rows = phash.hash_bytes(hashes)
    assert {len(row) for row in rows} == {32}
    np.testing.assert_array_equal(phash.hashes_from_bytes(rows), hashes)
    assert phash.hashes_from_bytes([]).shape == (0, phash.WORDS)


def test_a_colour_crop_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(64, 64, 3\)"):
        phash.perceptual_hash(np.zeros((64, 64, 3), np.uint8))
