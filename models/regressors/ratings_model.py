"""A regressor fitted to ratings: ridge regression on simple image features, differentiable, small and inspectable."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from models.catalogue.hashing import fingerprint
from models.errors import ModelFailed
from models.regressors.protocol import RegressorCard, RegressorSpec

THUMBNAIL = 8  # pixels a side; its colours are features
GREY = (0.299, 0.587, 0.114)
STATISTICS = 14  # features that are statistics of the whole image
WIDTH = STATISTICS + 3 * THUMBNAIL * THUMBNAIL
TENSORS = ("weights", "centre", "scale", "bias")


def features(images: Tensor) -> Tensor:
    """The features of images [N, C, H, W] in [-1, 1] on which a rating may depend, [N, 206].

    Lightness and contrast, colour and its variety, edges at three scales, the colours of the centre against those of
    the whole, symmetry, and the colours of an 8 px thumbnail.
    """
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    grey = (images * images.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)
    half = adaptive_avg_pool2d(grey, max(8, grey.shape[-1] // 2))
    quarter = adaptive_avg_pool2d(grey, max(8, grey.shape[-1] // 4))
    edges = [_mean(_gradient_magnitude(part)) for part in (grey, half, quarter)]
    margin = images.shape[-1] // 4
    middle = images[..., margin : images.shape[-2] - margin, margin : images.shape[-1] - margin]
    colours = images - grey
    statistics = [
        _mean(grey), _deviation(grey), *(_mean(colours[:, channel : channel + 1]) for channel in range(3)),
        _deviation(colours), *edges,
        *(_mean(middle[:, channel : channel + 1]) - _mean(images[:, channel : channel + 1]) for channel in range(3)),
        _mean((grey - grey.flip(-1)).abs()), _mean((grey - grey.flip(-2)).abs()),
    ]  # fmt: skip
    thumbnail = adaptive_avg_pool2d(images, THUMBNAIL).flatten(1)
    return torch.cat([torch.stack(statistics, dim=1), thumbnail], dim=1)


def _mean(values: Tensor) -> Tensor:
    return values.mean(dim=(1, 2, 3))


def _deviation(values: Tensor) -> Tensor:
    # The small number keeps the gradient of the square root finite for uniform images.
    return (values.var(dim=(1, 2, 3)) + 1e-6).sqrt()


def _gradient_magnitude(grey: Tensor) -> Tensor:
    across = grey[..., :-1, 1:] - grey[..., :-1, :-1]
    down = grey[..., 1:, :-1] - grey[..., :-1, :-1]
    return (across.square() + down.square() + 1e-6).sqrt()


class RatingsRegressor:
    """Predicts ratings: bias + weights . (features - centre) / scale."""

    def __init__(
        self, name: str, title: str, unit: str, span: tuple[float, float], card: RegressorCard,
        state: Mapping[str, Tensor],
    ) -> None:  # fmt: skip
        shapes = {"weights": (WIDTH,), "centre": (WIDTH,), "scale": (WIDTH,), "bias": ()}
        if {key: tuple(tensor.shape) for key, tensor in state.items()} != shapes:
            raise ModelFailed(f"The fitted weights of “{name}” are damaged.", "Fit the ratings again.")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in state.values()):
            raise ModelFailed(f"The fitted weights of “{name}” are not finite.", "Fit the ratings again.")
        self.state = {key: tensor.float() for key, tensor in state.items()}
        self.spec = RegressorSpec(name, title, "ratings", True, span, unit, fingerprint(self.state), card)

    def score(self, images: Tensor) -> Tensor:
        """Scores [N] of images [N, 1 or 3, H, W] in [-1, 1], in the unit of the ratings."""
        weights, centre, scale, bias = (self.state[key].to(images.device) for key in TENSORS)
        scores: Tensor = ((features(images.float()) - centre) / scale) @ weights + bias
        return scores
