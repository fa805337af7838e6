"""Three blocks of two convolutions, with or without batch normalisation, to measure its effect."""

from dataclasses import dataclass

from pipeline.learning.recipes.groups import Groups


@dataclass(frozen=True)
class Bncnn(Groups):
    """The usual network of studies on FER2013: a block is two 3x3 convolutions and 2x2 max pooling."""

    NAME = "bncnn"
    CONVOLUTIONS = (2, 2, 2)
    SMALLEST_PX = 16
    SOURCE = (
        "batch normalisation: Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training "
        "by reducing internal covariate shift, ICML; pairs of 3x3 convolutions: Simonyan & Zisserman 2015; "
        "three such blocks, as in studies on FER2013"
    )
