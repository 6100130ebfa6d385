"""Directions nobody asked for: principal components (GANSpace), factors of the first weights (SeFa), style channels."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latentwalk.directions.direction import Direction
from latentwalk.directions.latent_walk import LinearWalk
from latentwalk.directions.response_curve import Curve
from latentwalk.directions.unit import Unit
from latentwalk.errors import Invalid
from latentwalk.progress import Progress, Work
from latentwalk.steering.latent_sampling import LatentBatch, Role, centre, evenly, sample_latents
from models.base import MOVES, Generator, SupportsStyles

Method = Literal["pca", "sefa", "styles"]
SIGMA = Unit("σ", decimals=1)
SAMPLES = 2048
REACH = 3.0  # standard deviations of the prior along the axis
TITLES = {"pca": "Principal component", "sefa": "Factor"}
LOOKED_AT, SMALL, CHUNK = 512, 16, 16  # pictures for components, their side, and how many are drawn at once
LOOKS = 16  # pictures by which style channels are weighed


def principal(generator: Generator, count: int, samples: int = SAMPLES) -> Tensor:
    """Unit vectors [count, D] that follow the principal components of what the latents become first.

    GANSpace (Härkönen et al. 2020, section 3.1): PCA of w itself, less each class's mean, where there is a mapping
    network; where the latent is isotropic, PCA of the first layer's relu(W z + b), then least squares from the
    components' coordinates back to z; of small pictures where that layer is not to be seen.
    """
    drawn = sample_latents(generator, samples, Role.LEARN)
    layer = generator.first_layer(evenly(generator))
    if layer is None and _is_prior(generator):
        return _seen(generator, count, next(drawn.split(LOOKED_AT)))
    if layer is None:
        apart = drawn.latents - centre(generator, drawn)
        _, axes = torch.linalg.eigh(apart.T @ apart)
        return _oriented(axes.flip(1).T[:count].contiguous())
    active = torch.relu(drawn.latents @ layer.weight.T + layer.bias)
    active = active - active.mean(dim=0)
    return _followed(active, drawn.latents, count)


def _is_prior(generator: Generator) -> bool:
    # Whether latents are z itself, alike in all directions, so that nothing is to be seen of them alone.
    z = generator.sample([0])
    return generator.spec.space == "z" and torch.equal(generator.map(z, evenly(generator)), z)


def _seen(generator: Generator, count: int, drawn: LatentBatch) -> Tensor:
    # A network that shows nothing of its inside: components of its pictures, made small, take the first layer's place.
    rows = []
    for chunk in drawn.split(CHUNK):
        images = generator.synthesize(chunk.latents, chunk.classes)
        rows.append(adaptive_avg_pool2d(images, (SMALL, SMALL)).flatten(1))
    pictures = torch.cat(rows)
    return _followed(pictures - pictures.mean(dim=0), drawn.latents, count)


def _followed(active: Tensor, latents: Tensor, count: int) -> Tensor:
    # With more features than samples the small side is cheaper, and eigh needs no random start.
    strengths, sides = torch.linalg.eigh(active @ active.T)
    coordinates = sides.flip(1)[:, :count] * strengths.flip(0)[:count].clamp_min(0).sqrt()
    coordinates = coordinates / coordinates.std(dim=0)
    vectors = torch.linalg.lstsq(coordinates, latents).solution
    return _oriented(vectors / vectors.norm(dim=1, keepdim=True))


def factors(generator: Generator, count: int) -> Tensor:
    """Unit vectors [count, D]: the eigenvectors of A'A, A the weights that the latent enters by, each row brought to
    length one where there are several layers (Shen and Zhou 2021, section 3).
    """
    weight = generator.input_weights()
    if not len(weight):
        raise Invalid(
            f"{generator.spec.title} does not show the weights its latent enters by.", "Look for pca instead."
        )
    if generator.spec.layers > 1:
        weight = weight / weight.norm(dim=1, keepdim=True).clamp_min(1e-8)
    _, vectors = torch.linalg.eigh(weight.T @ weight)  # eigh, not eig: real and in rising order
    return _oriented(vectors.flip(1).T[:count].contiguous())


def discover(generator: Generator, method: Method, count: int = 6) -> Work[list[Direction]]:
    """`count` directions in standard deviations of the prior, strongest first, named by number."""
    width = generator.spec.width
    if not 1 <= count <= width - 4:
        raise Invalid(f"{count} directions cannot be found in {width} dimensions.", f"Ask for 1 to {width - 4}.")
    yield Progress(0.1, f"Looking at {SAMPLES} latents" if method == "pca" else "Factorising the first layer")
    if method == "styles":
        found = yield from channels(generator, count)
        return [_channel(generator, number, *one) for number, one in enumerate(found, start=1)]
    with torch.no_grad():
        vectors = principal(generator, count) if method == "pca" else factors(generator, count)
    yield Progress(0.9, f"Found {count} directions")
    return [_direction(generator, method, number, vector) for number, vector in enumerate(vectors, start=1)]


def channels(generator: Generator, count: int) -> Work[list[tuple[int, int, Tensor]]]:
    """The style channels (Wu et al. 2021's StyleSpace) that move pictures most: layer, number in it, and a vector [S].

    By one standard deviation: each is weighed by the mean square of its derivative of the picture, estimated with
    random signs, times its variance. At most one of a layer is taken, so that they are of different kinds. The vector's
    length is the channel's deviation.
    """
    if not isinstance(generator, SupportsStyles):
        raise Invalid(f"{generator.spec.name} has no style channels.", "Look for pca or sefa directions.")
    drawn = sample_latents(generator, SAMPLES, Role.LEARN)
    with torch.no_grad():
        spread = torch.cat([generator.style_vector(part.latents) for part in drawn.split(256)]).std(dim=0)
    width, layers = generator.spec.width, generator.spec.layers
    rows = -(-(MOVES + len(spread)) // width)
    power, source = torch.zeros_like(spread), torch.Generator().manual_seed(0)
    for number, one in enumerate(next(drawn.split(LOOKS)).split(1)):
        beyond = torch.zeros(1, rows, width, device=generator.device, requires_grad=True)
        latent = torch.cat([one.latents[:, None].expand(-1, layers, -1), beyond], dim=1)
        picture = generator.synthesize(latent, one.classes)
        signs = torch.randint(2, picture.shape, generator=source).to(picture) * 2 - 1
        (slope,) = torch.autograd.grad((picture * signs).sum(), beyond)
        power += slope.flatten()[MOVES : MOVES + len(spread)].square()
        yield Progress(0.8 * number / LOOKS, "Weighing style channels")
    power *= spread.square()
    starts = [0, *itertools.accumulate(generator.style_widths)]
    best = []
    for layer, (start, stop) in enumerate(itertools.pairwise(starts)):
        place = int(power[start:stop].argmax())
        best.append((float(power[start + place]), layer, place))
    found = []
    for _, layer, place in sorted(best, reverse=True)[:count]:
        vector = torch.zeros_like(spread)
        vector[starts[layer] + place] = spread[starts[layer] + place]
        found.append((layer, place, vector))
    return found


def _oriented(vectors: Tensor) -> Tensor:
    # A component has no sign of its own: its largest coordinate is made positive, so that runs agree.
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return vectors * largest.sign()


def _channel(generator: Generator, number: int, layer: int, place: int, vector: Tensor) -> Direction:
    length = float(vector.norm())
    made = _direction(generator, "styles", number, vector / length)
    return replace(
        made,
        id=f"style_{layer}_{place}",
        name=f"Style {layer}, channel {place}",
        space="s",
        curve=Curve.straight(length, REACH),
        note="One channel of one layer's style. Its unit is the channel's own spread.",
    )


def _direction(generator: Generator, method: Method, number: int, vector: Tensor) -> Direction:
    return Direction(
        id=f"{method}_{number}",
        name=f"{TITLES.get(method, method)} {number}",
        group="discovered",
        generator=generator.spec.name,
        fingerprint=generator.spec.fingerprint,
        space=generator.spec.space,
        unit=SIGMA,
        walk=LinearWalk(vector.cpu()),
        curve=Curve.straight(1.0, REACH),
        range=(-REACH, REACH),
        track=(-1.5 * REACH, 1.5 * REACH),
        requested_range=(-REACH, REACH),
        method=method,
        seed=0,
        created=datetime.date.today().isoformat(),
        note="Found, not asked for: name it by what you see. Its unit is the spread of the latents along it.",
        licence=generator.spec.card.licence,
        settings={} if method == "sefa" else {"samples": SAMPLES},
    )
