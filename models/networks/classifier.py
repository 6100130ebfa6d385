"""A small convolutional image classifier whose last hidden layer provides the features of distances between images."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDEST = 128


class Classifier(nn.Module):
    """Images [N, channels, R, R] in [-1, 1], R a power of two from 8, to one score per class [N, classes].

    Strided 3x3 convolutions with batch normalisation halve the side down to 4 px, widening from `width` to
    `WIDEST` channels; the mean over the remaining positions is the feature vector [N, `size`]. Call `eval()` before
    use, so that the result for an image does not depend on its batch.
    """

    def __init__(self, side: int, classes: int, width: int = 32, channels: int = 3) -> None:
        super().__init__()
        halvings = round(math.log2(side)) - 2
        if side != 4 * 2**halvings or halvings < 1:
            raise ValueError(f"a classifier needs a side that is a power of two from 8, not {side} px")
        widths = [channels, *(min(width * (number + 1), WIDEST) for number in range(halvings)), WIDEST]
        strides = [2] * halvings + [1]
        self.blocks = nn.Sequential(
            *(Block(a, b, stride) for a, b, stride in zip(widths[:-1], widths[1:], strides, strict=True))
        )
        self.scores = nn.Linear(WIDEST, classes)
        self.side, self.classes, self.width, self.channels, self.size = side, classes, width, channels, WIDEST

    def features(self, images: Tensor) -> Tensor:
        """The features from which the scores are computed, [N, size]; they are not negative."""
        x = images.contiguous(memory_format=torch.channels_last)
        maps: Tensor = self.blocks(x)
        return maps.mean(dim=(2, 3))

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.features(images))
        return scores


class Block(nn.Module):
    """A convolution, batch normalisation and ReLU."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.convolve = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=False)
        self.normalise = nn.BatchNorm2d(outside)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.normalise(self.convolve(x)))


def classifier_from_state(state: Mapping[str, Tensor], side: int) -> Classifier:
    """The classifier with these weights, in eval mode. The weights do not show `side`, so it must be given."""
    width, channels = state["blocks.0.convolve.weight"].shape[:2]
    classifier = Classifier(side, int(state["scores.weight"].shape[0]), int(width), int(channels))
    classifier.load_state_dict(dict(state))
    return classifier.eval()
