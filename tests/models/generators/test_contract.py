"""What every adapter promises, asked of every generator that ships or can be pulled."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from latentwalk.rendering.precision import LEAST_PSNR, lowest_psnr
from models.base import Generator
from models.catalogue import local, pinned
from models.catalogue.hashing import fingerprint

SEEDS = [0, 7, 2**32 - 1, 123456789]


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def weights(generator, count=len(SEEDS)):
    """Class weights that differ from picture to picture; None where there are no classes."""
    kinds = len(generator.spec.classes)
    if not kinds:
        return None
    drawn = torch.rand(count, kinds, generator=torch.Generator().manual_seed(0))
    return drawn / drawn.sum(dim=1, keepdim=True)


def drawn(generator):
    """Latents ready for synthesis, and their class weights."""
    classes = weights(generator)
    return generator.map(generator.sample(SEEDS), classes), classes


def pictures(generator, seeds=SEEDS, truncation=1.0):
    classes = weights(generator, len(seeds))
    return generator.synthesize(generator.map(generator.sample(seeds), classes, truncation), classes)


def test_it_is_a_generator_and_says_what_it_is(generator, entry):
    spec = generator.spec
    assert isinstance(generator, Generator)
    assert spec == entry.spec
    assert spec.space in spec.spaces
    assert set(spec.default_classes) <= set(spec.classes)
    assert bool(spec.classes) == bool(spec.default_classes)
    assert all((spec.card.source, spec.card.licence, spec.card.data_licence, spec.card.shows_badly))


def test_one_latent_a_layer_is_the_same_image_where_there_are_layers(generator):
    latents, classes = drawn(generator)
    layers = generator.spec.layers
    if layers > 1:
        layered = latents[:, None].repeat(1, layers, 1)
        assert torch.equal(generator.synthesize(layered, classes), generator.synthesize(latents, classes))


def test_the_latent_enters_by_the_weights_it_names(generator):
    weight = generator.input_weights()
    assert weight.shape[1] == generator.spec.width
    assert float(weight.abs().max()) > 0


def test_the_same_seed_is_the_same_latent_whatever_was_drawn_before(generator):
    first = generator.sample(SEEDS)
    torch.manual_seed(99)
    torch.randn(10)
    assert torch.equal(first, generator.sample(SEEDS))
    assert torch.equal(first[[2]], generator.sample([SEEDS[2]]))
    assert first.dtype == torch.float32
    assert first.shape == (4, *generator.spec.spaces["z"])
    assert len({row.sum().item() for row in first}) == 4


def test_drawing_leaves_torchs_own_random_numbers_alone(generator):
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    generator.sample(SEEDS)
    assert torch.equal(torch.randn(3), expected)


def test_no_seeds_give_no_latents(generator):
    assert generator.sample([]).shape == (0, *generator.spec.spaces["z"])


def test_latents_follow_the_prior(generator):
    drawn = generator.sample(range(400))
    assert abs(float(drawn.mean())) < 0.02
    assert abs(float(drawn.std()) - 1) < 0.02


def test_truncation_pulls_to_one_point_and_one_changes_nothing(generator):
    z, classes = generator.sample(SEEDS), weights(generator)
    assert torch.equal(generator.map(z, classes), generator.map(z, classes, 1.0))
    middle = generator.map(z, classes, 0.0)
    assert float((middle - middle[:1]).abs().max()) < 1e-6 or classes is not None


def test_images_have_the_shape_range_and_type_that_were_promised(generator):
    made = pictures(generator)
    spec = generator.spec
    assert made.shape == (4, spec.channels, spec.resolution, spec.resolution)
    assert made.dtype == torch.float32
    assert float(made.min()) >= -1
    assert float(made.max()) <= 1
    assert float(made.std()) > 0.1


def test_the_same_latents_are_the_same_images_bit_for_bit(generator):
    assert torch.equal(pictures(generator), pictures(generator))


def test_a_batch_is_its_images_one_by_one_and_in_order(generator):
    latents, classes = drawn(generator)
    together = generator.synthesize(latents, classes)
    for index in range(len(SEEDS)):
        one = slice(index, index + 1)
        alone = generator.synthesize(latents[one], None if classes is None else classes[one])
        assert torch.allclose(together[one], alone, atol=1e-4)
    turned = generator.synthesize(latents.flip(0), None if classes is None else classes.flip(0))
    assert torch.allclose(turned.flip(0), together, atol=1e-4)


def test_synthesis_does_not_write_into_its_latents(generator):
    latents, classes = drawn(generator)
    before = latents.clone()
    generator.synthesize(latents, classes)
    assert torch.equal(latents, before)


def test_classes_change_the_picture(generator):
    if not generator.spec.classes:
        assert weights(generator) is None
        return
    each = torch.eye(len(generator.spec.classes))
    made = generator.synthesize(generator.map(generator.sample([7]).expand(len(each), -1), each), each)
    assert float((made[0] - made[1:]).abs().mean(dim=(1, 2, 3)).min()) > 0.01


def test_the_fingerprint_is_that_of_the_weights_it_runs_with(generator, entry, zoo_folder):
    if entry.origin.kind == "folder":
        state = load_file(Path(entry.origin.member) / local.WEIGHTS)
    elif entry.origin.kind == "installed":
        state = pinned._installed_state(entry)
    else:
        state = pinned._downloaded_state(entry, zoo_folder)
    assert fingerprint(state) == generator.spec.fingerprint
    name = next(iter(state))
    assert fingerprint({**state, name: state[name] + 1e-3}) != generator.spec.fingerprint
    assert fingerprint(dict(reversed(state.items()))) == generator.spec.fingerprint


def test_its_bf16_twin_shows_the_same_to_40_db_and_is_the_same_in_fp32(generator):
    twin = generator.at("bf16")
    assert (generator.precision, twin.precision) == ("fp32", "bf16")
    assert twin.at("bf16") is twin
    assert generator.at("fp32") is generator
    assert lowest_psnr(pictures(generator), pictures(twin)) >= LEAST_PSNR
    assert torch.equal(twin.sample(SEEDS), generator.sample(SEEDS))


def test_gradients_flow_from_the_image_to_the_latent(generator):
    with torch.enable_grad():
        classes = weights(generator, 1)
        latent = generator.map(generator.sample([7]), classes).requires_grad_(True)
        generator.synthesize(latent, classes).square().mean().backward()
    assert float(latent.grad.abs().max()) > 0


def test_the_first_layer_is_what_the_network_computes_first(generator):
    classes = weights(generator, 1)
    layer = generator.first_layer(classes)
    if layer is None:
        return
    latents = generator.sample(SEEDS)
    seen = []
    first = next(module for module in generator.network if isinstance(module, torch.nn.BatchNorm2d))
    hook = first.register_forward_hook(lambda module, inputs, output: seen.append(output.clone()))
    generator.synthesize(latents, None if classes is None else classes.expand(len(SEEDS), -1))
    hook.remove()
    read_off = (latents @ layer.weight.T + layer.bias).reshape(len(SEEDS), *layer.shape)
    assert torch.allclose(read_off, seen[0], atol=1e-4)
