"""The built-in measures against their definitions and pictures whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from models.errors import ModelFailed
from models.regressors.image_measures import MEASURES, salience
from models.regressors.protocol import Regressor

COLOUR = ("colourfulness", "redness", "saturation")


def flat(*colour: float, side: int = 32) -> torch.Tensor:
    """One picture of one colour, given in [0, 1]."""
    return (torch.tensor(colour) * 2 - 1)[None, :, None, None].expand(1, 3, side, side).contiguous()


def disc(radius: float, x: float = 0.0, y: float = 0.0, side: int = 64) -> torch.Tensor:
    """A white disc on black; radius and place in half sides."""
    along = (torch.arange(side) + 0.5) / side * 2 - 1
    inside = ((along[None] - x).square() + (along[:, None] - y).square()) < radius**2
    return (inside.float() * 2 - 1).expand(1, 3, -1, -1).contiguous()


def noise(count: int = 4, side: int = 32, seed: int = 0) -> torch.Tensor:
    drawn = torch.rand(count, 3, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(drawn, scale_factor=4.0, mode="bilinear") * 2 - 1


def score(name: str, images: torch.Tensor) -> torch.Tensor:
    return MEASURES[name].score(images)


@pytest.fixture(params=MEASURES)
def measure(request: pytest.FixtureRequest) -> Regressor:
    return MEASURES[request.param]


def test_there_are_ten_and_each_says_what_it_measures() -> None:
    assert len(MEASURES) == 10
    assert len({one.spec.fingerprint for one in MEASURES.values()}) == 10
    for name, one in MEASURES.items():
        assert isinstance(one, Regressor)
        assert one.spec.name == name
        assert one.spec.span[0] < one.spec.span[1]
        assert one.spec.card.measures.endswith(".")
        assert one.spec.card.limits.endswith(".")


def test_an_image_is_judged_alone(measure: Regressor) -> None:
    images = noise()
    together = measure.score(images)
    assert together.shape == (4,)
    assert together.dtype == torch.float32
    torch.testing.assert_close(together, torch.cat([measure.score(one[None]) for one in images]))


def test_gradients_are_finite_even_of_a_flat_picture(measure: Regressor) -> None:
    images = torch.cat([noise(2), flat(0.5, 0.5, 0.5), flat(0, 0, 0), flat(1, 1, 1)]).requires_grad_(True)
    measure.score(images).sum().backward()
    assert bool(torch.isfinite(images.grad).all())
    assert float(images.grad[:2].abs().max()) > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([16, 17, 32, 64]))
def test_any_image_has_a_finite_score(seed: int, side: int) -> None:
    images = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    for one in MEASURES.values():
        assert math.isfinite(float(one.score(images)))


def test_grey_images_are_taken_and_have_no_colour(measure: Regressor) -> None:
    grey = noise()[:, :1]
    torch.testing.assert_close(measure.score(grey), measure.score(grey.expand(-1, 3, -1, -1)))
    if measure.spec.name in COLOUR:
        assert float(measure.score(grey).abs().max()) < 1e-4


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32), (1, 3, 8, 32)])
def test_what_is_no_image_is_refused(measure: Regressor, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelFailed, match="cannot be measured"):
        measure.score(torch.zeros(shape))


def test_the_simple_ones_are_their_definitions() -> None:
    image = noise(1)
    red, green, blue = ((image + 1) / 2)[0].double()
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert float(score("brightness", image)) == pytest.approx(float(luma.mean()), abs=1e-5)
    assert float(score("contrast", image)) == pytest.approx(float(luma.std(unbiased=False)), abs=1e-5)
    assert float(score("redness", image)) == pytest.approx(float((red - (green + blue) / 2).mean()), abs=1e-5)
    across, along = (red - green) * 255, ((red + green) / 2 - blue) * 255
    spread = float((across.var(unbiased=False) + along.var(unbiased=False)).sqrt())
    mean = float((across.mean() ** 2 + along.mean() ** 2).sqrt())
    assert float(score("colourfulness", image)) == pytest.approx(spread + 0.3 * mean, rel=1e-4)


def test_known_images_have_known_scores() -> None:
    assert float(score("brightness", flat(1, 1, 1))) == pytest.approx(1, abs=1e-5)
    assert float(score("redness", flat(1, 0, 0))) == pytest.approx(1, abs=1e-5)
    assert float(score("saturation", flat(0.8, 0.2, 0.2))) == pytest.approx(0.75, abs=1e-4)
    assert float(score("contrast", flat(0.3, 0.3, 0.3))) == pytest.approx(0, abs=1e-4)
    halves = torch.cat([flat(0, 0, 0)[..., :16], flat(1, 1, 1)[..., :16]], dim=3)
    assert float(score("entropy", halves)) == pytest.approx(1, abs=1e-3)
    assert float(score("contrast", halves)) == pytest.approx(0.5, abs=1e-3)
    assert float(score("symmetry", halves)) == pytest.approx(-1, abs=1e-3)


def test_an_image_is_sharper_than_its_blur() -> None:
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    assert bool((score("sharpness", images) > 1.5 * score("sharpness", blurred)).all())


def test_a_mirrored_pair_is_symmetric_and_a_slant_less_so() -> None:
    image = noise(1)
    both = (image + image.flip(3)) / 2
    assert float(score("symmetry", both)) == pytest.approx(1, abs=1e-4)
    assert float(score("symmetry", image)) < 0.9


def test_size_follows_the_disc_and_centredness_its_place() -> None:
    sizes = [float(score("size", disc(radius))) for radius in (0.2, 0.35, 0.5, 0.65, 0.8)]
    assert sizes == sorted(sizes)
    assert sizes[2] == pytest.approx(math.pi * 0.25 / 4, abs=0.02)
    places = [float(score("centredness", disc(0.2, x, x / 2))) for x in (0.0, 0.2, 0.4, 0.6)]
    assert places == sorted(places, reverse=True)


def test_what_stands_out_is_told_from_the_frame_not_by_being_light() -> None:
    dark = -disc(0.4)
    assert float(salience((dark + 1) / 2)[0, 32, 32]) > 0.9
    assert float(salience((dark + 1) / 2)[0, 0, 0]) < 0.01
