"""How a model is evaluated: params.yaml, section evaluate."""

from dataclasses import dataclass

from pipeline.runtime.params import check_range


@dataclass(frozen=True)
class EvaluateParams:
    """The section `evaluate` of params.yaml."""

    seed: int
    "Seed of the resampling of subjects, 0..2147483647."
    resamples: int
    "Number of cohorts drawn for the 95 % intervals, 100..1000000."
    mistakes: int
    "Largest number of images on the sheet of mistakes, the most confident first, 1..600."
    calibration_bins: int
    "Number of confidence bins of equal width for the calibration error, 2..100."

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0, 2**31 - 1)
        check_range("resamples", self.resamples, 100, 1_000_000)
        check_range("mistakes", self.mistakes, 1, 600)
        check_range("calibration_bins", self.calibration_bins, 2, 100)
