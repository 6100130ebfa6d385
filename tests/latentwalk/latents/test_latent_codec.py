"""Latents written into an edit: read back as they were, mixed, truncated, and refused where they are none."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentwalk.edit import canonical, parse, parse_text
from latentwalk.errors import Invalid
from latentwalk.films.route import route_of
from latentwalk.films.timeline import read
from latentwalk.latents.latent_codec import decode_latent, encode_latent
from latentwalk.latents.resolve import resolve


def written(latent: torch.Tensor, **more: object) -> dict[str, object]:
    return {"generator": "styled", "base": {"latent": encode_latent(latent)}, **more}


@given(st.lists(st.floats(-60_000, 60_000, width=16), min_size=8, max_size=8))
def test_a_latent_of_halves_comes_back_bit_for_bit(layered, numbers: list[float]) -> None:
    latent = torch.tensor(numbers)
    assert torch.equal(decode_latent(encode_latent(latent), layered.spec)[0], latent)


def test_it_is_the_latent_the_picture_is_made_of(layered) -> None:
    latent = torch.linspace(-1, 1, 8).half().float()
    found, _ = resolve(parse(written(latent)), layered, {})
    assert torch.equal(found, latent[None, None].expand(1, 6, 8))


def test_one_latent_a_layer_stays_one_a_layer_and_sliders_move_them_all(layered, make_slider) -> None:
    stored = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)).half().float()
    sway = make_slider(layered.spec)
    still, _ = resolve(parse(written(stored)), layered, {"sway": sway})
    assert torch.equal(still[0], stored)
    moved, _ = resolve(parse(written(stored, amounts={"sway": 5.0})), layered, {"sway": sway})
    torch.testing.assert_close(moved[0] - stored, (sway.steps(5.0) * sway.walk.vector).expand(6, 8))


def test_truncation_pulls_it_to_the_mean_of_the_classes(layered) -> None:
    latent = torch.linspace(-1, 1, 8).half().float()
    mean = layered.network.mapping.get_buffer("mean")[1]
    half, _ = resolve(parse(written(latent, truncation=0.5, classes={"square": 1})), layered, {})
    torch.testing.assert_close(half[0, 0], (latent + mean) / 2)


def test_it_survives_the_canonical_json() -> None:
    edit = parse(written(torch.linspace(-1, 1, 8)))
    assert parse_text(canonical(edit)) == edit
    assert "space" not in canonical(edit)


def test_a_walk_leads_from_one_to_another_but_not_to_a_seed(layered) -> None:
    def middle(first: object, second: object):
        keyframes = [{"at": 0, "edit": first, "easing": "linear"}, {"at": 4, "edit": second}]
        walk = read({"version": 2, "generator": "styled", "keyframes": keyframes, "play": "once"})
        return route_of(walk, {}, layered.spec).at(1.0)

    first, second = (written(torch.full((8,), value)) for value in (0.0, 1.0))
    assert middle(first, second).base.latent == encode_latent(torch.full((8,), 0.25))
    with pytest.raises(Invalid, match="from a seed to an uploaded picture"):
        middle(first, {"generator": "styled", "base": {"seed": 7}})
    with pytest.raises(Invalid, match="of different sizes"):
        middle(first, written(torch.zeros(6, 8)))


@pytest.mark.parametrize(
    ("latent", "said"),
    [("A", "wrong"), ("AAAA", "16-bit"), ("A" * 11, "has 4 numbers"), ("!!!!", "wrong"), ("A" * 70_000, "wrong")],
)
def test_what_is_no_latent_of_this_generator_is_a_sentence(layered, latent: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as error:
        resolve(parse({"generator": "styled", "base": {"latent": latent}}), layered, {})
    assert str(error.value).endswith(".")


def test_numbers_that_are_not_finite_are_refused(layered) -> None:
    with pytest.raises(Invalid, match="not finite"):
        resolve(parse(written(torch.full((8,), float("nan")))), layered, {})


@pytest.mark.parametrize("base", [{}, {"seed": 1, "latent": "AAAA"}, {"seeds": {"1": 1.0}, "latent": "AAAA"}])
def test_a_base_is_just_one_thing(base: dict[str, object]) -> None:
    with pytest.raises(Invalid, match="just one of these"):
        parse({"generator": "styled", "base": base})
