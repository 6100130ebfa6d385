"""Any function that scores images is a regressor; what it returns is checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import latentwalk as lw
from latentwalk.notebook.callable_regressor import regressor_of


def light(images: torch.Tensor) -> torch.Tensor:
    return images.mean(dim=(1, 2, 3))


def light_in_numpy(images: torch.Tensor) -> Any:
    return np.asarray(images).mean(axis=(1, 2, 3))


@pytest.mark.parametrize(
    ("function", "differentiable"),
    [
        (light, True),
        (light_in_numpy, False),
        (lambda images: images.mean(dim=(1, 2, 3)).tolist(), False),
        (lambda images: light(images)[:, None], True),
        (lambda images: torch.arange(len(images)), False),
    ],
)
def test_whether_gradients_flow_is_found_out(tiny, function, differentiable: bool) -> None:
    regressor = regressor_of(function, tiny, name="light", title="Light")
    assert regressor.spec.differentiable is differentiable
    assert regressor.score(torch.zeros(3, 3, 16, 16)).shape == (3,)
    assert regressor.score(torch.zeros(3, 1, 16, 16)).dtype == torch.float32
    low, high = regressor.spec.span
    assert low < high


def test_the_same_function_has_the_same_fingerprint_and_another_another(tiny) -> None:
    def fingerprint(function: Any) -> str:
        return regressor_of(function, tiny, name="light", title="Light").spec.fingerprint

    assert fingerprint(light) == fingerprint(light)
    assert fingerprint(light) != fingerprint(light_in_numpy)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda images: images.mean(), "shape \\[\\] for 8 images"),
        (lambda images: [1.0], "shape \\[1\\] for 8 images"),
        (lambda images: 1 / 0, "Light failed: division by zero"),
        (lambda images: "bright", "Light failed"),
    ],
)
def test_a_function_that_does_not_score_images_is_refused(tiny, function, message: str) -> None:
    with pytest.raises(lw.Invalid, match=message):
        regressor_of(function, tiny, name="light", title="Light")
