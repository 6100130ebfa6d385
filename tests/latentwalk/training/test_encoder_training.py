"""Training an encoder on a tiny generator: it learns, resumes, and its file belongs to its generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.progress import finish
from latentwalk.training import encoder_training as module
from latentwalk.training import export_generator
from latentwalk.training.encoder_files import encoder_bytes, load_encoder
from latentwalk.training.encoder_training import EncodeSettings, measure_reconstruction, train_encoder
from latentwalk.training.evaluation.samplers import GeneratorSampler, NetworkSampler
from latentwalk.training.recipe import Recipe, Stage
from models.generators.stylegan2 import StyleGAN2
from models.networks.encoder import Encoder, Moments
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

SETTINGS = EncodeSettings(steps=120, batch=12, width=8)


@pytest.fixture(scope="module")
def sampler() -> NetworkSampler:
    """A randomly initialised generator: w of 6, three classes, 16 px."""
    torch.manual_seed(0)
    config = NetworkConfig(z=6, w=6, classes=3, widths=(12, 8, 6), mapping=2, fir=(1, 1), rate=1.0)
    return NetworkSampler(StyleGAN2Network(config))


@pytest.fixture(scope="module")
def encoder(sampler: NetworkSampler) -> Encoder:
    return finish(train_encoder(sampler, SETTINGS))


@pytest.mark.parametrize("moments", ["none", "positional", "shortcut"])
def test_training_improves_reconstruction_with_every_treatment_of_moments(
    sampler: NetworkSampler, moments: Moments
) -> None:
    untrained = finish(train_encoder(sampler, replace(SETTINGS, moments=moments, steps=1)))
    trained = finish(train_encoder(sampler, replace(SETTINGS, moments=moments)))
    before, after = (
        finish(measure_reconstruction(untrained, sampler, 128)),
        finish(measure_reconstruction(trained, sampler, 128)),
    )
    assert before.latents > 0.7
    assert after.latents < 0.5
    assert after.pictures < 0.5 * before.pictures
    assert after.pictures < 0.5
    assert after.count == 128


def test_an_encoder_that_returns_the_mean_leaves_all_variance_unexplained(sampler: NetworkSampler) -> None:
    blank = Encoder(16, 6, 8).eval()
    blank.centre.copy_(sampler.draw(4096, torch.Generator().manual_seed(3)).mean(dim=0))
    torch.nn.init.zeros_(blank.answer.weight)
    torch.nn.init.zeros_(blank.answer.bias)
    figures = finish(measure_reconstruction(blank, sampler, 256))
    assert figures.latents == pytest.approx(1)
    assert figures.pictures == pytest.approx(1)


def test_a_larger_weight_of_images_improves_them_at_the_expense_of_latents(
    sampler: NetworkSampler, encoder: Encoder
) -> None:
    usual = finish(measure_reconstruction(encoder, sampler, 128))
    heavy = finish(measure_reconstruction(finish(train_encoder(sampler, replace(SETTINGS, pixels=20.0))), sampler, 128))
    assert heavy.latents > usual.latents
    assert heavy.pictures / heavy.latents < usual.pictures / usual.latents


def test_a_resumed_training_ends_with_the_same_weights_as_an_uninterrupted_one(
    tmp_path: Path, sampler: NetworkSampler, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORE", 30)
    file = tmp_path / "encoder.safetensors"
    work = train_encoder(sampler, SETTINGS, file)
    for _ in range(2):
        next(work)
    work.close()
    steps: list[int] = []
    resumed = finish(train_encoder(sampler, SETTINGS, file), lambda progress: steps.append(progress.detail["step"]))
    assert steps == [100, 120]  # resumed after step 90
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    steps.clear()
    finish(train_encoder(sampler, replace(SETTINGS, seed=5, steps=60), file), lambda progress: steps.append(1))
    assert len(steps) == 2  # another training starts from the first step


def test_an_encoder_file_is_rejected_for_another_generator(
    tmp_path: Path, sampler: NetworkSampler, encoder: Encoder
) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(encoder_bytes(encoder, sampler.fingerprint))
    images = sampler.synthesize(sampler.draw(3, torch.Generator().manual_seed(2)))
    with torch.no_grad():
        torch.testing.assert_close(load_encoder(file, sampler.fingerprint)(images), encoder(images))
    with pytest.raises(Invalid, match="another generator"):
        load_encoder(file, "sha256:other")
    with pytest.raises(Invalid, match="no encoder"):
        load_encoder(tmp_path / "none", sampler.fingerprint)


def test_the_shortcut_gives_the_head_the_moments_that_normalisation_removes() -> None:
    # The contrast of an image is a deviation at each position of the first maps, which normalisation divides by.
    torch.manual_seed(0)
    images = torch.randn(64, 3, 16, 16)
    images = images * torch.rand(64, 1, 1, 1)
    for moments, is_visible in (("positional", False), ("shortcut", True)):
        encoder = Encoder(16, 4, 8, "shortcut" if is_visible else "positional").eval()
        with torch.no_grad():
            encoder.see.bias.zero_()  # type: ignore[union-attr]
            change = (encoder(images * 5) - encoder(images * 10)).abs().mean()
        assert bool(change > 1e-2) is is_visible, moments


@pytest.mark.parametrize(("side", "moments"), [(12, "none"), (4, "none"), (16, "both")])
def test_an_encoder_with_an_invalid_configuration_is_rejected(side: int, moments: Moments) -> None:
    with pytest.raises(ValueError, match=r"power of two|moments"):
        Encoder(side, 4, 8, moments)


def test_samples_of_a_network_are_reproducible_and_have_the_requested_class(sampler: NetworkSampler) -> None:
    assert torch.equal(sampler(4, 1, 7), sampler(4, 1, 7))
    assert not torch.equal(sampler(4, 1, 7), sampler(4, 2, 7))
    assert sampler(4, 1, 7).abs().max() <= 1
    sampler.network.mapping.get_buffer("mean").normal_()
    at_mean = NetworkSampler(sampler.network, truncation=0.0)
    torch.testing.assert_close(at_mean(2, 1, 7)[0], at_mean(2, 1, 8)[1], atol=1e-5, rtol=0)
    assert NetworkSampler(sampler.network, side=8)(2, 0, 1).shape == (2, 3, 8, 8)


def test_an_exported_generator_is_sampled_like_its_network(sampler: NetworkSampler) -> None:
    # A checkpoint does not store the learning rate of its mapping network: the usual one is assumed.
    network = StyleGAN2Network(replace(sampler.network.config, rate=0.01))
    recipe = Recipe(
        name="tiny", pictures="avatars:x", widths=(12, 8, 6), z=8, w=8, mapping=2,
        stages=(Stage(side=16, pictures=8),),
    )  # fmt: skip
    spec, weights = export_generator.export_generator(network, recipe, 16, ("a", "b", "c"))
    exported = GeneratorSampler(StyleGAN2(spec, weights), truncation=0.5)
    half = NetworkSampler(network, truncation=0.5)
    torch.testing.assert_close(exported(3, 1, 4), half(3, 1, 4), atol=0.05, rtol=0.05)  # the exported one is float16
    source = torch.Generator()
    torch.testing.assert_close(
        exported.draw(5, source.manual_seed(1)), half.draw(5, source.manual_seed(1)), atol=0.05, rtol=0.05
    )
    assert exported.fingerprint == spec.fingerprint
    assert (exported.side, exported.w) == (16, 6)


def test_a_generator_without_a_mapping_network_is_rejected() -> None:
    class Plain:
        spec = SimpleNamespace(name="plain", space="z", spaces={"z": (6,)})

    with pytest.raises(Invalid, match="no latents w"):
        GeneratorSampler(Plain())  # type: ignore[arg-type]
