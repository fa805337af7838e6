"""The training loop: the whole recipe, from the images to the best weights."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from pipeline.learning.model.device import ahead, reproducible
from pipeline.learning.model.image_set import ImageSet
from pipeline.learning.model.inference import all_logits, build_model, check_side, shrink, to_float
from pipeline.learning.recipes.optimisation import new_optimiser, rate_share
from pipeline.learning.recipes.recipe import Recipe
from pipeline.learning.training.augmentation import augment
from pipeline.learning.training.params import TrainParams
from pipeline.runtime.errors import EmoError
from pipeline.schema.history import Epoch, best_epoch

_BATCHES_AT_ONCE = 8  # are augmented in one go: most of the time that a small batch takes is overhead


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

    Raises EmoError where the images are smaller than the net sees them, where a class has no training image,
    where weights to start from do not fit, where the loss is no longer a number, and where a batch does not
    fit the memory.
    """
    recipe = params.chosen
    check_side(recipe, training.side_px)
    with reproducible(params.seed, params.cpu_threads), _enough_memory(recipe, len(training)):
        model = build_model(recipe, len(training.classes), training.channels, start=True)
        return _fit(model.to(device), training, validation, params, watcher)


def _fit(
    model: nn.Sequential, training: ImageSet, validation: ImageSet, params: TrainParams, watcher: Watcher
) -> Trained:
    trainer, fit = Trainer(model, training, params), params.chosen.fit
    held_out = shrink(validation.pixels, params.chosen.input_px).to(trainer.device)
    labels = validation.labels.to(trainer.device)
    history: list[Epoch] = []
    best_weights, best_loss, best_at = model.state_dict(), math.inf, 0
    for epoch in range(1, fit.epochs + 1):
        params.chosen.ready(model, epoch)
        loss, accuracy = trainer.run_epoch(watcher)
        rate = trainer.learning_rate
        _check_finite(loss, epoch, rate, params.chosen)
        logits = all_logits(model, held_out)
        now = trainer.criterion(logits, labels).item()
        hits = (logits.argmax(1) == labels).float().mean().item()
        _check_finite(now, epoch, rate, params.chosen)
        history.append(Epoch(epoch, rate, loss, accuracy, now, hits, now < best_loss))
        watcher.epoch(history[-1])
        if now < best_loss:
            best_weights, best_loss, best_at = copy.deepcopy(model.state_dict()), now, epoch
        if epoch - best_at >= fit.patience:
            break
    model.load_state_dict(best_weights)
    return Trained(model, tuple(history))


@contextmanager
def _enough_memory(recipe: Recipe, images: int) -> Iterator[None]:
    """Turn the want of memory, the device's or the machine's, into an EmoError with a batch to try."""
    try:
        yield
    except RuntimeError as error:
        on_cpu = "DefaultCPUAllocator" in str(error)  # a GPU has an exception of its own for it
        if not on_cpu and not isinstance(error, torch.OutOfMemoryError):
            raise
        batch = min(recipe.fit.batch, images)
        raise EmoError(
            f"params.yaml: train: {recipe.NAME}: fit: batch: {batch} images of {recipe.input_px}x"
            f"{recipe.input_px} pixels do not fit the memory; try {max(1, batch // 2)}"
        ) from None


class Trainer:
    """A net with its images, optimiser, schedule and loss, which can run one epoch after another."""

    def __init__(self, model: nn.Module, training: ImageSet, params: TrainParams) -> None:
        self.model, self.params, self.fit = model, params, params.chosen.fit
        self.device = next(model.parameters()).device
        self.pixels = shrink(training.pixels, params.chosen.input_px).to(self.device)
        self.labels = training.labels.to(self.device)
        steps = math.ceil(len(training) / self.fit.batch) * self.fit.epochs
        self.optimiser = new_optimiser(model.parameters(), self.fit)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: rate_share(self.fit, step / steps)
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
        """See each image once, changed by chance; return the mean loss and the accuracy.

        What of the net learns, and how, is as `Recipe.ready` set it.
        """
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
        for images, labels in ahead(self._changed, order.split(self.fit.batch * _BATCHES_AT_ONCE)):
            batches = images.split(self.fit.batch), labels.split(self.fit.batch)
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


def _check_finite(loss: float, epoch: int, rate: float, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        highest = recipe.fit.learning_rate
        raise EmoError(
            f"params.yaml: train: {recipe.NAME}: fit: learning_rate: {highest}: the loss became {loss} in "
            f"epoch {epoch} at learning rate {rate:.3g}; try {highest / 10:.3g}"
        )
