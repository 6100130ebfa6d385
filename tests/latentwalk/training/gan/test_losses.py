"""The losses of adversarial training."""

from __future__ import annotations

import pytest
import torch

from latentwalk.training.gan.losses import r1_penalty


def test_r1_is_the_squared_gradient_of_the_score() -> None:
    pictures = torch.randn(5, 3, 4, 4, requires_grad=True)
    slopes = torch.randn(3, 4, 4)
    assert float(r1_penalty((pictures * slopes).sum(dim=(1, 2, 3)), pictures)) == pytest.approx(
        float(slopes.square().sum())
    )
