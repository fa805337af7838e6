"""A VGG for small images.

The first four groups of configuration A of Simonyan & Zisserman 2015 (1, 1, 2 and 2 convolutions of 3x3,
each group followed by 2x2 max pooling), with fewer maps than 64, 128, 256 and 512, and one fully connected
layer of 128 units in place of two of 4,096. A fifth group would reduce 48x48 to 1x1. Batch normalisation,
which is more recent than VGG, lets it train in minutes.
"""

from dataclasses import dataclass

from pipeline.learning.recipes.groups import Groups


@dataclass(frozen=True)
class Vgg(Groups):
    """The first four groups of VGG's configuration A, narrower."""

    NAME = "vgg"
    CONVOLUTIONS = (1, 1, 2, 2)
    SMALLEST_PX = 16
    SOURCE = (
        "Simonyan & Zisserman 2015, Very deep convolutional networks for large-scale image recognition, "
        "ICLR, configuration A; four of its five groups, fewer maps, one hidden layer, batch normalisation"
    )
