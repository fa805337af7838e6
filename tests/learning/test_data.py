"""Reading a split of the dataset into memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.learning.model.image_set import decode_png, read_images
from pipeline.runtime.errors import EmoError, NotBuiltError
from tests.support.drawn import draw_subject, write_dataset, write_shard

PAIR = ("happy", "neutral")


def test_pixels_labels_and_provenance_agree(tmp_path: Path) -> None:
    faces = draw_subject(3, PAIR, 2)
    write_shard(tmp_path, "train", "b", faces, PAIR)
    write_shard(tmp_path, "train", "a", faces[:1], PAIR)
    images = read_images("train", tmp_path)
    assert images.pixels.shape == (5, 1, 64, 64)
    assert images.labels.tolist() == [0, 0, 0, 1, 1]
    assert [row.subject for row in images.provenance] == ["a", "b", "b", "b", "b"]
    assert images.provenance[4].clip == "b_neutral"
    for pixels, (_, drawn) in zip(images.pixels[1:], faces, strict=True):
        assert np.array_equal(pixels[0], drawn)
    assert "64" in repr(images)
    assert "tensor" not in repr(images)


def test_rgb_keeps_the_order_of_its_channels(tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    write_shard(tmp_path, "train", "a", [("happy", red)], PAIR)
    images = read_images("train", tmp_path)
    assert images.channels == 3
    assert images.pixels[0, :, 5, 5].tolist() == [200, 0, 0]


def test_no_images(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError) as caught:
        read_images("test", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/test: no images; run `dvc repro dataset`, or enrol more subjects: "
        "with six or more subjects with detected faces, no split is empty"
    )
    write_shard(tmp_path, "test", "a", [], PAIR)
    with pytest.raises(NotBuiltError, match="/test: "):
        read_images("test", tmp_path)


def test_an_image_of_another_side_is_named(tmp_path: Path) -> None:
    faces = draw_subject(1, PAIR, 1)
    odd = [("happy", faces[0][1]), ("neutral", faces[1][1][:48, :48])]
    write_shard(tmp_path, "train", "a", odd, PAIR)
    with pytest.raises(EmoError, match=r"a_neutral/000001\.png: 48x48 pixels, grey, but .*64x64"):
        read_images("train", tmp_path)


def test_an_image_of_other_channels_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, "train", "a", draw_subject(1, PAIR, 1), PAIR)
    write_shard(tmp_path, "train", "b", [("happy", np.zeros((64, 64, 3), np.uint8))], PAIR)
    with pytest.raises(EmoError, match=r"64x64 pixels, RGB, but .*grey"):
        read_images("train", tmp_path)


def test_shards_of_other_classes(tmp_path: Path) -> None:
    write_shard(tmp_path, "train", "a", draw_subject(1, PAIR, 1), PAIR)
    write_shard(tmp_path, "train", "b", draw_subject(1, ("happy", "sad"), 1), ("happy", "sad"))
    with pytest.raises(EmoError, match=r"b\.parquet: .*happy, sad"):
        read_images("train", tmp_path)


def test_a_label_beyond_the_classes(tmp_path: Path) -> None:
    path = write_shard(tmp_path, "train", "a", draw_subject(1, PAIR, 1), PAIR)
    table = pq.read_table(path)
    labels = pa.array([0, 7], pa.int64())
    pq.write_table(table.set_column(table.schema.get_field_index("label"), "label", labels), path)
    with pytest.raises(EmoError, match=r"a\.parquet: label 7"):
        read_images("train", tmp_path)


def test_a_shard_without_class_names(tmp_path: Path) -> None:
    path = write_shard(tmp_path, "train", "a", draw_subject(1, PAIR, 1), PAIR)
    pq.write_table(pq.read_table(path).replace_schema_metadata(), path)
    with pytest.raises(EmoError, match=r"a\.parquet: .*classes"):
        read_images("train", tmp_path)


def test_a_broken_shard(tmp_path: Path) -> None:
    write_dataset(tmp_path, {"train": 1}, PAIR, each=1)
    (tmp_path / "train" / "p01.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(EmoError, match=r"p01\.parquet: "):
        read_images("train", tmp_path)


@pytest.mark.parametrize("png", [b"", b"\x89PNG\r\n\x1a\n broken"])
def test_a_broken_image(png: bytes) -> None:
    with pytest.raises(EmoError, match=r"^here: "):
        decode_png(png, "here")
