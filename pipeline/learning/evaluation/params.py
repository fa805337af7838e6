"""How a model is evaluated: params.yaml, section evaluate."""

from dataclasses import dataclass
from typing import Annotated

from pipeline.runtime.params import Checked, Within


@dataclass(frozen=True)
class EvaluateParams(Checked):
    """How the model is evaluated on the test subjects."""

    seed: Annotated[int, Within(0, 2**31 - 1)]
    "Seed of the resampling of subjects."
    resamples: Annotated[int, Within(100, 1_000_000)]
    "Number of cohorts drawn for the 95 % intervals."
    mistakes: Annotated[int, Within(1, 600)]
    "Largest number of images on the sheet of mistakes, the most confident first."
    calibration_bins: Annotated[int, Within(2, 100)]
    "Number of confidence bins of equal width for the calibration error."
