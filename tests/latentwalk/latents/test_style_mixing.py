"""Layer by layer: truncation with a cutoff and another mean, styles of another seed, and what lies behind layers."""

from __future__ import annotations

import pytest
import torch

from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.edit import canonical, parse, parse_text
from latentwalk.errors import Invalid
from latentwalk.latents.latent_codec import stack_latents
from latentwalk.latents.resolve import resolve
from models.generators.stylegan2 import StyleGAN2

BASE = {"generator": "layered", "base": {"seed": 7}}


def latent(generator: StyleGAN2, directions=None, **more) -> torch.Tensor:
    return resolve(parse({**BASE, **more}), generator, directions or {})[0]


def test_a_cutoff_truncates_the_layers_before_it_and_leaves_the_others(layered: StyleGAN2) -> None:
    whole, half, cut = (latent(layered, truncation=t, **c) for t, c in ((1, {}), (0.5, {}), (0.5, {"cutoff": 2})))
    assert torch.equal(cut[:, :2], half[:, :2])
    assert torch.equal(cut[:, 2:], whole[:, 2:])
    assert not torch.allclose(whole, half)


def test_another_seed_gives_the_layers_that_are_asked_of_it(layered: StyleGAN2) -> None:
    own, other = latent(layered), latent(layered, base={"seed": 9})
    mixed = latent(layered, styles={"9": [2, 5]})
    assert torch.equal(mixed[:, 2:5], other[:, 2:5])
    assert torch.equal(mixed[:, [0, 1, 5]], own[:, [0, 1, 5]])


def test_the_later_seed_wins_where_two_give_the_same_layer(layered: StyleGAN2) -> None:
    mixed = latent(layered, styles={"11": [0, 4], "9": [2, 6]})
    assert torch.allclose(mixed[:, :4], latent(layered, base={"seed": 11})[:, :4], atol=1e-5)
    assert torch.allclose(mixed[:, 4:], latent(layered, base={"seed": 9})[:, 4:], atol=1e-5)


def test_truncation_goes_to_the_mean_that_is_named(layered: StyleGAN2) -> None:
    names = layered.spec.classes
    mix = {names[0]: 1, names[1]: 3}
    none = {mean: latent(layered, truncation=0, mean=mean, classes=mix) for mean in ("own", "class", "all")}
    weights = torch.tensor([[0.25, 0.75, 0.0]])
    for mean, found in none.items():
        assert torch.allclose(found[:, 0], layered.mean_latent(weights, mean), atol=1e-6)
    assert not torch.allclose(none["class"], none["all"], atol=1e-3)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"styles": {"9": [2, 99]}}, "Seed 9 cannot give layers 2 to 99"),
        ({"styles": {"9": [3, 3]}}, "Seed 9 cannot give layers 3 to 3"),
        ({"cutoff": 7}, "6 layers, not 7"),
    ],
)
def test_layers_that_are_not_there_are_refused_with_what_there_is(layered: StyleGAN2, asked, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        latent(layered, **asked)


def test_a_generator_of_one_layer_says_that_it_has_no_styles_to_mix(tiny) -> None:
    for asked in ({"styles": {"9": [0, 1]}}, {"cutoff": 1}):
        with pytest.raises(Invalid, match="enters once"):
            resolve(parse({**BASE, "generator": "tiny", **asked}), tiny, {})
    with pytest.raises(Invalid, match="one mean latent"):
        resolve(parse({**BASE, "generator": "tiny", "mean": "all", "truncation": 0.5}), tiny, {})


def test_seeds_that_are_too_large_are_refused_in_styles_as_they_are_in_the_base() -> None:
    with pytest.raises(Invalid, match="Seeds run from 0"):
        parse({**BASE, "styles": {str(2**32): [0, 1]}})


def test_edits_that_ask_for_nothing_new_are_spelled_as_they_always_were() -> None:
    assert canonical(parse({**BASE, "cutoff": None, "mean": "own", "styles": {}})) == canonical(parse(BASE))
    whole = parse({**BASE, "cutoff": 2, "mean": "class", "styles": {"9": [2, 5]}})
    assert parse_text(canonical(whole)) == whole


def channel(layered: StyleGAN2, make_slider, number: int):
    vector = torch.zeros(sum(layered.style_widths))
    vector[number] = 1.0
    more = {"space": "s", "walk": LinearWalk(vector), "unit": Unit("σ"), "curve": Curve.straight(1.0, 20.0)}
    return make_slider(layered.spec, "one_channel", 0, **more)


def test_a_slider_of_s_changes_just_the_channel_it_names(layered: StyleGAN2, make_slider) -> None:
    slider = channel(layered, make_slider, 5)
    still, moved = (latent(layered, {"one_channel": slider}, amounts={"one_channel": a}) for a in (0.0, 3.0))
    change = layered.style_vector(moved) - layered.style_vector(still)
    assert change[0, 5] == pytest.approx(3.0, abs=1e-4)
    assert float(change.abs().sum()) == pytest.approx(3.0, abs=1e-3)
    one = torch.eye(3)[:1]
    assert not torch.allclose(layered.synthesize(moved, one), layered.synthesize(still, one), atol=1e-4)


def test_a_slider_of_another_networks_styles_is_refused(layered: StyleGAN2, make_slider) -> None:
    vector = torch.eye(7)[0]
    slider = make_slider(layered.spec, "one_channel", 0, space="s", walk=LinearWalk(vector))
    with pytest.raises(Invalid, match=f"not for the {sum(layered.style_widths)} style channels"):
        latent(layered, {"one_channel": slider}, amounts={"one_channel": 1.0})


def test_pictures_with_and_without_changed_styles_share_a_batch(layered: StyleGAN2, make_slider) -> None:
    slider = channel(layered, make_slider, 5)
    plain, changed = latent(layered), latent(layered, {"one_channel": slider}, amounts={"one_channel": 2.0})
    one = torch.eye(3)[:1]
    both = layered.synthesize(stack_latents([plain, changed]), one.expand(2, -1))
    assert torch.allclose(both[:1], layered.synthesize(plain, one), atol=1e-5)
    assert torch.allclose(both[1:], layered.synthesize(changed, one), atol=1e-5)
