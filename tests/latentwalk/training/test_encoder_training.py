"""The encoder on a tiny generator: it learns, stops and goes on, and belongs to its generator."""

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
from latentwalk.training.encoder_training import (
    EncodeSettings,
    load,
    measure_reconstruction,
    refine,
    to_bytes,
    train_encoder,
)
from latentwalk.training.evaluation.samplers import GeneratorSampler, NetworkSampler
from latentwalk.training.recipe import Recipe, Stage
from models.generators.stylegan2 import StyleGAN2
from models.networks.encoder import Encoder, Moments
from models.networks.stylegan2 import NetworkConfig, StyleGAN2Network

SETTINGS = EncodeSettings(steps=120, batch=12, width=8)


@pytest.fixture(scope="module")
def made() -> NetworkSampler:
    """A generator of random weights: w of 6 in three classes, 16 px."""
    torch.manual_seed(0)
    plan = NetworkConfig(z=6, w=6, classes=3, widths=(12, 8, 6), mapping=2, fir=(1, 1), rate=1.0)
    return NetworkSampler(StyleGAN2Network(plan))


@pytest.fixture(scope="module")
def encoder(made: NetworkSampler) -> Encoder:
    return finish(train_encoder(made, SETTINGS))


@pytest.mark.parametrize("moments", ["none", "positional", "shortcut"])
def test_it_learns_the_way_back_with_any_treatment_of_moments(made: NetworkSampler, moments: Moments) -> None:
    untrained = finish(train_encoder(made, replace(SETTINGS, moments=moments, steps=1)))
    trained = finish(train_encoder(made, replace(SETTINGS, moments=moments)))
    before, after = (
        finish(measure_reconstruction(untrained, made, 128)),
        finish(measure_reconstruction(trained, made, 128)),
    )
    assert before.latents > 0.7
    assert after.latents < 0.5
    assert after.pictures < 0.5 * before.pictures
    assert after.pictures < 0.5
    assert after.count == 128


def test_an_encoder_that_answers_the_mean_leaves_everything_over(made: NetworkSampler) -> None:
    blank = Encoder(16, 6, 8).eval()
    blank.centre.copy_(made.draw(4096, torch.Generator().manual_seed(3)).mean(dim=0))
    torch.nn.init.zeros_(blank.answer.weight)
    torch.nn.init.zeros_(blank.answer.bias)
    found = finish(measure_reconstruction(blank, made, 256))
    assert found.latents == pytest.approx(1)
    assert found.pictures == pytest.approx(1)


def test_weighing_pictures_more_trades_latents_for_them(made: NetworkSampler, encoder: Encoder) -> None:
    usual = finish(measure_reconstruction(encoder, made, 128))
    heavy = finish(measure_reconstruction(finish(train_encoder(made, replace(SETTINGS, pixels=20.0))), made, 128))
    assert heavy.latents > usual.latents
    assert heavy.pictures / heavy.latents < usual.pictures / usual.latents


def test_a_training_stopped_and_gone_on_with_is_the_one_never_stopped(
    tmp_path: Path, made: NetworkSampler, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STORE", 30)
    file = tmp_path / "encoder.safetensors"
    work = train_encoder(made, SETTINGS, file)
    for _ in range(2):
        next(work)
    work.close()
    heard: list[int] = []
    again = finish(train_encoder(made, SETTINGS, file), lambda progress: heard.append(progress.detail["step"]))
    assert heard == [100, 120]  # from the ninetieth step
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    heard.clear()
    finish(train_encoder(made, replace(SETTINGS, seed=5, steps=60), file), lambda progress: heard.append(1))
    assert len(heard) == 2  # another training begins at its beginning


def test_refining_never_leaves_a_picture_worse_off(made: NetworkSampler, encoder: Encoder) -> None:
    pictures = made.paint(made.draw(8, torch.Generator().manual_seed(9)))
    with torch.no_grad():
        latents = encoder(pictures)
        first = (made.paint(latents) - pictures).square().mean(dim=(1, 2, 3))
        after = (made.paint(finish(refine(encoder, made, pictures, 40))) - pictures).square().mean(dim=(1, 2, 3))
        kept = finish(refine(encoder, made, pictures, 0))
    assert (after <= first + 1e-7).all()
    assert after.mean() < 0.7 * first.mean()
    torch.testing.assert_close(kept, latents)


def test_its_file_belongs_to_its_generator(tmp_path: Path, made: NetworkSampler, encoder: Encoder) -> None:
    file = tmp_path / "encoder.safetensors"
    file.write_bytes(to_bytes(encoder, made.fingerprint))
    pictures = made.paint(made.draw(3, torch.Generator().manual_seed(2)))
    with torch.no_grad():
        torch.testing.assert_close(load(file, made.fingerprint)(pictures), encoder(pictures))
    with pytest.raises(Invalid, match="another generator"):
        load(file, "sha256:other")
    with pytest.raises(Invalid, match="no encoder"):
        load(tmp_path / "none", made.fingerprint)


def test_the_shortcut_lets_the_head_see_what_normalising_took_out() -> None:
    # A picture's contrast is a deviation at each position of the first maps, and that is divided away.
    torch.manual_seed(0)
    pictures = torch.randn(64, 3, 16, 16)
    pictures = pictures * torch.rand(64, 1, 1, 1)
    for moments, sees in (("positional", False), ("shortcut", True)):
        encoder = Encoder(16, 4, 8, "shortcut" if sees else "positional").eval()
        with torch.no_grad():
            encoder.see.bias.zero_()  # type: ignore[union-attr]
            change = (encoder(pictures * 5) - encoder(pictures * 10)).abs().mean()
        assert bool(change > 1e-2) is sees, moments


@pytest.mark.parametrize(("side", "moments"), [(12, "none"), (4, "none"), (16, "both")])
def test_what_cannot_be_built_is_refused(side: int, moments: Moments) -> None:
    with pytest.raises(ValueError, match=r"powers of two|moments"):
        Encoder(side, 4, 8, moments)


def test_samples_of_a_network_are_of_the_class_asked_again_and_again(made: NetworkSampler) -> None:
    assert torch.equal(made(4, 1, 7), made(4, 1, 7))
    assert not torch.equal(made(4, 1, 7), made(4, 2, 7))
    assert made(4, 1, 7).abs().max() <= 1
    made.network.mapping.get_buffer("mean").normal_()
    at_mean = NetworkSampler(made.network, truncation=0.0)
    torch.testing.assert_close(at_mean(2, 1, 7)[0], at_mean(2, 1, 8)[1], atol=1e-5, rtol=0)
    assert NetworkSampler(made.network, side=8)(2, 0, 1).shape == (2, 3, 8, 8)


def test_a_kept_generator_is_sampled_and_painted_as_its_network_is(made: NetworkSampler) -> None:
    # A checkpoint does not say at what rate its mapping learned: it is the usual one.
    network = StyleGAN2Network(replace(made.network.config, rate=0.01))
    recipe = Recipe(
        name="tiny", pictures="avatars:x", widths=(12, 8, 6), z=8, w=8, mapping=2,
        stages=(Stage(side=16, pictures=8),),
    )  # fmt: skip
    spec, weights = export_generator.export_generator(network, recipe, 16, ("a", "b", "c"))
    ready = GeneratorSampler(StyleGAN2(spec, weights), truncation=0.5)
    half = NetworkSampler(network, truncation=0.5)
    torch.testing.assert_close(ready(3, 1, 4), half(3, 1, 4), atol=0.05, rtol=0.05)  # the kept one is float16
    source = torch.Generator()
    torch.testing.assert_close(
        ready.draw(5, source.manual_seed(1)), half.draw(5, source.manual_seed(1)), atol=0.05, rtol=0.05
    )
    assert ready.fingerprint == spec.fingerprint
    assert (ready.side, ready.w) == (16, 6)


def test_a_generator_without_a_mapping_network_is_refused() -> None:
    class Plain:
        spec = SimpleNamespace(name="plain", space="z", spaces={"z": (6,)})

    with pytest.raises(Invalid, match="no latents w"):
        GeneratorSampler(Plain())  # type: ignore[arg-type]
