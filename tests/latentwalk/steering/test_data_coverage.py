"""Classes that were made to move far are seen to move far, those that were not are seen to stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from latentwalk.progress import finish
from latentwalk.steering.data_coverage import ClassPrior, data_coverage
from tests.latentwalk.steering.discs import PIXELS, SIDE, WIDTH, Discs

GAINS = {"still": 0.0, "calm": 0.35, "lively": 0.7, "wild": 1.0, "wilder": 1.4}


class Troupe(Discs):
    """Discs whose mapping lets each class move sideways as much as its gain says."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = replace(self.spec, spaces={"z": (WIDTH,), "w": (WIDTH,)}, classes=tuple(GAINS))

    def map(self, z: Tensor, classes: Tensor | None, truncation: float = 1.0) -> Tensor:
        assert classes is not None
        gain = classes @ torch.tensor(list(GAINS.values()))
        return truncation * torch.cat([z[:, :1] * gain[:, None], z[:, 1:]], dim=1)


def test_what_each_class_reaches_mirrors_what_it_was_made_to_do() -> None:
    design = {"shift_x": {name: 2 * PIXELS * gain for name, gain in GAINS.items()}}
    seen = finish(data_coverage(Troupe(), design, steps=60, each=8))["shift_x"]
    assert seen["unit"] == "px"
    assert seen["asked"] == SIDE / 8
    assert seen["n"] == len(GAINS)
    assert seen["r"] > 0.95
    assert seen["p"] < 0.1  # of the 120 orders few are as far from zero
    assert list(seen["classes"]) == list(GAINS)
    assert seen["classes"]["still"] == [0.0, pytest.approx(0, abs=0.3)]
    assert seen["classes"]["wilder"][1] > 2


def test_a_design_of_other_classes_says_nothing() -> None:
    seen = finish(data_coverage(Troupe(), {"shift_x": {"nobody": 3.0}}, steps=1, each=2))["shift_x"]
    assert (seen["r"], seen["n"], seen["classes"]) == (None, 0, {})


def test_steering_the_prior_goes_through_the_mapping() -> None:
    troupe, classes = Troupe(), torch.eye(len(GAINS))
    prior = ClassPrior(troupe)
    z = prior.sample(range(len(GAINS)))
    assert prior.spec.space == "z"
    assert torch.equal(prior.map(z, classes), z)
    assert torch.equal(prior.synthesize(z, classes), troupe.synthesize(troupe.map(z, classes), classes))
    far = z + torch.eye(WIDTH)[0]
    assert torch.equal(prior.synthesize(far, classes)[0], prior.synthesize(z, classes)[0])
