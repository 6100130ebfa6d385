"""Beginning with another generator: the same pictures from a wider network, and sentences for what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.training.export_generator import export_generator
from latentwalk.training.recipe import Recipe, Stage
from latentwalk.training.warm_start import warm_start
from models.catalogue import local
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

WIDTHS = (8, 8, 4)


def network(widths: tuple[int, ...], seed: int = 0, z: int = 6) -> StyleGAN2Network:
    torch.manual_seed(seed)
    made = StyleGAN2Network(NetworkConfig(z, 5, 2, widths, 2, fir=(1, 1)))
    with torch.no_grad():  # as after training: biases and means are no longer zero
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):
                parameter.add_(torch.randn_like(parameter) * 0.3)
        made.mapping.get_buffer("mean").normal_()
    return made


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A small kept generator of two classes."""
    recipe = Recipe(name="first", pictures="folder:x", widths=WIDTHS, stages=(Stage(side=16, pictures=8),))
    spec, weights = export_generator(network(WIDTHS), recipe, 16, ("cold", "warm"))
    return local.save(tmp_path, spec, weights).parent


@pytest.mark.parametrize("widths", [WIDTHS, (8, 12, 4), (16, 12, 9)])
def test_a_wider_network_draws_the_same_pictures_at_first(first: Path, widths: tuple[int, ...]) -> None:
    wide = network(widths, seed=1)
    warm_start(wide, first)
    small = local.load(local.read_entry(first))
    z, classes = torch.randn(4, 6), torch.eye(2)[[0, 1, 1, 0]]
    with torch.no_grad():
        picture = wide(z, classes)
        torch.testing.assert_close(
            picture.clamp(-1, 1), small.synthesize(small.map(z, classes), None), atol=1e-4, rtol=0
        )
    torch.testing.assert_close(
        wide.mapping.get_buffer("mean"), network(WIDTHS).mapping.get_buffer("mean"), atol=2e-3, rtol=0
    )


def test_what_is_new_in_it_learns_from_the_first_step(first: Path) -> None:
    wide = network((16, 12, 9), seed=1)
    warm_start(wide, first)
    wide(torch.randn(4, 6), torch.eye(2)[[0, 1, 1, 0]]).square().mean().backward()  # type: ignore[no-untyped-call]
    kernel = wide.get_parameter("synthesis.blocks.1.stay.weight")
    assert kernel[:8, 8:].abs().max() == 0
    assert kernel.grad is not None
    assert kernel.grad[:8, 8:].abs().max() > 0


def test_further_resolutions_may_be_added(first: Path) -> None:
    longer = network((8, 8, 4, 4), seed=1)
    warm_start(longer, first)
    small, z, classes = local.load(local.read_entry(first)), torch.randn(2, 6), torch.eye(2)
    with torch.no_grad():
        lower = longer(z, classes, 3).clamp(-1, 1)
        torch.testing.assert_close(lower, small.synthesize(small.map(z, classes), None), atol=1e-4, rtol=0)


def test_what_cannot_be_begun_with_is_refused_with_a_sentence(first: Path, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no generator to begin with"):
        warm_start(network(WIDTHS), tmp_path / "nowhere")
    with pytest.raises(Invalid, match="other latents or classes"):
        warm_start(network(WIDTHS, z=7), first)
    with pytest.raises(Invalid, match="wider than the recipe"):
        warm_start(network((4, 8, 4)), first)
