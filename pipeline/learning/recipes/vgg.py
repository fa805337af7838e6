"""A VGG for small images.

Of configuration A of Simonyan & Zisserman 2015 (1, 1, 2 and 2 convolutions of 3x3, each group followed by a
maximum of 2x2) the first four groups, with fewer maps than its 64, 128, 256 and 512, and one fully connected
layer of 128 units for its two of 4,096. The fifth group would leave 1x1 of 48x48. Batch normalisation, which
is younger than VGG, makes it learn in minutes.
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
