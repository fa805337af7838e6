"""The trainer, on small drawn sets."""

import dataclasses
import random
import time
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.model.inference import all_logits, build_model, shrink
from pipeline.learning.training import trainer as trainer_module
from pipeline.learning.training.augmentation import augment
from pipeline.learning.training.trainer import Trainer, class_weights
from pipeline.runtime.errors import EmoError
from tests.support.trainings import CLASSES, LENET, OFF, PARAMS, Log, drawn_images, params_with, trained


def weights(**changes: object) -> list[Tensor]:
    model = trained(drawn_images(1, 2), drawn_images(3), epochs=2, **changes).model
    return list(model.state_dict().values())


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_it_learns_a_small_set_by_heart() -> None:
    images, log = drawn_images(1, 2, 3), Log()
    result = trained(images, images, log, epochs=25, patience=25)
    assert result.best.validation_accuracy == 1
    assert result.best.validation_loss < 0.1
    assert log.steps == 2 * len(result.history)  # 27 images in batches of 16
    assert tuple(log.rows) == result.history


def test_the_seed_decides_alone() -> None:
    changes = {
        "augmentation": dataclasses.replace(OFF, flip=True, rotate_deg=10, noise=0.05),
        "recipe": dataclasses.replace(LENET, dropout=0.3),
    }
    first = weights(**changes)
    torch.rand(3)  # the global generator's state is no input
    assert same(first, weights(**changes))
    assert not same(first, weights(seed=1, **changes))


def test_the_timing_of_the_second_thread_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {
        "augmentation": dataclasses.replace(OFF, rotate_deg=10, elastic=0.03, noise=0.05),
        "recipe": dataclasses.replace(LENET, dropout=0.3),
        "batch": 2,  # 18 images: two goes of augmentation an epoch
    }
    first = weights(**changes)

    def slow(*arguments: Any) -> Tensor:
        time.sleep(random.random() / 50)
        return augment(*arguments)

    monkeypatch.setattr(trainer_module, "augment", slow)
    assert same(first, weights(**changes))


def test_an_error_of_the_second_thread_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Tensor:
        raise RuntimeError("broken augmentation")

    monkeypatch.setattr(trainer_module, "augment", broken)
    with pytest.raises(RuntimeError, match="broken augmentation"):
        weights()


def test_an_epoch_sees_each_image_once_with_its_label() -> None:
    pixels = torch.arange(45, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 32, 32).contiguous()
    images = ImageSet(pixels, torch.arange(45) % 3, CLASSES, ())
    trainer = Trainer(build_model(LENET, classes=3, channels=1), images, params_with(batch=2))
    epochs = [list(trainer._batches()) for _ in range(2)]
    orders = [[round(image.mean().item() * 255) for batch, _ in one for image in batch] for one in epochs]
    labels = torch.cat([labels for _, labels in epochs[0]]).tolist()
    assert [len(labels) for _, labels in epochs[0]] == [2] * 22 + [1]
    assert sorted(orders[0]) == list(range(45))
    assert orders[0] != orders[1]
    assert labels == [number % 3 for number in orders[0]]


def test_training_leaves_the_global_state_alone() -> None:
    threads, before = torch.get_num_threads(), torch.random.get_rng_state()
    weights()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), before)


def test_early_stopping_restores_the_best_weights() -> None:
    training = drawn_images(1, 2)
    # Reversed labels: the better the training, the worse the validation.
    wrong = dataclasses.replace(training, labels=2 - training.labels)
    result = trained(training, wrong, epochs=60, patience=5)
    assert len(result.history) < 60
    assert len(result.history) == result.best.epoch + 5
    assert result.best.validation_loss == min(row.validation_loss for row in result.history)
    logits = all_logits(result.model, shrink(wrong.pixels, 32))
    loss = torch.nn.functional.cross_entropy(logits, wrong.labels).item()
    assert loss == pytest.approx(result.best.validation_loss, rel=1e-5)


def some(images: ImageSet, chosen: list[int]) -> ImageSet:
    rows = tuple(images.provenance[i] for i in chosen)
    return ImageSet(images.pixels[chosen], images.labels[chosen], images.classes, rows)


def test_class_weights_make_classes_count_alike() -> None:
    images = some(drawn_images(1), [0, 0, 0, 0, 3, 3, 6, 6])  # 4, 2 and 2 images
    found = class_weights(images)
    assert found.tolist() == pytest.approx([8 / 12, 8 / 6, 8 / 6])
    assert (found * torch.tensor([4, 2, 2])).tolist() == pytest.approx([8 / 3] * 3)


def test_class_weights_change_the_loss() -> None:
    images = some(drawn_images(1), [0, 0, 0, 0, 3, 3, 6, 6])
    plain, weighted = (trained(images, images, epochs=1, class_weights=on).best for on in (False, True))
    assert plain.train_loss != weighted.train_loss


def test_a_class_without_images() -> None:
    with pytest.raises(EmoError, match=r"^data/dataset/train: .*'happy'"):
        class_weights(some(drawn_images(1), [0, 1, 6]))
    with pytest.raises(EmoError, match=r"^data/dataset/train: .*'happy'"):
        trained(some(drawn_images(1), [0, 1, 6]), drawn_images(2), class_weights=False)


def test_a_loss_that_is_no_number_stops_with_epoch_and_rate() -> None:
    wild = {"learning_rate": 10.0, "weight_decay": 10.0, "epochs": 200, "patience": 200}
    with pytest.raises(EmoError, match=r"lenet: fit: learning_rate: 10\.0: .*epoch \d+.*; try 1$"):
        trained(drawn_images(1), drawn_images(2), **wild)


def test_two_classes_and_tanh() -> None:
    lenet = dataclasses.replace(LENET, activation="tanh", pooling="average")
    pair = ("happy", "neutral")
    images = drawn_images(1, 2, classes=pair, each=4)
    result = trained(images, drawn_images(3, classes=pair), recipe=lenet, label_smoothing=0.1, epochs=3)
    assert all_logits(result.model, shrink(images.pixels, 32)).shape == (16, 2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", -1), ("cpu_threads", 0), ("label_smoothing", 1.0)],
)
def test_settings_out_of_range(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        dataclasses.replace(PARAMS, **{name: value})
