"""The settings of the dataset: its classes, and whether consent is required."""

from dataclasses import dataclass
from typing import Annotated

from pipeline.runtime.params import Checked, OneOf, load_params
from pipeline.runtime.paths import PARAMS
from pipeline.schema.expressions import EXPRESSIONS, check_label, near_miss
from pipeline.schema.participants import NOTED, REQUIRED


@dataclass(frozen=True)
class DatasetParams(Checked):
    """Which labels are the classes of the dataset, and which participants it may show."""

    expressions: tuple[str, ...]
    """The classes of the dataset, two or more: any of the seven expressions, and labels of your own (1 to 32
    of a-z, 0-9, _ and -). Clips of other labels are counted but give no image; labels without a clip are no
    classes."""
    consent: Annotated[str, OneOf((NOTED, REQUIRED))]
    """Whether participants whose consent is unknown give images: `noted` includes and names them, `required`
    leaves them out."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.expressions:
            check_label("expressions", name)
            if meant := near_miss(name, EXPRESSIONS):
                raise ValueError(f"expressions: {name!r}: did you mean {meant}?")
        if len(set(self.expressions)) != len(self.expressions) or len(self.expressions) < 2:
            raise ValueError(f"expressions: {list(self.expressions)} are not two or more different ones")


def declared_labels() -> tuple[str, ...]:
    """Return the labels of `dataset: expressions` in params.yaml; none if there is no params.yaml."""
    return load_params("dataset", DatasetParams).expressions if PARAMS.exists() else ()


def consent_rule() -> str:
    """Return `dataset: consent` of params.yaml, `noted` or `required`."""
    return load_params("dataset", DatasetParams).consent
