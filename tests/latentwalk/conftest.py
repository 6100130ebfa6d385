"""A real adapter around a tiny network with drawn weights: everything is true of it but the pictures."""

from __future__ import annotations

import pytest
import torch

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import LinearWalk, PathWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from models.base import Generator
from models.catalogue.hashing import fingerprint
from models.generators.dcgan import DCGAN, build_network
from models.specs import Card, GeneratorSpec

WIDTH = 12
COLOURS = ("amber", "blue", "grey")


def tiny(classes: tuple[str, ...], seed: int = 0) -> DCGAN:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        state = build_network([WIDTH + len(classes), 8, 3]).state_dict()
    state = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    card = Card("Tiny.", "Drawn here.", "MIT", "None.", "None.", "Everything.", 2026)
    default = {classes[0]: 1.0} if classes else {}
    print_ = fingerprint(state)
    spec = GeneratorSpec("tiny", "Tiny", "dcgan", 8, 3, {"z": (WIDTH,)}, 1, classes, default, print_, card)
    return DCGAN(spec, state)


@pytest.fixture(scope="session")
def generator() -> Generator:
    """8 px pictures, 12 numbers, three classes."""
    return tiny(COLOURS)


@pytest.fixture(scope="session")
def unclassed() -> Generator:
    return tiny(())


@pytest.fixture(scope="session")
def other() -> Generator:
    """The same, with other weights."""
    return tiny(COLOURS, seed=1)


@pytest.fixture(scope="session")
def make_direction(generator: Generator):
    """A finished direction for `generator`; keywords replace fields."""

    def make(seed: int = 0, **fields: object) -> Direction:
        vector = torch.nn.functional.normalize(torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed)), dim=0)
        given = {
            "id": f"way_{seed}", "name": f"Way {seed}", "group": "colour", "generator": "tiny",
            "fingerprint": generator.spec.fingerprint, "space": "z", "unit": Unit("%", decimals=1),
            "walk": LinearWalk(vector), "curve": Curve.straight(0.1, 20.0), "range": (-10.0, 10.0),
            "track": (-14.0, 14.0), "requested_range": (-20.0, 20.0), "method": "walk", "seed": seed,
            "created": "2026-01-01",
        }  # fmt: skip
        return Direction(**{**given, **fields})

    return make


@pytest.fixture(scope="session")
def make_path():
    """A path walk that goes somewhere, different up and down."""

    def make(width: int = WIDTH, seed: int = 0) -> PathWalk:
        walk = PathWalk.blank(width, seed)
        source = torch.Generator().manual_seed(seed + 1)
        for sign in ("up", "down"):
            walk.weights[f"{sign}.outer"].copy_(torch.randn(width, width, generator=source) * 0.1)
            walk.weights[f"{sign}.outer_bias"].copy_(torch.randn(width, generator=source) * 0.2)
        return walk

    return make
