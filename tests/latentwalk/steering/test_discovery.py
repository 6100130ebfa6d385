"""Unsupervised directions match their papers' definitions and are reproducible."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.steering.closed_form import closed_form_walk
from latentwalk.steering.discovery import discover, factors, principal
from latentwalk.steering.transforms import find
from models.base import FirstLayer, Generator
from tests.latentwalk.steering.discs import WIDTH, Discs


def test_factors_are_eigenvectors_of_the_first_weights_in_descending_order(eyes: Generator) -> None:
    layer = eyes.first_layer(None)
    assert layer is not None
    square = layer.weight.T @ layer.weight
    vectors = factors(eyes, 5)
    values = [float(vector @ square @ vector) for vector in vectors]
    assert values == sorted(values, reverse=True)
    for vector, value in zip(vectors, values, strict=True):
        assert torch.allclose(square @ vector, value * vector, atol=1e-2 * value)


def test_components_are_reproducible_unit_vectors(eyes: Generator) -> None:
    first, second = principal(eyes, 3, samples=256), principal(eyes, 3, samples=256)
    assert torch.allclose(first, second, atol=1e-4)
    assert first.norm(dim=1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_discovered_directions_are_numbered_and_grouped(eyes: Generator) -> None:
    directions = finish(discover(eyes, "sefa", count=2))
    assert [direction.id for direction in directions] == ["sefa_1", "sefa_2"]
    assert {direction.group for direction in directions} == {"discovered"}
    assert all(isinstance(direction.walk, LinearWalk) for direction in directions)
    assert directions[0].steps(1.0) == pytest.approx(1.0)


def test_factors_are_ordered_by_the_gain_of_the_weights() -> None:
    first, second = factors(Discs(), 2)
    assert torch.allclose(first, torch.eye(WIDTH)[0])
    assert torch.allclose(second, torch.eye(WIDTH)[1])


def test_components_of_w_follow_its_spread_within_classes_not_between_them() -> None:
    class Mapped(Discs):
        def map(self, z: torch.Tensor, classes: torch.Tensor | None, truncation: float = 1.0) -> torch.Tensor:
            assert classes is not None
            spread = z * torch.tensor([1.0, 5.0, 1.0, 2.0, 1.0, 1.0])
            far = (classes @ torch.tensor([[0.0], [100.0]])) * torch.eye(WIDTH)[2]
            return truncation * spread + far

    mapped = Mapped()
    mapped.spec = replace(mapped.spec, classes=("near", "far"), default_classes={"near": 1.0})
    first, second = principal(mapped, 2)
    assert float(first[1]) > 0.99
    assert float(second[3]) > 0.99


def test_too_many_directions_are_rejected(eyes: Generator) -> None:
    with pytest.raises(Invalid, match="cannot be found in 100 dimensions"):
        finish(discover(eyes, "pca", count=200))


def test_the_closed_form_moves_the_first_feature_map() -> None:
    # A map that rises by one per position: shifting it right by d lowers it by d, which is minus d along axis 0.
    ramp = torch.arange(8.0).expand(1, 8, 8)
    weight = torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(0))
    weight[:, 0] = 1

    class Ramp(Discs):
        def first_layer(self, classes: torch.Tensor | None) -> FirstLayer:
            return FirstLayer(weight, ramp.reshape(-1), (1, 8, 8))

    vector = closed_form_walk(Ramp(), find("shift_x"))
    assert vector is not None
    assert vector[0].item() < -0.95
    assert vector.norm().item() == pytest.approx(1, abs=1e-5)


def test_a_flat_first_feature_map_has_no_closed_form() -> None:
    class Flat(Discs):
        def first_layer(self, classes: torch.Tensor | None) -> FirstLayer:
            return FirstLayer(torch.randn(64, WIDTH), torch.full((64,), 0.3), (1, 8, 8))

    assert closed_form_walk(Flat(), find("shift_x")) is None


def test_recolouring_has_no_closed_form(eyes: Generator) -> None:
    assert closed_form_walk(eyes, find("brightness")) is None
