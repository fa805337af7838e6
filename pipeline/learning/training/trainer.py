"""Training: from the images to the weights of the best epoch."""

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

_AUGMENTED_BATCHES = 8
"""Number of batches augmented at once: for one small batch, most of the time is overhead."""


class Callback(Protocol):
    """Receives the progress of a training."""

    def step(self) -> None:
        """Called after each batch."""

    def epoch(self, row: Epoch) -> None:
        """Called after each epoch, with its row of the history."""


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and the history of its training."""

    model: nn.Module
    "The model with the weights of the best epoch."
    history: tuple[Epoch, ...]
    "All epochs run, in order."

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the model has."""
        return best_epoch(self.history)


def train(
    training: ImageSet,
    validation: ImageSet,
    params: TrainParams,
    device: torch.device,
    callback: Callback,
) -> TrainingResult:
    """Train a model until the validation loss stops falling, and keep the weights of its best epoch.

    On a CPU, the same images, params and library versions give the same weights to the byte.

    Raises EmoError if the images are smaller than the model's input, a class has no training image,
    pretrained weights do not fit, the loss is no longer finite, or a batch does not fit into memory.
    """
    recipe = params.chosen
    check_side(recipe, training.side_px)
    with reproducible(params.seed, params.cpu_threads), _memory_errors(recipe, len(training)):
        model = build_model(recipe, len(training.classes), training.channels, initialise=True)
        trainer = Trainer(model.to(device), training, params)
        history = _run_epochs(trainer, validation, callback)
    return TrainingResult(model, tuple(history))


def _run_epochs(trainer: "Trainer", validation: ImageSet, callback: Callback) -> list[Epoch]:
    """Train epoch by epoch with early stopping; leave the model with the weights of the best epoch."""
    model, recipe = trainer.model, trainer.params.chosen
    pixels = shrink(validation.pixels, recipe.input_px).to(trainer.device)
    labels = validation.labels.to(trainer.device)
    history: list[Epoch] = []
    best_weights, best_loss, best_at = model.state_dict(), math.inf, 0
    for epoch in range(1, recipe.fit.epochs + 1):
        recipe.begin_epoch(model, epoch)
        train_loss, train_accuracy = trainer.run_epoch(callback)
        rate = trainer.learning_rate
        _check_finite(train_loss, epoch, rate, recipe)
        loss, accuracy = trainer.evaluate(pixels, labels)
        _check_finite(loss, epoch, rate, recipe)
        history.append(Epoch(epoch, rate, train_loss, train_accuracy, loss, accuracy, loss < best_loss))
        callback.epoch(history[-1])
        if loss < best_loss:
            best_weights, best_loss, best_at = copy.deepcopy(model.state_dict()), loss, epoch
        if epoch - best_at >= recipe.fit.patience:
            break
    model.load_state_dict(best_weights)
    return history


class Trainer:
    """A model with its training images, optimiser, schedule and loss; runs one epoch at a time."""

    def __init__(self, model: nn.Sequential, training: ImageSet, params: TrainParams) -> None:
        self.model, self.params, self.fit = model, params, params.chosen.fit
        self.device = next(model.parameters()).device
        self.pixels = shrink(training.pixels, params.chosen.input_px).to(self.device)
        self.labels = training.labels.to(self.device)
        steps = math.ceil(len(training) / self.fit.batch) * self.fit.epochs
        self.optimiser = new_optimiser(model.parameters(), self.fit)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser, lambda step: rate_share(self.fit, step / steps)
        )
        weights = class_weights(training).to(self.device)  # always computed: it raises for an empty class
        self.weights = weights if params.class_weights else None
        # The order is drawn on the CPU, so that it is the same on every device.
        self.order_generator = Generator().manual_seed(params.seed)
        # Augmentation runs on another thread than dropout, so it has a generator of its own.
        self.augmentation_generator = Generator(self.device).manual_seed(params.seed + 1)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the last step."""
        return float(self.optimiser.param_groups[0]["lr"])

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted, smoothed cross-entropy, averaged over a batch."""
        return functional.cross_entropy(
            logits, labels, self.weights, label_smoothing=self.params.label_smoothing
        )

    def evaluate(self, pixels: Tensor, labels: Tensor) -> tuple[float, float]:
        """Return loss and accuracy on unchanged images (n, channels, input_px, input_px) uint8."""
        logits = all_logits(self.model, pixels)
        return self.criterion(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()

    def run_epoch(self, callback: Callback) -> tuple[float, float]:
        """Train on each image once, augmented; return the mean loss and the accuracy.

        `Recipe.begin_epoch` sets the training mode beforehand.
        """
        losses, outputs, targets = [], [], []
        for images, labels in self._batches():
            loss, logits = self._step(images, labels)
            losses.append(loss)
            outputs.append(logits)
            targets.append(labels)
            callback.step()
        # Read once per epoch: reading waits for the GPU, and on a CPU every small operation has a cost.
        shares = torch.tensor([len(labels) / len(self.labels) for labels in targets], device=self.device)
        hits = torch.cat(outputs).argmax(1) == torch.cat(targets)
        return (torch.stack(losses) @ shares).item(), hits.float().mean().item()

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all images, augmented, and their labels, in batches of random order."""
        order = torch.randperm(len(self.labels), generator=self.order_generator).to(self.device)
        for images, labels in ahead(self._augmented, order.split(self.fit.batch * _AUGMENTED_BATCHES)):
            batches = images.split(self.fit.batch), labels.split(self.fit.batch)
            yield from zip(*batches, strict=True)

    def _augmented(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the images at some positions, augmented, and their labels."""
        images = to_float(self.pixels[positions])
        images = augment(images, self.params.augmentation, self.augmentation_generator)
        return images.contiguous(memory_format=torch.channels_last), self.labels[positions]

    def _step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Update the weights by one batch; return its loss and logits."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits = self.model(images).float()
        loss = self.criterion(logits, labels)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.schedule.step()
        return loss.detach(), logits.detach()


def class_weights(images: ImageSet) -> Tensor:
    """Return (classes,) float32: inverse class frequencies, scaled to a mean of 1 over the images.

    Raises EmoError if a class has no image.
    """
    counts = torch.bincount(images.labels, minlength=len(images.classes))
    for name, count in zip(images.classes, counts.tolist(), strict=True):
        if not count:
            raise EmoError(
                f"data/dataset/train: no image of class {name!r}; enrol clips of it, or "
                "remove it from dataset: expressions in params.yaml"
            )
    return len(images) / (len(images.classes) * counts.float())


@contextmanager
def _memory_errors(recipe: Recipe, images: int) -> Iterator[None]:
    """Turn PyTorch's out-of-memory errors, of GPU and CPU, into an EmoError that suggests a batch."""
    try:
        yield
    except RuntimeError as error:
        on_cpu = "DefaultCPUAllocator" in str(error)  # only the GPU has an exception class of its own for it
        if not on_cpu and not isinstance(error, torch.OutOfMemoryError):
            raise
        batch = min(recipe.fit.batch, images)
        raise EmoError(
            f"params.yaml: train: {recipe.NAME}: fit: batch: {batch} images of {recipe.input_px}x"
            f"{recipe.input_px} pixels do not fit into memory; try {max(1, batch // 2)}"
        ) from None


def _check_finite(loss: float, epoch: int, rate: float, recipe: Recipe) -> None:
    if not math.isfinite(loss):
        highest = recipe.fit.learning_rate
        raise EmoError(
            f"params.yaml: train: {recipe.NAME}: fit: learning_rate: {highest}: the loss became {loss} in "
            f"epoch {epoch} at learning rate {rate:.3g}; try {highest / 10:.3g}"
        )
