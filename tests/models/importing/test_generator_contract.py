"""What every generator promises, asked of the families that are only imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.base import Generator
from models.generators.registry import build
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from tests.models.importing.biggan_files import Drawn
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import Kept, pickled, torch_zip

SEEDS = [0, 7, 2**32 - 1, 123456789]
FILES = {
    "StyleGAN2 with noise and classes": lambda: pickled(stylegan2(c=3).whole()),
    "residual StyleGAN2": lambda: pickled(stylegan2(architecture="resnet").whole()),
    "StyleGAN3-T": lambda: pickled(stylegan3(c=2).whole()),
    "StyleGAN3-R": lambda: pickled(stylegan3(True).whole()),
    "BigGAN-deep": lambda: torch_zip({name: Kept(array) for name, array in Drawn().state.items()}),
}


@pytest.fixture(scope="module", params=FILES)
def generator(request: pytest.FixtureRequest) -> Generator:
    passport, converted = read(memoryview(FILES[request.param]()))
    state = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    return build(spec_from_passport("mine", passport, state, 2026), state, "cpu", "")


def weights(generator: Generator, count: int = len(SEEDS)) -> torch.Tensor | None:
    kinds = len(generator.spec.classes)
    return torch.softmax(torch.randn(count, kinds, generator=torch.Generator().manual_seed(0)), 1) if kinds else None


def drawn(generator: Generator) -> tuple[torch.Tensor, Any]:
    classes = weights(generator)
    return generator.map(generator.sample(SEEDS), classes), classes


@torch.no_grad()
def test_it_is_a_generator_whose_pictures_are_as_told(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    latents, classes = drawn(generator)
    made, spec = generator.synthesize(latents, classes), generator.spec
    assert made.shape == (4, spec.channels, spec.resolution, spec.resolution)
    assert made.dtype == torch.float32
    assert float(made.abs().max()) <= 1
    assert float(made.std()) > 0.05
    assert torch.equal(made, generator.synthesize(latents, classes))


@torch.no_grad()
def test_a_batch_is_its_pictures_one_by_one(generator: Generator) -> None:
    latents, classes = drawn(generator)
    before = latents.clone()
    together = generator.synthesize(latents, classes)
    for number in range(len(SEEDS)):
        one = slice(number, number + 1)
        alone = generator.synthesize(latents[one], None if classes is None else classes[one])
        assert float((together[one] - alone).abs().max()) < 1e-4
    assert torch.equal(latents, before)


@torch.no_grad()
def test_one_latent_a_layer_is_the_same_picture(generator: Generator) -> None:
    latents, classes = drawn(generator)
    rows = latents[:, None].repeat(1, generator.spec.layers, 1)
    assert torch.equal(generator.synthesize(rows, classes), generator.synthesize(latents, classes))


@torch.no_grad()
def test_a_seed_is_a_latent_whatever_was_drawn_before(generator: Generator) -> None:
    first = generator.sample(SEEDS)
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    assert torch.equal(generator.sample(SEEDS), first)
    assert torch.equal(torch.randn(3), expected)
    assert generator.sample([]).shape == (0, *generator.spec.spaces["z"])


@torch.no_grad()
def test_no_truncation_changes_nothing_and_all_of_it_leaves_one_point(generator: Generator) -> None:
    z, classes = generator.sample(SEEDS), weights(generator, 1)
    classes = None if classes is None else classes.expand(len(z), -1)
    assert torch.equal(generator.map(z, classes), generator.map(z, classes, 1.0))
    middle = generator.map(z, classes, 0.0)
    assert float((middle - middle[:1]).abs().max()) < 1e-5


def test_gradients_flow_from_the_picture_to_the_latent(generator: Generator) -> None:
    classes = weights(generator, 1)
    latent = generator.map(generator.sample([7]), classes).detach().requires_grad_(True)
    generator.synthesize(latent, classes).square().mean().backward()
    assert latent.grad is not None
    assert float(latent.grad.abs().max()) > 0


@torch.no_grad()
def test_its_bf16_twin_shows_nearly_the_same(generator: Generator) -> None:
    latents, classes = drawn(generator)
    twin = generator.at("bf16")
    assert (generator.precision, twin.precision) == ("fp32", "bf16")
    assert generator.at("fp32") is generator
    apart = (generator.synthesize(latents, classes) - twin.synthesize(latents, classes)).square().mean()
    assert 0 < float(apart) < 0.01


@torch.no_grad()
def test_classes_change_the_picture(generator: Generator) -> None:
    kinds = len(generator.spec.classes)
    if kinds:
        each = torch.eye(kinds)
        made = generator.synthesize(generator.map(generator.sample([7]).expand(kinds, -1), each), each)
        assert float((made[0] - made[1:]).abs().mean(dim=(1, 2, 3)).min()) > 1e-3
    assert generator.input_weights().shape[1] == generator.spec.width
