"""The StyleGAN2 network against the paper's arithmetic in its plain order."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from models.layers.fir_resampling import filter_kernel, upsample_image
from models.networks.discriminator import Discriminator, minibatch_deviation
from models.networks.mapping import GAIN, SLOPE
from models.networks.stylegan2 import ModulatedConvolution, NetworkConfig, StyleGAN2Network, config_from_state

PLAN = NetworkConfig(z=8, w=12, classes=3, widths=(16, 12, 8), mapping=2)


def fir(x: torch.Tensor, taps: tuple[int, ...], pad: int) -> torch.Tensor:
    kernel = torch.tensor(taps, dtype=x.dtype)
    kernel = kernel / kernel.sum() * 2
    whole = F.pad(x, (pad,) * 4)
    rows = whole.reshape(-1, 1, *whole.shape[-2:])
    return F.conv2d(rows, torch.outer(kernel, kernel)[None, None]).reshape(
        *x.shape[:2], *[s - len(taps) + 1 for s in whole.shape[-2:]]
    )


def test_a_filtered_kernel_is_the_transposed_convolution_followed_by_the_filter() -> None:
    x, kernel = torch.randn(2, 5, 6, 6, dtype=torch.float64), torch.randn(5, 7, 3, 3, dtype=torch.float64)
    folded, padding = filter_kernel(kernel, (1, 3, 3, 1))
    got = F.conv_transpose2d(x, folded, stride=2, padding=padding)
    plain = fir(F.conv_transpose2d(x, kernel, stride=2), (1, 3, 3, 1), 1)
    torch.testing.assert_close(got, plain)
    assert got.shape[-1] == 12


def test_a_raised_image_is_zeros_between_pixels_and_the_filter() -> None:
    picture = torch.randn(2, 3, 5, 5)
    sparse = torch.zeros(2, 3, 10, 10)
    sparse[..., ::2, ::2] = picture
    plain = fir(F.pad(sparse, (0, -1, 0, -1)), (1, 3, 3, 1), 2)
    torch.testing.assert_close(upsample_image(picture, (1, 3, 3, 1)), plain)


@pytest.mark.parametrize("up", [False, True])
def test_scaling_maps_is_modulating_and_demodulating_each_samples_weight(up: bool) -> None:
    layer = ModulatedConvolution(6, 5, PLAN, up=up)
    with torch.no_grad():
        layer.bias.normal_()
    x, w = torch.randn(3, 6, 8, 8), torch.randn(3, PLAN.w)
    expected = []
    for one, style in zip(x, layer.affine(w), strict=True):
        weight = layer.weight * layer.gain * style[None, :, None, None]
        weight = weight * (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        if up:
            y = fir(F.conv_transpose2d(one[None], weight.transpose(0, 1), stride=2), PLAN.fir, 1)
        else:
            y = F.conv2d(one[None], weight, padding=1)
        expected.append(F.leaky_relu(y + layer.bias[:, None, None], SLOPE) * GAIN)
    torch.testing.assert_close(layer(x, layer.affine(w)), torch.cat(expected), atol=1e-5, rtol=1e-4)


def test_the_plan_is_read_back_off_the_weights() -> None:
    assert config_from_state(StyleGAN2Network(PLAN).state_dict(), PLAN.fir) == PLAN
    assert PLAN.resolution == 16
    assert PLAN.layers == 6


def test_every_style_reaches_the_image_and_none_is_left_over() -> None:
    network = StyleGAN2Network(PLAN)
    styles = torch.randn(1, PLAN.layers, PLAN.w, requires_grad=True)
    network.synthesis(styles).square().sum().backward()
    assert styles.grad is not None
    assert (styles.grad.abs().sum(dim=2) > 0).all()


def test_fewer_blocks_give_the_smaller_picture() -> None:
    network = StyleGAN2Network(PLAN)
    z, classes = torch.randn(2, PLAN.z), torch.eye(3)[:2]
    assert network(z, classes, 2).shape == (2, 3, 8, 8)
    assert network(z, classes).shape == (2, 3, 16, 16)


def test_deviation_compares_neighbours_only() -> None:
    x = torch.randn(16, 4, 4, 4)
    x[:8] = x[0]
    found = minibatch_deviation(x)[:, 0, 0, 0]
    assert found[:8].max() < 1e-3
    expected = x[8:].var(dim=0, unbiased=False).add(1e-8).sqrt().mean()
    torch.testing.assert_close(found[8:], expected.expand(8))


def test_a_fully_faded_critic_is_the_critic_and_an_unfaded_one_sees_only_the_half() -> None:
    critic = Discriminator((16, 12, 8), classes=3)
    pictures, classes = torch.randn(4, 3, 16, 16), torch.eye(3)[[0, 1, 2, 0]]
    whole = critic(pictures, classes, torch.float32)
    torch.testing.assert_close(critic(pictures, classes, torch.float32, 1.0), whole)
    half = critic(F.avg_pool2d(pictures, 2), classes, torch.float32)
    torch.testing.assert_close(critic(pictures, classes, torch.float32, 0.0), half)
    assert whole.isfinite().all()
