"""The promises of the Generator protocol, tested on the families that are only imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.base import Generator
from models.generators.registry import build
from models.importing.read_in_sandbox import read
from models.importing.spec_from_passport import spec_from_passport
from tests.models.importing.biggan_files import RandomBigGAN
from tests.models.importing.official_files import stylegan2, stylegan3
from tests.models.importing.pickle_writer import TensorValue, pickle_bytes, torch_zip

SEEDS = [0, 7, 2**32 - 1, 123456789]
FILES = {
    "StyleGAN2 with noise and classes": lambda: pickle_bytes(stylegan2(c=3).pickle_value()),
    "residual StyleGAN2": lambda: pickle_bytes(stylegan2(architecture="resnet").pickle_value()),
    "StyleGAN3-T": lambda: pickle_bytes(stylegan3(c=2).pickle_value()),
    "StyleGAN3-R": lambda: pickle_bytes(stylegan3(True).pickle_value()),
    "BigGAN-deep": lambda: torch_zip({name: TensorValue(array) for name, array in RandomBigGAN().state.items()}),
}


@pytest.fixture(scope="module", params=FILES)
def generator(request: pytest.FixtureRequest) -> Generator:
    passport, converted = read(memoryview(FILES[request.param]()))
    state = {name: torch.from_numpy(np.array(array)) for name, array in converted.state.items()}
    return build(spec_from_passport("mine", passport, state, 2026), state, "cpu", "")


def class_weights(generator: Generator, count: int = len(SEEDS)) -> torch.Tensor | None:
    classes = len(generator.spec.classes)
    return (
        torch.softmax(torch.randn(count, classes, generator=torch.Generator().manual_seed(0)), 1) if classes else None
    )


def sample_latents(generator: Generator) -> tuple[torch.Tensor, Any]:
    classes = class_weights(generator)
    return generator.map(generator.sample(SEEDS), classes), classes


@torch.no_grad()
def test_images_have_the_shape_dtype_and_range_of_the_spec(generator: Generator) -> None:
    assert isinstance(generator, Generator)
    latents, classes = sample_latents(generator)
    images, spec = generator.synthesize(latents, classes), generator.spec
    assert images.shape == (4, spec.channels, spec.resolution, spec.resolution)
    assert images.dtype == torch.float32
    assert float(images.abs().max()) <= 1
    assert float(images.std()) > 0.05
    assert torch.equal(images, generator.synthesize(latents, classes))


@torch.no_grad()
def test_a_batch_equals_its_images_one_by_one(generator: Generator) -> None:
    latents, classes = sample_latents(generator)
    before = latents.clone()
    together = generator.synthesize(latents, classes)
    for number in range(len(SEEDS)):
        one = slice(number, number + 1)
        alone = generator.synthesize(latents[one], None if classes is None else classes[one])
        assert float((together[one] - alone).abs().max()) < 1e-4
    assert torch.equal(latents, before)


@torch.no_grad()
def test_the_same_latent_for_every_layer_makes_the_same_image(generator: Generator) -> None:
    latents, classes = sample_latents(generator)
    rows = latents[:, None].repeat(1, generator.spec.layers, 1)
    assert torch.equal(generator.synthesize(rows, classes), generator.synthesize(latents, classes))


@torch.no_grad()
def test_a_seed_determines_its_latent(generator: Generator) -> None:
    first = generator.sample(SEEDS)
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    assert torch.equal(generator.sample(SEEDS), first)
    assert torch.equal(torch.randn(3), expected)
    assert generator.sample([]).shape == (0, *generator.spec.spaces["z"])


@torch.no_grad()
def test_truncation_one_changes_nothing_and_zero_leaves_one_point(generator: Generator) -> None:
    z, classes = generator.sample(SEEDS), class_weights(generator, 1)
    classes = None if classes is None else classes.expand(len(z), -1)
    assert torch.equal(generator.map(z, classes), generator.map(z, classes, 1.0))
    truncated = generator.map(z, classes, 0.0)
    assert float((truncated - truncated[:1]).abs().max()) < 1e-5


def test_gradients_flow_from_image_to_latent(generator: Generator) -> None:
    classes = class_weights(generator, 1)
    latent = generator.map(generator.sample([7]), classes).detach().requires_grad_(True)
    generator.synthesize(latent, classes).square().mean().backward()
    assert latent.grad is not None
    assert float(latent.grad.abs().max()) > 0


@torch.no_grad()
def test_bf16_images_are_close_to_fp32(generator: Generator) -> None:
    latents, classes = sample_latents(generator)
    twin = generator.at("bf16")
    assert (generator.precision, twin.precision) == ("fp32", "bf16")
    assert generator.at("fp32") is generator
    difference = (generator.synthesize(latents, classes) - twin.synthesize(latents, classes)).square().mean()
    assert 0 < float(difference) < 0.01


@torch.no_grad()
def test_classes_change_the_image(generator: Generator) -> None:
    classes = len(generator.spec.classes)
    if classes:
        each = torch.eye(classes)
        images = generator.synthesize(generator.map(generator.sample([7]).expand(classes, -1), each), each)
        assert float((images[0] - images[1:]).abs().mean(dim=(1, 2, 3)).min()) > 1e-3
    assert generator.input_weights().shape[1] == generator.spec.width
