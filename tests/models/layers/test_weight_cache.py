"""Weights prepared once: never for other weights, and never in the way of a gradient."""

from __future__ import annotations

import copy

import torch

from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

PLAN = NetworkConfig(z=6, w=5, classes=0, widths=(8, 6, 4), mapping=1)


def network() -> StyleGAN2Network:
    torch.manual_seed(0)
    return StyleGAN2Network(PLAN).eval().requires_grad_(False)


def test_changed_weights_are_prepared_anew() -> None:
    one, z = network(), torch.randn(2, 6)
    before = one(z, None)
    assert torch.equal(one(z, None), before)
    with torch.no_grad():
        one.get_parameter("synthesis.blocks.1.rise.weight").mul_(torch.linspace(0.5, 2, 6)[:, None, None, None])
    after = one(z, None)
    assert not torch.equal(after, before)
    one.load_state_dict(network().state_dict())
    torch.testing.assert_close(one(z, None), before)


def test_what_was_prepared_in_inference_lets_gradients_of_latents_through() -> None:
    one = network()
    latents = torch.randn(2, PLAN.layers, 5)
    with torch.inference_mode():
        picture = one.synthesis(latents)
    asked = latents.clone().requires_grad_(True)
    again = one.synthesis(asked)
    again.square().sum().backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(again.detach(), picture.clone())
    assert asked.grad is not None
    assert asked.grad.abs().sum() > 0


def test_a_copy_does_not_answer_with_the_first_ones_weights() -> None:
    one, z = network(), torch.randn(2, 6)
    before = one(z, None)
    other = copy.deepcopy(one)
    with torch.no_grad():
        other.get_parameter("synthesis.blocks.0.stay.weight").normal_()
    assert not torch.equal(other(z, None), before)
    assert torch.equal(one(z, None), before)


def test_both_precisions_are_served_in_turn() -> None:
    one, latents = network(), torch.randn(2, PLAN.layers, 5)
    exact = one.synthesis(latents)
    rough = one.synthesis(latents, dtype=torch.bfloat16)
    assert torch.equal(one.synthesis(latents), exact)
    assert 0 < (rough - exact).abs().max() < 0.2 * exact.abs().max()
