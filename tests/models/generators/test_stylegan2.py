"""A StyleGAN2 as a generator: classes, truncation, layers, and weights that are what was said of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.errors import ModelFailed
from models.generators.stylegan2 import StyleGAN2
from models.specs import GeneratorSpec

State = dict[str, torch.Tensor]


def test_no_truncation_gives_the_mean_of_the_classes_given_mixed_by_their_weights(layered: StyleGAN2) -> None:
    mean = layered.network.mapping.get_buffer("mean")
    mixed = layered.map(layered.sample([1]), torch.tensor([[0.25, 0.75, 0.0]]), 0.0)
    torch.testing.assert_close(mixed, 0.25 * mean[:1] + 0.75 * mean[1:2])


def test_half_truncation_lies_halfway_to_the_class_mean(layered: StyleGAN2) -> None:
    z, one = layered.sample([3]), torch.eye(3)[:1]
    whole, half, mean = (layered.map(z, one, share) for share in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half, (whole + mean) / 2)


def test_a_class_is_heard_through_the_latent_alone(layered: StyleGAN2) -> None:
    classes = torch.eye(3)
    w = layered.map(layered.sample([1]), classes[:1])
    assert torch.equal(layered.synthesize(w, classes[:1]), layered.synthesize(w, classes[1:2]))
    assert not torch.allclose(w, layered.map(layered.sample([1]), classes[1:2]))


def test_early_layers_change_more_of_the_image_than_its_last(layered: StyleGAN2) -> None:
    w = layered.map(layered.sample([1, 2]), torch.eye(3)[:2])
    styles = w[:1, None].repeat(1, 6, 1)
    changes = []
    for layers in (slice(0, 2), slice(5, 6)):
        mixed = styles.clone()
        mixed[:, layers] = w[1]
        changes.append(float((layered.synthesize(mixed, None) - layered.synthesize(styles, None)).abs().mean()))
    assert changes[0] > 0
    assert changes[1] > 0


def test_the_bf16_twin_keeps_its_weights_and_its_latents(layered: StyleGAN2) -> None:
    twin = layered.at("bf16")
    classes = torch.eye(3)[:1]
    assert twin.network is layered.network
    assert torch.equal(twin.map(twin.sample([5]), classes), layered.map(layered.sample([5]), classes))
    w = layered.map(layered.sample([5]), classes)
    torch.testing.assert_close(twin.synthesize(w, None), layered.synthesize(w, None), atol=0.1, rtol=0.1)


def test_the_latent_enters_by_every_layers_style(layered: StyleGAN2) -> None:
    assert layered.input_weights().shape == (8 + 8 + 8 + 6 + 6 + 6 + 4 + 4, 8)
    assert layered.first_layer(None) is None


@pytest.mark.parametrize("told", [{"resolution": 32}, {"layers": 4}, {"spaces": {"z": (6,), "w": (9,)}}])
def test_weights_that_are_not_what_was_said_of_them_are_refused(
    described: tuple[GeneratorSpec, State], told: dict[str, object]
) -> None:
    spec, state = described
    with pytest.raises(ModelFailed, match="not what its description says"):
        StyleGAN2(replace(spec, **told), state)


@pytest.mark.parametrize("missing", ["fir", "synthesis.start", "mapping.layers.0.weight"])
def test_weights_with_a_gap_are_no_stylegan2(described: tuple[GeneratorSpec, State], missing: str) -> None:
    spec, state = described
    with pytest.raises(ModelFailed, match="no StyleGAN2"):
        StyleGAN2(spec, {name: tensor for name, tensor in state.items() if name != missing})
