"""Ten measures of an image that need no learning, each a differentiable regressor.

They are the factors by which GANalyze (Goetschalckx et al. 2019, section 3.2) explains a score, and regressors in their
own right. The colour measures of a grey image are zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from models.errors import ModelFailed
from models.regressors.protocol import RegressorCard, RegressorSpec

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
TINY = 1e-6
SMALLEST = 16  # pixels a side
BINS = 32
FRAME = 16  # the frame is this fraction of the side
DISTINCT = 0.15  # colour distance from the frame at which the salience is one half
VERSION = 1  # of the formulas below: part of the fingerprints


def brightness(rgb: Tensor) -> Tensor:
    """Mean luma."""
    return luma(rgb).mean(dim=(1, 2))


def contrast(rgb: Tensor) -> Tensor:
    """Standard deviation of luma over the image (RMS contrast)."""
    return _root(luma(rgb).var(dim=(1, 2), unbiased=False))


def colourfulness(rgb: Tensor) -> Tensor:
    """Hasler and Süsstrunk 2003, section 6, on values of 0 to 255: about 0 to 110."""
    red, green, blue = (rgb * 255).unbind(1)
    across, along = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = _root(across.var(dim=1, unbiased=False) + along.var(dim=1, unbiased=False))
    return spread + 0.3 * _root(across.mean(dim=1).square() + along.mean(dim=1).square())


def redness(rgb: Tensor) -> Tensor:
    """Red minus the mean of green and blue, on average."""
    red, green, blue = rgb.unbind(1)
    return (red - (green + blue) / 2).mean(dim=(1, 2))


def saturation(rgb: Tensor) -> Tensor:
    """Mean HSV saturation: (max - min) / max of each pixel."""
    high, low = rgb.amax(dim=1), rgb.amin(dim=1)
    return ((high - low) / high.clamp_min(1 / 255)).mean(dim=(1, 2))


def entropy(rgb: Tensor) -> Tensor:
    """Entropy of luma in bits, from a soft histogram of 32 bins: each pixel counts in the two nearest bins."""
    at = luma(rgb).flatten(1).clamp(0, 1) * (BINS - 1)
    centres = torch.arange(BINS, device=rgb.device, dtype=rgb.dtype)
    shares = (1 - (at[:, :, None] - centres).abs()).clamp_min(0).mean(dim=1)
    return -(shares * (shares + TINY).log2()).sum(dim=1)


def sharpness(rgb: Tensor) -> Tensor:
    """Root mean square of the Laplacian of luma: the contrast at the finest scale."""
    kernel = rgb.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    edges = F.conv2d(luma(rgb)[:, None], kernel[None, None])
    return _root(edges.square().mean(dim=(1, 2, 3)))


def symmetry(rgb: Tensor) -> Tensor:
    """Correlation of luma with its left-right mirror image; 1 for perfect symmetry and for a uniform image."""
    grey = luma(rgb)
    apart = grey - grey.mean(dim=(1, 2), keepdim=True)
    together = (apart * apart.flip(2)).mean(dim=(1, 2))
    return (together + TINY) / (apart.square().mean(dim=(1, 2)) + TINY)


def centredness(rgb: Tensor) -> Tensor:
    """One minus the mean distance of salient pixels from the centre, in half diagonals."""
    weight = salience(rgb) + TINY
    side_y, side_x = weight.shape[1:]
    y = (torch.arange(side_y, device=rgb.device, dtype=rgb.dtype) + 0.5) / side_y * 2 - 1
    x = (torch.arange(side_x, device=rgb.device, dtype=rgb.dtype) + 0.5) / side_x * 2 - 1
    far = ((y[:, None].square() + x[None].square()) / 2).sqrt()
    return 1 - (weight * far).sum(dim=(1, 2)) / weight.sum(dim=(1, 2))


def size(rgb: Tensor) -> Tensor:
    """The share of the image that stands out from its frame."""
    return salience(rgb).mean(dim=(1, 2))


def salience(rgb: Tensor) -> Tensor:
    """How far the colour of each pixel differs from the mean of the frame, [N, H, W] in [0, 1).

    The frame is assumed to be background (the boundary prior of Wei et al. 2012). Distances saturate, so that area
    counts more than strength.
    """
    wide = max(1, min(rgb.shape[2:]) // FRAME)
    edge = torch.ones_like(rgb[:1, :1])
    edge[..., wide:-wide, wide:-wide] = 0
    frame = (rgb * edge).sum(dim=(2, 3), keepdim=True) / edge.sum()
    apart = (rgb - frame).square().mean(dim=1)
    return apart / (apart + DISTINCT**2)


def luma(rgb: Tensor) -> Tensor:
    """Luma [N, H, W] of RGB [N, 3, H, W]."""
    return (rgb * rgb.new_tensor(LUMA)[:, None, None]).sum(dim=1)


def _root(values: Tensor) -> Tensor:
    # The gradient of a uniform image would be infinite otherwise; the offset of its score is negligible.
    return (values + TINY**2).sqrt() - TINY


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A formula as a regressor."""

    spec: RegressorSpec
    formula: Callable[[Tensor], Tensor]

    def score(self, images: Tensor) -> Tensor:
        """Scores [N] of images [N, 1 or 3, H, W] in [-1, 1], from 16 px. ModelFailed for other shapes."""
        if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < SMALLEST:
            raise ModelFailed(
                f"{self.spec.title} cannot be measured on images of shape {list(images.shape)}.",
                f"They must be [N, 1 or 3, H, W] of at least {SMALLEST} px.",
            )
        return self.formula((images.float().expand(-1, 3, -1, -1) + 1) / 2)


# The spans cover the middle nine tenths of samples of eyes and faces, and of the drawings of avatars.
_FORMULAS: tuple[tuple[Callable[[Tensor], Tensor], str, tuple[float, float], str], ...] = (
    (brightness, "", (0.15, 0.8), "Average lightness, 0 black to 1 white."),
    (contrast, "", (0.05, 0.28), "Difference between light and dark, 0 uniform to 0.5 half black and half white."),
    (colourfulness, "", (5.0, 110.0), "How colourful people find it: 15 slightly, 45 quite, 80 highly, 110 extremely."),
    (redness, "", (-0.23, 0.27), "How much red exceeds the other colours, -1 to 1."),
    (saturation, "", (0.06, 0.63), "How pure the colours are, 0 grey to 1."),
    (entropy, "bits", (1.4, 4.7), "How evenly all shades from dark to light occur, 0 to 5 bits."),
    (sharpness, "", (0.01, 0.25), "The strength of the finest detail."),
    (symmetry, "", (-0.4, 0.9), "How similar the left and right halves are: 1 equal, 0 unrelated, below 0 opposite."),
    (centredness, "", (0.41, 0.79), "How close to the centre the salient parts are: 1 all in the centre."),
    (size, "", (0.07, 0.7), "The share of the image that stands out from its frame, 0 to 1."),
)
LIMITS = {
    "centredness": "What stands out is decided by colour alone, against the frame of the image.",
    "size": "What stands out is decided by colour alone; an object that fills the frame counts as background.",
    "symmetry": "Only left against right, about the centre of the image.",
    "sharpness": "Noise counts as detail, and the scale is the pixel grid of the image.",
}


def _measure(formula: Callable[[Tensor], Tensor], unit: str, span: tuple[float, float], about: str) -> Measure:
    name = formula.__name__
    card = RegressorCard(
        measures=about,
        data="None: it is a formula.",
        source="Latentwalk; see the docstring in models/regressors/image_measures.py for the definition.",
        licence="MIT",
        limits=LIMITS.get(name, "A formula over pixel values, not a person's judgement."),
    )
    digest = hashlib.sha256(f"measure {name} {VERSION}".encode()).hexdigest()
    return Measure(
        RegressorSpec(name, name.capitalize(), "measure", True, span, unit, f"sha256:{digest}", card), formula
    )


MEASURES = {measure.spec.name: measure for measure in (_measure(*row) for row in _FORMULAS)}
