"""A regressor made from any Python function that scores images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from latentwalk.errors import Invalid, ModelFailed
from latentwalk.rendering.image_codec import rgb
from latentwalk.steering.latent_sampling import Role, sample_latents
from models.base import Generator
from models.regressors.protocol import RegressorCard, RegressorSpec

ScoreFunction = Callable[[Tensor], Any]
PROBES = 8  # images on which a function is tried
MARGIN = 2.0  # standard deviations beyond the scores of the probes; eight images do not show the extremes
CARD = RegressorCard(
    measures="The value that the function returns.",
    data="Not stated.",
    source="A Python function.",
    licence="not stated",
    limits="Not stated.",
)


class CallableRegressor:
    """A regressor whose scores are what `function` returns for images [N, 3, H, W] in [-1, 1]."""

    def __init__(self, spec: RegressorSpec, function: ScoreFunction) -> None:
        self._spec, self._function = spec, function

    @property
    def spec(self) -> RegressorSpec:
        """Its description."""
        return self._spec

    def score(self, images: Tensor) -> Tensor:
        """Scores float32 [N] of images [N, C, H, W] in [-1, 1], C 1, 3 or 4.

        Raises ModelFailed where the function raises, or does not return one number for each image.
        """
        return _score(self._function, self._spec.title, images)


def regressor_of(
    function: ScoreFunction, generator: Generator, *, name: str, title: str, differentiable: bool | None = None
) -> CallableRegressor:
    """A regressor of a function, after it was tried on eight images of `generator`.

    `differentiable` says whether gradients flow from a score back to the image; None finds out. Raises Invalid where
    the function fails or does not return one number for each image.
    """
    batch = sample_latents(generator, PROBES, Role.VALIDATE, balanced=True)
    with torch.no_grad():
        images = generator.synthesize(batch.latents, batch.classes)
    try:
        scores = _score(function, title, images)
        if differentiable is None:
            differentiable = _has_gradient(function, title, images)
    except ModelFailed as error:
        raise Invalid(str(error), error.hint) from error
    margin = MARGIN * float(scores.std())
    spec = RegressorSpec(
        name=name,
        title=title,
        kind="callable",
        differentiable=differentiable,
        span=(float(scores.min()) - margin, float(scores.max()) + margin),
        unit="score",
        fingerprint=_fingerprint(function),
        card=CARD,
    )
    return CallableRegressor(spec, function)


def _score(function: ScoreFunction, title: str, images: Tensor) -> Tensor:
    try:
        result = function(rgb(images))
        scores = result if isinstance(result, Tensor) else torch.as_tensor(result)
        scores = scores.to(images.device, torch.float32)
    except Exception as error:  # the function may raise anything
        raise ModelFailed(
            f"{title} failed: {error}.", "Call it with a float tensor [N, 3, H, W] in [-1, 1]."
        ) from error
    scores = scores[:, 0] if scores.ndim == 2 and scores.shape[1] == 1 else scores
    if scores.shape != (len(images),):
        raise ModelFailed(
            f"{title} returned a result of shape {list(scores.shape)} for {len(images)} images.",
            "Return one number for each image.",
        )
    return scores


def _has_gradient(function: ScoreFunction, title: str, images: Tensor) -> bool:
    images = images.clone().requires_grad_()
    try:
        scores = _score(function, title, images)
        if not scores.requires_grad:
            return False
        (gradient,) = torch.autograd.grad(scores.sum(), images, allow_unused=True)
    except (ModelFailed, RuntimeError):  # a function that leaves torch refuses tensors that need a gradient
        return False
    return gradient is not None and bool(gradient.abs().sum() > 0)


def _fingerprint(function: ScoreFunction) -> str:
    # Of the name and the bytecode. A change of what the function closes over, such as weights, goes unnoticed.
    target = getattr(function, "__func__", function)
    code = getattr(target, "__code__", None)
    name = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', type(target).__qualname__)}"
    digest = hashlib.sha256(name.encode() + (b"" if code is None else code.co_code))
    return "sha256:" + digest.hexdigest()
