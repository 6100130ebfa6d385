"""Ten measures of a picture that need no learning, each a regressor whose score gradients flow through.

They are the emerging factors that GANalyze (Goetschalckx et al. 2019, section 3.2) looks for in what a scorer likes,
and scorers in their own right. A grey picture has no colour: the colour measures of it are zero.
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
FRAME = 16  # the frame is this part of the side
DISTINCT = 0.15  # colour distance from the frame at which a pixel is half salient
VERSION = 1  # of every rule below; a changed rule is another judge


def brightness(rgb: Tensor) -> Tensor:
    """Mean luma."""
    return luma(rgb).mean(dim=(1, 2))


def contrast(rgb: Tensor) -> Tensor:
    """Standard deviation of luma over the picture (RMS contrast)."""
    return _root(luma(rgb).var(dim=(1, 2), unbiased=False))


def colourfulness(rgb: Tensor) -> Tensor:
    """Hasler and Süsstrunk 2003, section 6, on values of 0 to 255: about 0 to 110."""
    red, green, blue = (rgb * 255).unbind(1)
    across, along = (red - green).flatten(1), ((red + green) / 2 - blue).flatten(1)
    spread = _root(across.var(dim=1, unbiased=False) + along.var(dim=1, unbiased=False))
    return spread + 0.3 * _root(across.mean(dim=1).square() + along.mean(dim=1).square())


def redness(rgb: Tensor) -> Tensor:
    """How far red exceeds the mean of green and blue, on average."""
    red, green, blue = rgb.unbind(1)
    return (red - (green + blue) / 2).mean(dim=(1, 2))


def saturation(rgb: Tensor) -> Tensor:
    """Mean HSV saturation: (max - min) / max of each pixel."""
    high, low = rgb.amax(dim=1), rgb.amin(dim=1)
    return ((high - low) / high.clamp_min(1 / 255)).mean(dim=(1, 2))


def entropy(rgb: Tensor) -> Tensor:
    """Entropy of luma in bits, of a soft histogram of 32 bins: every pixel is shared by the two bins beside it."""
    at = luma(rgb).flatten(1).clamp(0, 1) * (BINS - 1)
    centres = torch.arange(BINS, device=rgb.device, dtype=rgb.dtype)
    shares = (1 - (at[:, :, None] - centres).abs()).clamp_min(0).mean(dim=1)
    return -(shares * (shares + TINY).log2()).sum(dim=1)


def sharpness(rgb: Tensor) -> Tensor:
    """Root mean square of luma's Laplacian, the contrast at the finest scale."""
    kernel = rgb.new_tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])
    edges = F.conv2d(luma(rgb)[:, None], kernel[None, None])
    return _root(edges.square().mean(dim=(1, 2, 3)))


def symmetry(rgb: Tensor) -> Tensor:
    """Correlation of luma with its mirror image, left and right: 1 is perfect, and so is a flat picture."""
    grey = luma(rgb)
    apart = grey - grey.mean(dim=(1, 2), keepdim=True)
    together = (apart * apart.flip(2)).mean(dim=(1, 2))
    return (together + TINY) / (apart.square().mean(dim=(1, 2)) + TINY)


def centredness(rgb: Tensor) -> Tensor:
    """One less the salient pixels' mean distance from the middle, in half diagonals."""
    weight = salience(rgb) + TINY
    side_y, side_x = weight.shape[1:]
    y = (torch.arange(side_y, device=rgb.device, dtype=rgb.dtype) + 0.5) / side_y * 2 - 1
    x = (torch.arange(side_x, device=rgb.device, dtype=rgb.dtype) + 0.5) / side_x * 2 - 1
    far = ((y[:, None].square() + x[None].square()) / 2).sqrt()
    return 1 - (weight * far).sum(dim=(1, 2)) / weight.sum(dim=(1, 2))


def size(rgb: Tensor) -> Tensor:
    """The share of the picture that stands out from its frame."""
    return salience(rgb).mean(dim=(1, 2))


def salience(rgb: Tensor) -> Tensor:
    """How far each pixel's colour stands out from the frame's mean, [N, H, W] in [0, 1).

    The frame is taken for background (the boundary prior of Wei et al. 2012); distances saturate, so that area counts
    and not how gaudy it is.
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
    # A flat picture's gradient would be infinite, and its score just above zero matters to nobody.
    return (values + TINY**2).sqrt() - TINY


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """A rule as a regressor."""

    spec: RegressorSpec
    rule: Callable[[Tensor], Tensor]

    def score(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < SMALLEST:
            raise ModelFailed(
                f"{self.spec.title} cannot be measured on pictures of shape {list(images.shape)}.",
                f"They must be [N, 1 or 3, H, W] of at least {SMALLEST} px.",
            )
        return self.rule((images.float().expand(-1, 3, -1, -1) + 1) / 2)


# The spans hold the middle nine tenths of samples of eyes and of faces, and of the avatars' drawings.
_RULES: tuple[tuple[Callable[[Tensor], Tensor], str, tuple[float, float], str], ...] = (
    (brightness, "", (0.15, 0.8), "How light a picture is on average, 0 black to 1 white."),
    (contrast, "", (0.05, 0.28), "How far light and dark lie apart, 0 flat to 0.5 half black and half white."),
    (colourfulness, "", (5.0, 110.0), "How colourful people find it: 15 slightly, 45 quite, 80 highly, 110 extremely."),
    (redness, "", (-0.23, 0.27), "How far red exceeds the other colours, -1 to 1."),
    (saturation, "", (0.06, 0.63), "How pure its colours are, 0 grey to 1."),
    (entropy, "bits", (1.4, 4.7), "How evenly all shades from dark to light occur, 0 to 5 bits."),
    (sharpness, "", (0.01, 0.25), "How strong its finest detail is."),
    (symmetry, "", (-0.4, 0.9), "How alike its left and right halves are: 1 the same, 0 unrelated, below 0 opposed."),
    (centredness, "", (0.41, 0.79), "How close to the middle what stands out lies: 1 all in the centre."),
    (size, "", (0.07, 0.7), "How much of the picture stands out from its frame, 0 to 1."),
)
LIMITS = {
    "centredness": "What stands out is told by colour alone, against the picture's frame.",
    "size": "What stands out is told by colour alone; an object that fills the frame is taken for the background.",
    "symmetry": "Only left against right, about the picture's own middle.",
    "sharpness": "Noise counts as detail, and the scale is the picture's own pixels.",
}


def _measure(rule: Callable[[Tensor], Tensor], unit: str, span: tuple[float, float], about: str) -> Measure:
    name = rule.__name__
    card = RegressorCard(
        measures=about,
        data="None: it is a formula.",
        source="Latentwalk; see the docstring in models/regressors/image_measures.py for the definition.",
        licence="MIT",
        limits=LIMITS.get(name, "A formula over pixel values, not a person's judgement."),
    )
    mark = hashlib.sha256(f"measure {name} {VERSION}".encode()).hexdigest()
    return Measure(RegressorSpec(name, name.capitalize(), "measure", True, span, unit, f"sha256:{mark}", card), rule)


MEASURES = {made.spec.name: made for made in (_measure(*row) for row in _RULES)}
