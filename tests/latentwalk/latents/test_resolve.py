"""From an edit to its latent, and from one edit to the next."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentwalk.edit import parse
from latentwalk.errors import Invalid
from latentwalk.latents.class_weights import class_weights
from latentwalk.latents.resolve import resolve

BASE = {"generator": "tiny", "base": {"seed": 7}}


@pytest.fixture(scope="module")
def directions(make_direction, make_path):
    found = [make_direction(0), make_direction(1), make_direction(2), make_direction(3, walk=make_path())]
    return {direction.id: direction for direction in found}


def test_an_edit_of_a_seed_is_that_seeds_latent_and_the_default_class(generator, directions):
    latent, classes = resolve(parse(BASE), generator, directions)
    assert torch.equal(latent, generator.sample([7]))
    assert classes.tolist() == [[1.0, 0.0, 0.0]]


def test_neutral_amounts_are_bit_exact(generator, directions):
    rest = parse({**BASE, "amounts": dict.fromkeys(directions, 0.0)})
    assert torch.equal(resolve(rest, generator, directions)[0], resolve(parse(BASE), generator, directions)[0])
    held = parse({**BASE, "amounts": {"way_3": 0.0}, "hold": ["way_0", "way_1"]})
    assert torch.equal(resolve(held, generator, directions)[0], resolve(parse(BASE), generator, directions)[0])


def test_the_order_of_sliders_does_not_matter(generator, directions):
    amounts = {"way_3": 6.0, "way_1": -4.0, "way_0": 9.5, "way_2": 2.0}
    found = [
        resolve(parse({**BASE, "amounts": dict(order)}), generator, directions)[0]
        for order in itertools.permutations(amounts.items())
    ]
    assert all(torch.equal(latent, found[0]) for latent in found)


@given(st.permutations([("amber", 0.1), ("blue", 0.2), ("grey", 0.7)]))
def test_the_order_of_classes_does_not_matter(generator, order):
    assert class_weights(parse({**BASE, "classes": dict(order)}), generator.spec) == class_weights(
        parse({**BASE, "classes": {"amber": 0.1, "blue": 0.2, "grey": 0.7}}), generator.spec
    )


def test_truncation_scales_before_the_sliders_act(generator, directions):
    latent, _ = resolve(parse({**BASE, "truncation": 0.5, "amounts": {"way_0": 10}}), generator, directions)
    assert torch.allclose(latent, generator.sample([7]) * 0.5 + directions["way_0"].walk.vector, atol=1e-6)


def test_held_directions_are_not_touched_by_the_others(generator, directions):
    edit = parse({**BASE, "amounts": {"way_0": 3.0, "way_1": 8.0, "way_3": 9.0}, "hold": ["way_0"]})
    latent, _ = resolve(edit, generator, directions)
    along = float(((latent - generator.sample([7])) @ directions["way_0"].walk.vector).squeeze())
    assert along == pytest.approx(directions["way_0"].steps(3.0), abs=1e-5)


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.floats(0, 1e6), min_size=1, max_size=6))
@settings(max_examples=50)
def test_a_mix_of_seeds_keeps_the_variance_of_the_prior(generator, directions, weights):
    if not sum(weights.values()) > 0:
        return
    edit = parse({"generator": "tiny", "base": {"seeds": {str(seed): weight for seed, weight in weights.items()}}})
    latent, _ = resolve(edit, generator, directions)
    ordered = sorted(weights)
    drawn = generator.sample(ordered).double()
    share = torch.tensor([weights[seed] for seed in ordered], dtype=torch.float64)
    share = share / share.max()
    expected = (share / share.norm()) @ drawn
    assert torch.allclose(latent.double().squeeze(0), expected, atol=1e-4)


@pytest.mark.parametrize("weight", [5e-324, 1e-200, 1e6])
def test_a_single_weighted_seed_is_that_seed_however_light(generator, directions, weight):
    edit = parse({"generator": "tiny", "base": {"seeds": {"7": weight}}})
    assert torch.equal(resolve(edit, generator, directions)[0], generator.sample([7]))


def test_a_direction_of_another_model_is_refused_in_a_sentence(other, directions):
    with pytest.raises(Invalid, match=r"“Way 0” was made for tiny .* not for tiny .*\.$"):
        resolve(parse({**BASE, "amounts": {"way_0": 1.0}}), other, directions)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"amounts": {"smile": 1}}, "has no direction “smile”"),
        ({"hold": ["smile"]}, "has no direction “smile”"),
        ({"layers": {"smile": [0, 1]}}, "has no direction “smile”"),
        ({"hold": ["way_3"], "amounts": {"way_0": 1}}, "is a path and cannot be held"),
        ({"layers": {"way_0": [0, 2]}}, "layers 0 to 2"),
        ({"layers": {"way_0": [1, 1]}}, "layers 1 to 1"),
        ({"layers": {"way_0": [-1, 1]}}, "layers -1 to 1"),
        ({"amounts": {"way_0": 99}}, "cannot go to"),
        ({"classes": {"mauve": 1}}, "has no class “mauve”"),
    ],
)
def test_what_the_generator_cannot_do_is_refused_in_a_sentence(generator, directions, more, sentence):
    with pytest.raises(Invalid, match=sentence) as refusal:
        resolve(parse({**BASE, **more}), generator, directions)
    assert str(refusal.value).endswith(".")


def test_classes_of_a_generator_without_classes_are_refused(unclassed):
    assert resolve(parse(BASE), unclassed, {})[1] is None
    with pytest.raises(Invalid, match="has no classes"):
        resolve(parse({**BASE, "classes": {"blue": 1}}), unclassed, {})


def test_where_there_are_layers_every_layer_gets_a_latent(layered, make_slider):
    sway = make_slider(layered.spec)
    edit = {"generator": "styled", "base": {"seed": 7}, "amounts": {"sway": 5.0}}
    latent, classes = resolve(parse(edit), layered, {"sway": sway})
    still = layered.map(layered.sample([7]), classes)
    assert latent.shape == (1, 6, 8)
    assert torch.allclose(latent, (still + sway.steps(5.0) * sway.walk.vector)[:, None].expand(-1, 6, -1), atol=1e-6)


@pytest.mark.parametrize(
    ("own", "asked", "layers"), [(None, [2, 4], (2, 4)), ((0, 3), None, (0, 3)), ((0, 3), [4, 6], (4, 6))]
)
def test_a_direction_moves_only_the_layers_it_is_limited_to(layered, make_slider, own, asked, layers):
    sway = make_slider(layered.spec, layers=own)
    edit = {"generator": "styled", "base": {"seed": 7}, "amounts": {"sway": 5.0}}
    if asked:
        edit["layers"] = {"sway": asked}
    moved, classes = resolve(parse(edit), layered, {"sway": sway})
    still = layered.map(layered.sample([7]), classes)
    changed = [bool((moved[0, layer] != still[0]).any()) for layer in range(6)]
    assert changed == [layers[0] <= layer < layers[1] for layer in range(6)]
