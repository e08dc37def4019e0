"""What is measured: networks, layers, numbers of units, and the settings that all systems share."""

import dataclasses

IMAGE_PIXELS = 128
CANVAS_PIXELS = 140  # 128, a border of 12 on each side, less two jitters of 8 and 4
USUAL_PIXELS = 224  # what both networks were trained on
LEARNING_RATE = 0.05
THREADS = 2

# Output channels: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection (table 1 of the paper).
INCEPTION_MODULES = {
    "inception_3a": (64, 96, 128, 16, 32, 32),
    "inception_3b": (128, 128, 192, 32, 96, 64),
    "inception_4a": (192, 96, 208, 16, 48, 64),
    "inception_4b": (160, 112, 224, 24, 64, 64),
    "inception_4c": (128, 128, 256, 24, 64, 64),
    "inception_4d": (112, 144, 288, 32, 64, 64),
    "inception_4e": (256, 160, 320, 32, 128, 128),
    "inception_5a": (256, 160, 320, 32, 128, 128),
    "inception_5b": (384, 192, 384, 48, 128, 128),
}

# Blocks, kernel size, stride of the first block, expansion, channels.
LITE0_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


@dataclasses.dataclass(frozen=True)
class Case:
    """Some units of a layer of a network.

    Attributes:
        network: A name that `jaxviz.load` takes.
        layer: The layer's name in jaxviz; "output" for the class logits.
        units: How many units are climbed at once: the first ones.
    """

    network: str
    layer: str
    units: int

    def __str__(self) -> str:
        return f"{self.network} {self.layer}, {self.units} unit{'s' * (self.units != 1)}"


LAYERS = (
    ("googlenet", "inception_4a"),
    ("googlenet", "output"),
    ("efficientnet_lite0", "stage5/block2/expand"),
    ("efficientnet_lite0", "output"),
)
