"""The training loop: the whole recipe, from the images to the best weights."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from pipeline.core.errors import EmoError
from pipeline.core.params import check_choice, check_range
from pipeline.learning.augmentation import AugmentationParams, augment
from pipeline.learning.data import ImageSet
from pipeline.learning.device import ahead, reproducible
from pipeline.learning.history import Epoch, best_epoch
from pipeline.learning.models import SETTINGS, LenetParams, all_logits, build_model, shrink, to_float

_BATCHES_AT_ONCE = 8  # are augmented in one go: most of the time that a small batch takes is overhead


@dataclass(frozen=True)
class TrainParams:
    """The section `train` of params.yaml."""

    recipe: str
    "which net; its settings are in the section of the same name"
    input_px: int
    "side at which the net sees the faces; larger images are scaled down once, at the start"
    seed: int
    "of start weights, order, augmentation and dropout"
    cpu_threads: int
    "part of the result, hence here and not in the environment: see `reproducible`"
    epochs: int
    "at most"
    patience: int
    "epochs without a better validation loss before training stops"
    batch: int
    "images a step"
    learning_rate: float
    "the highest, after the warm-up"
    weight_decay: float
    "of AdamW (Loshchilov & Hutter 2019)"
    label_smoothing: float
    "share of the target spread over all classes"
    class_weights: bool
    "weigh classes by one over their number of training images"
    lenet: LenetParams
    augmentation: AugmentationParams

    def __post_init__(self) -> None:
        check_choice("recipe", self.recipe, SETTINGS)
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("input_px", self.input_px, 1, 4096)
        check_range("cpu_threads", self.cpu_threads, 1, 1024)
        for name in ("epochs", "patience", "batch"):
            check_range(name, getattr(self, name), 1, 1_000_000)
        check_range("learning_rate", self.learning_rate, 1e-8, 10)
        check_range("weight_decay", self.weight_decay, 0, 10)
        check_range("label_smoothing", self.label_smoothing, 0, 0.9)


class Watcher(Protocol):
    """Who is told how training goes on."""

    def step(self) -> None:
        """One batch is done."""

    def epoch(self, row: Epoch) -> None:
        """One epoch is done."""


@dataclass(frozen=True)
class Trained:
    """What training gives."""

    model: nn.Module
    "with the weights of the best epoch"
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the model has."""
        return best_epoch(self.history)


def train(
    training: ImageSet, validation: ImageSet, params: TrainParams, device: torch.device, watcher: Watcher
) -> Trained:
    """Train a net until the validation loss stops falling; return it with its best weights.

    The same images, params, device and versions of the libraries give the same weights on a CPU.

    Raises EmoError where a class has no training image, where the loss is no longer a number, and
    where a batch does not fit the GPU's memory.
    """
    with reproducible(params.seed, params.cpu_threads):
        model = build_model(
            params.recipe,
            getattr(params, params.recipe),
            classes=len(training.classes),
            input_px=params.input_px,
            channels=training.channels,
        ).to(device)
        try:
            return _fit(model, training, validation, params, watcher)
        except torch.cuda.OutOfMemoryError:
            raise EmoError(
                f"params.yaml: train: batch: {params.batch} does not fit the GPU's memory; "
                f"try {max(1, params.batch // 2)}"
            ) from None


def _fit(
    model: nn.Module, training: ImageSet, validation: ImageSet, params: TrainParams, watcher: Watcher
) -> Trained:
    trainer = Trainer(model, training, params)
    held_out = shrink(validation.pixels, params.input_px).to(trainer.device)
    labels = validation.labels.to(trainer.device)
    history: list[Epoch] = []
    best_weights, best_loss, best_at = model.state_dict(), math.inf, 0
    for epoch in range(1, params.epochs + 1):
        loss, accuracy = trainer.run_epoch(watcher)
        rate = trainer.learning_rate
        _check_finite(loss, epoch, rate, params)
        logits = all_logits(model, held_out)
        now = trainer.criterion(logits, labels).item()
        hits = (logits.argmax(1) == labels).float().mean().item()
        _check_finite(now, epoch, rate, params)
        history.append(Epoch(epoch, rate, loss, accuracy, now, hits, now < best_loss))
        watcher.epoch(history[-1])
        if now < best_loss:
            best_weights, best_loss, best_at = copy.deepcopy(model.state_dict()), now, epoch
        if epoch - best_at >= params.patience:
            break
    model.load_state_dict(best_weights)
    return Trained(model, tuple(history))


class Trainer:
    """A net with its images, optimiser, schedule and loss, which can run one epoch after another."""

    def __init__(self, model: nn.Module, training: ImageSet, params: TrainParams) -> None:
        self.model, self.params = model, params
        self.device = next(model.parameters()).device
        self.pixels = shrink(training.pixels, params.input_px).to(self.device)
        self.labels = training.labels.to(self.device)
        steps = math.ceil(len(training) / params.batch)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: warm_cosine(step / (steps * params.epochs))
        )
        weights = class_weights(training).to(self.device)  # always: it refuses an empty class
        self.weights = weights if params.class_weights else None
        # One generator on the CPU, one on the device: the order is the same on every device.
        self.order = Generator().manual_seed(params.seed)
        # The changes have one of their own, as they are drawn on another thread than dropout.
        self.chance = Generator(self.device).manual_seed(params.seed + 1)

    @property
    def learning_rate(self) -> float:
        """Of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Weighted, smoothed cross-entropy, the mean over a batch."""
        return functional.cross_entropy(
            logits, labels, self.weights, label_smoothing=self.params.label_smoothing
        )

    def run_epoch(self, watcher: Watcher) -> tuple[float, float]:
        """See each image once, changed by chance; return the mean loss and the accuracy."""
        self.model.train()
        losses, outputs, targets = [], [], []
        for images, labels in self._batches():
            loss, logits = self._step(images, labels)
            losses.append(loss)
            outputs.append(logits)
            targets.append(labels)
            watcher.step()
        # Once an epoch: reading waits for the GPU, and on a CPU each small operation costs.
        shares = torch.tensor([len(labels) / len(self.labels) for labels in targets], device=self.device)
        hits = torch.cat(outputs).argmax(1) == torch.cat(targets)
        return (torch.stack(losses) @ shares).item(), hits.float().mean().item()

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all images, changed, and their labels, in batches of random order."""
        order = torch.randperm(len(self.labels), generator=self.order).to(self.device)
        for images, labels in ahead(self._changed, order.split(self.params.batch * _BATCHES_AT_ONCE)):
            batches = images.split(self.params.batch), labels.split(self.params.batch)
            yield from zip(*batches, strict=True)

    def _changed(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images at positions `chosen`, changed by chance, and their labels."""
        images = augment(to_float(self.pixels[chosen]), self.params.augmentation, self.chance)
        return images.contiguous(memory_format=torch.channels_last), self.labels[chosen]

    def _step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Learn from one batch; return its loss and its logits."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.model(images).float()
        loss = self.criterion(logits, labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        return loss.detach(), logits.detach()


def warm_cosine(progress: float) -> float:
    """Share of the learning rate at `progress` 0..1 of all steps: up over 5 %, then half a cosine."""
    if progress < 0.05:
        return 0.05 + 0.95 * progress / 0.05
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - 0.05) / 0.95)))


def class_weights(images: ImageSet) -> Tensor:
    """Return (classes,) float32: one over the class's images, scaled so that its mean over images is 1.

    Raises EmoError where a class has no image.
    """
    counts = torch.bincount(images.labels, minlength=len(images.classes))
    for name, count in zip(images.classes, counts.tolist(), strict=True):
        if not count:
            raise EmoError(
                f"data/dataset/train: no image of class {name!r}; enrol clips that show it or "
                "take it out of dataset: expressions in params.yaml"
            )
    return len(images) / (len(images.classes) * counts.float())


def _check_finite(loss: float, epoch: int, rate: float, params: TrainParams) -> None:
    if not math.isfinite(loss):
        raise EmoError(
            f"params.yaml: train: learning_rate: {params.learning_rate}: the loss became {loss} in "
            f"epoch {epoch} at learning rate {rate:.3g}; try {params.learning_rate / 10:.3g}"
        )
