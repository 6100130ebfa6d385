"""bf16 previews: only where they are quicker and look the same."""

from __future__ import annotations

import math
from typing import Any, cast

import pytest
import torch

from latentwalk.latents.class_weights import class_tensor
from latentwalk.rendering import precision
from latentwalk.rendering.precision import Comparison
from models.base import Generator


@pytest.mark.parametrize(
    ("comparison", "pays"),
    [
        (Comparison(0.010, 0.006, 50.0), True),
        (Comparison(0.010, 0.006, 39.9), False),
        (Comparison(0.010, 0.006, 41.0), False),
        (Comparison(0.006, 0.010, 60.0), False),
        (Comparison(0.010, 0.006, math.inf), True),
        (Comparison(0.010, 0.006, -math.inf), False),
    ],
)
def test_bf16_pays_when_it_is_quicker_and_close(comparison: Comparison, pays: bool) -> None:
    assert comparison.bf16_pays is pays


def test_psnr_is_of_the_worst_picture() -> None:
    expected = torch.zeros(2, 1, 4, 4)
    found = expected.clone()
    found[1] += 0.02
    assert precision.lowest_psnr(expected, found) == pytest.approx(40.0, abs=0.01)
    assert precision.lowest_psnr(expected, expected) == math.inf
    assert precision.lowest_psnr(expected, found * math.nan) == -math.inf


def test_the_comparison_is_of_real_pictures(tiny: Generator) -> None:
    comparison = precision.compare(tiny, tiny.at("bf16"))
    assert 20 < comparison.psnr < 90
    assert comparison.fp32_seconds > 0


class OddSeed:
    """A generator whose bf16 image of one seed differs by 32 dB, and whose others are exact."""

    def __init__(self, exact: Generator, seed: int) -> None:
        self.exact, self.spec, self.device = exact, exact.spec, exact.device
        self.latent = exact.map(exact.sample([seed]), class_tensor({}, exact.spec, exact.device))

    def synthesize(self, latent: torch.Tensor, classes: torch.Tensor | None) -> torch.Tensor:
        images = self.exact.synthesize(latent, classes)
        odd = torch.isclose(latent, self.latent).flatten(1).all(dim=1)
        return images + 0.05 * odd[:, None, None, None]


@pytest.mark.parametrize("seed", [0, 5, 15])
def test_an_image_that_differs_is_found_at_any_of_sixteen_seeds(tiny: Generator, seed: int) -> None:
    comparison = precision.compare(tiny, cast(Generator, OddSeed(tiny, seed)))
    assert comparison.psnr < precision.LEAST_PSNR
    assert not comparison.bf16_pays


def test_no_picture_is_timed_twice(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[torch.Tensor] = []

    def seconds(generator: Generator, latent: torch.Tensor, classes: torch.Tensor | None) -> float:
        timed.append(latent)
        return 1.0

    monkeypatch.setattr(precision, "seconds", seconds)
    precision.compare(tiny, tiny.at("bf16"))
    rows = torch.cat(timed[::2])
    assert len(rows) > 1
    assert len(rows.unique(dim=0)) == len(rows)


def test_the_choice_follows_the_comparison(tiny: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    for better, expected in ((True, "bf16"), (False, "fp32")):
        made = Comparison(2.0, 1.0, 50.0) if better else Comparison(1.0, 2.0, 50.0)

        def compare(*generators: Any, made: Comparison = made) -> Comparison:
            return made

        monkeypatch.setattr(precision, "compare", compare)
        assert precision.choose(tiny).precision == expected
