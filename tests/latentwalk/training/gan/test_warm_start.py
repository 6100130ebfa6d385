"""Warm starts: a wider network generates the same images, and generators that do not fit are rejected."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.training.export_generator import export_generator
from latentwalk.training.gan.warm_start import warm_start
from latentwalk.training.recipe import Recipe, Stage
from models.catalogue import local
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

WIDTHS = (8, 8, 4)


def random_network(widths: tuple[int, ...], seed: int = 0, z: int = 6) -> StyleGAN2Network:
    torch.manual_seed(seed)
    network = StyleGAN2Network(NetworkConfig(z, 5, 2, widths, 2, fir=(1, 1)))
    with torch.no_grad():  # as after training: biases and means are no longer zero
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
        network.mapping.get_buffer("mean").normal_()
    return network


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A small saved generator of two classes."""
    recipe = Recipe(name="first", pictures="folder:x", widths=WIDTHS, stages=(Stage(side=16, pictures=8),))
    spec, weights = export_generator(random_network(WIDTHS), recipe, 16, ("cold", "warm"))
    return local.save(tmp_path, spec, weights).parent


@pytest.mark.parametrize("widths", [WIDTHS, (8, 12, 4), (16, 12, 9)])
def test_a_wider_network_generates_the_same_images_at_first(first: Path, widths: tuple[int, ...]) -> None:
    wide = random_network(widths, seed=1)
    warm_start(wide, first)
    small = local.load(local.read_entry(first))
    z, classes = torch.randn(4, 6), torch.eye(2)[[0, 1, 1, 0]]
    with torch.no_grad():
        picture = wide(z, classes)
        torch.testing.assert_close(
            picture.clamp(-1, 1), small.synthesize(small.map(z, classes), None), atol=1e-4, rtol=0
        )
    torch.testing.assert_close(
        wide.mapping.get_buffer("mean"), random_network(WIDTHS).mapping.get_buffer("mean"), atol=2e-3, rtol=0
    )


def test_new_channels_have_a_gradient_from_the_first_step(first: Path) -> None:
    wide = random_network((16, 12, 9), seed=1)
    warm_start(wide, first)
    wide(torch.randn(4, 6), torch.eye(2)[[0, 1, 1, 0]]).square().mean().backward()  # type: ignore[no-untyped-call]
    kernel = wide.get_parameter("synthesis.blocks.1.stay.weight")
    assert kernel[:8, 8:].abs().max() == 0
    assert kernel.grad is not None
    assert kernel.grad[:8, 8:].abs().max() > 0


def test_resolutions_may_be_added(first: Path) -> None:
    longer = random_network((8, 8, 4, 4), seed=1)
    warm_start(longer, first)
    small, z, classes = local.load(local.read_entry(first)), torch.randn(2, 6), torch.eye(2)
    with torch.no_grad():
        lower = longer(z, classes, 3).clamp(-1, 1)
        torch.testing.assert_close(lower, small.synthesize(small.map(z, classes), None), atol=1e-4, rtol=0)


def test_generators_that_do_not_fit_are_rejected(first: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no generator to start from"):
        warm_start(random_network(WIDTHS), tmp_path / "nowhere")
    with pytest.raises(Invalid, match="other latents or classes"):
        warm_start(random_network(WIDTHS, z=7), first)
    with pytest.raises(Invalid, match="wider than the recipe"):
        warm_start(random_network((4, 8, 4)), first)
