"""A judge made from ratings: a ridge fit on plain features of a picture, differentiable, small and inspectable."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from models.errors import ModelFailed
from models.hashing import fingerprint
from models.regressors.protocol import RegressorCard, RegressorSpec

THUMB = 8  # px of the thumbnail whose colours are features
GREY = (0.299, 0.587, 0.114)
PLAIN = 14  # features that are statistics of the whole picture
WIDTH = PLAIN + 3 * THUMB * THUMB
TENSORS = ("weights", "centre", "scale", "bias")


def features(images: Tensor) -> Tensor:
    """What a rating may depend on, [N, 206] of images [N, C, H, W] in [-1, 1]: lightness and contrast, colour and its
    variety, edges at three sizes, what lies in the middle, symmetry, and the colours of an 8 px thumbnail.
    """
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    grey = (images * images.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)
    half = adaptive_avg_pool2d(grey, max(8, grey.shape[-1] // 2))
    quarter = adaptive_avg_pool2d(grey, max(8, grey.shape[-1] // 4))
    edges = [_mean(_steps(part)) for part in (grey, half, quarter)]
    third = images.shape[-1] // 4
    middle = images[..., third : images.shape[-2] - third, third : images.shape[-1] - third]
    colours = images - grey
    plain = [
        _mean(grey), _deviation(grey), *(_mean(colours[:, channel : channel + 1]) for channel in range(3)),
        _deviation(colours), *edges,
        *(_mean(middle[:, channel : channel + 1]) - _mean(images[:, channel : channel + 1]) for channel in range(3)),
        _mean((grey - grey.flip(-1)).abs()), _mean((grey - grey.flip(-2)).abs()),
    ]  # fmt: skip
    thumb = adaptive_avg_pool2d(images, THUMB).flatten(1)
    return torch.cat([torch.stack(plain, dim=1), thumb], dim=1)


def _mean(values: Tensor) -> Tensor:
    return values.mean(dim=(1, 2, 3))


def _deviation(values: Tensor) -> Tensor:
    # The small number keeps the gradient of a square root finite where a picture is flat.
    return (values.var(dim=(1, 2, 3)) + 1e-6).sqrt()


def _steps(grey: Tensor) -> Tensor:
    across = grey[..., :-1, 1:] - grey[..., :-1, :-1]
    down = grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return (across.square() + down.square() + 1e-6).sqrt()


class RatingsRegressor:
    """Scores as the ratings were given: bias + weights . (features - centre) / scale."""

    def __init__(
        self, name: str, title: str, unit: str, span: tuple[float, float], card: RegressorCard,
        state: Mapping[str, Tensor],
    ) -> None:  # fmt: skip
        shapes = {"weights": (WIDTH,), "centre": (WIDTH,), "scale": (WIDTH,), "bias": ()}
        if {key: tuple(tensor.shape) for key, tensor in state.items()} != shapes:
            raise ModelFailed(f"The ratings' fit of “{name}” is damaged.", "Fit the ratings again.")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in state.values()):
            raise ModelFailed(f"The ratings' fit of “{name}” holds numbers that are not finite.", "Fit them again.")
        self.state = {key: tensor.float() for key, tensor in state.items()}
        self.spec = RegressorSpec(name, title, "ratings", True, span, unit, fingerprint(self.state), card)

    def score(self, images: Tensor) -> Tensor:
        weights, centre, scale, bias = (self.state[key].to(images.device) for key in TENSORS)
        found: Tensor = ((features(images.float()) - centre) / scale) @ weights + bias
        return found
