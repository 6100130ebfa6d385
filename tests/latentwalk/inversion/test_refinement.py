"""Refining encoded latents by descent on the pixel error."""

from __future__ import annotations

import pytest
import torch

from latentwalk.inversion.refinement import refine
from latentwalk.progress import finish
from latentwalk.training.evaluation.samplers import NetworkSampler
from models.networks.encoder import Encoder
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network


@pytest.fixture(scope="module")
def sampler() -> NetworkSampler:
    """A randomly initialised generator: w of 6, 16 px."""
    torch.manual_seed(0)
    return NetworkSampler(StyleGAN2Network(NetworkConfig(6, 6, 3, (12, 8, 6), 2, fir=(1, 1), rate=1.0)))


def test_refinement_never_makes_an_image_worse_than_the_encoders_estimate(sampler: NetworkSampler) -> None:
    encoder = Encoder(16, 6, 8).eval()
    images = sampler.synthesize(sampler.draw(8, torch.Generator().manual_seed(9)))
    with torch.no_grad():
        latents = encoder(images)
        before = (sampler.synthesize(latents) - images).square().mean(dim=(1, 2, 3))
        after = (sampler.synthesize(finish(refine(encoder, sampler, images, 40))) - images).square().mean(dim=(1, 2, 3))
        unrefined = finish(refine(encoder, sampler, images, 0))
    assert (after <= before + 1e-7).all()
    assert after.mean() < 0.7 * before.mean()
    torch.testing.assert_close(unrefined, latents)
