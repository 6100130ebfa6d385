"""Data coverage: classes whose training images vary can be steered, constant ones cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from latentwalk.progress import finish
from latentwalk.steering.data_coverage import ClassPrior, data_coverage
from tests.latentwalk.steering.discs import PIXELS, SIDE, WIDTH, Discs

GAINS = {"still": 0.0, "calm": 0.35, "lively": 0.7, "wild": 1.0, "wilder": 1.4}


class ClassDiscs(Discs):
    """Discs whose mapping network lets each class move sideways in proportion to its gain."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, spaces={"z": (WIDTH,), "w": (WIDTH,)}, classes=tuple(GAINS))

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        assert classes is not None
        gain = classes @ torch.tensor(list(GAINS.values()))
        return truncation * torch.cat([z[:, :1] * gain[:, None], z[:, 1:]], dim=1)


def test_amounts_reached_correlate_with_the_variability() -> None:
    variability = {"shift_x": {name: 2 * PIXELS * gain for name, gain in GAINS.items()}}
    figures = finish(data_coverage(ClassDiscs(), variability, steps=60, each=8))["shift_x"]
    assert figures["unit"] == "px"
    assert figures["asked"] == SIDE / 8
    assert figures["n"] == len(GAINS)
    assert figures["r"] > 0.95
    assert figures["p"] < 0.1  # few of the 120 orders are as extreme
    assert list(figures["classes"]) == list(GAINS)
    assert figures["classes"]["still"] == [0.0, pytest.approx(0, abs=0.3)]
    assert figures["classes"]["wilder"][1] > 2


def test_unknown_classes_are_left_out() -> None:
    figures = finish(data_coverage(ClassDiscs(), {"shift_x": {"nobody": 3.0}}, steps=1, each=2))["shift_x"]
    assert (figures["r"], figures["n"], figures["classes"]) == (None, 0, {})


def test_the_class_prior_synthesises_through_the_mapping_network() -> None:
    discs, classes = ClassDiscs(), torch.eye(len(GAINS))
    prior = ClassPrior(discs)
    z = prior.sample(range(len(GAINS)))
    assert prior.spec.space == "z"
    assert torch.equal(prior.map(z, classes), z)
    assert torch.equal(prior.synthesize(z, classes), discs.synthesize(discs.map(z, classes), classes))
    far = z + torch.eye(WIDTH)[0]
    assert torch.equal(prior.synthesize(far, classes)[0], prior.synthesize(z, classes)[0])
