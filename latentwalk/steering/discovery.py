"""Unsupervised directions: principal components (GANSpace), factors of the first weights (SeFa) and style channels."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass, replace
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
from latentwalk.steering.latent_sampling import LatentBatch, Role, class_means, sample_latents, uniform_classes
from models.base import MOVES, Generator, SupportsStyles

Method = Literal["pca", "sefa", "styles"]
SIGMA = Unit("σ", decimals=1)
SAMPLES = 2048
REACH = 3.0  # standard deviations of the prior along the axis
TITLES = {"pca": "Principal component", "sefa": "Factor"}
IMAGES, IMAGE_SIDE, CHUNK = 512, 16, 16  # for components of images: how many, their side, and images per chunk
GRADIENT_IMAGES = 16  # images whose gradients rank the style channels


@dataclass(frozen=True, slots=True, eq=False)
class StyleChannel:
    """One style channel: its layer, its index in that layer, and a vector [S] as long as its standard deviation."""

    layer: int
    index: int
    vector: Tensor


def principal(generator: Generator, count: int, samples: int = SAMPLES) -> Tensor:
    """Unit vectors [count, D] that follow the principal components of the generator's first activations.

    GANSpace (Härkönen et al. 2020, section 3.1): if there is a mapping network, PCA of w, less each class's mean; if
    the latent is isotropic, PCA of the first layer's relu(W z + b), then least squares from the components'
    coordinates back to z. For a generator that does not expose its first layer, PCA of small images takes its place.
    """
    batch = sample_latents(generator, samples, Role.TRAIN)
    layer = generator.first_layer(uniform_classes(generator))
    if layer is None and _has_identity_mapping(generator):
        return _image_components(generator, count, next(batch.split(IMAGES)))
    if layer is None:
        centred = batch.latents - class_means(generator, batch)
        _, axes = torch.linalg.eigh(centred.T @ centred)
        return _with_fixed_sign(axes.flip(1).T[:count].contiguous())
    activations = torch.relu(batch.latents @ layer.weight.T + layer.bias)
    return _regress_components(activations - activations.mean(dim=0), batch.latents, count)


def _has_identity_mapping(generator: Generator) -> bool:
    # Whether latents are z itself, which is isotropic, so that PCA of the latents alone finds nothing. A graph that
    # truncates by itself has its psi behind z.
    z = generator.sample([0])
    mapped = generator.map(z, uniform_classes(generator))
    return torch.equal(mapped[..., : z.shape[-1]], z)


def _image_components(generator: Generator, count: int, batch: LatentBatch) -> Tensor:
    rows = []
    for chunk in batch.split(CHUNK):
        images = generator.synthesize(chunk.latents, chunk.classes)
        rows.append(adaptive_avg_pool2d(images, (IMAGE_SIDE, IMAGE_SIDE)).flatten(1))
    pixels = torch.cat(rows)
    return _regress_components(pixels - pixels.mean(dim=0), batch.latents, count)


def _regress_components(activations: Tensor, latents: Tensor, count: int) -> Tensor:
    # With more features than samples the Gram matrix is the smaller problem, and eigh needs no random start.
    values, vectors = torch.linalg.eigh(activations @ activations.T)
    coordinates = vectors.flip(1)[:, :count] * values.flip(0)[:count].clamp_min(0).sqrt()
    coordinates = coordinates / coordinates.std(dim=0)
    solution = torch.linalg.lstsq(coordinates, latents).solution
    return _with_fixed_sign(solution / solution.norm(dim=1, keepdim=True))


def factors(generator: Generator, count: int) -> Tensor:
    """Unit vectors [count, D]: the eigenvectors of A'A, where A holds the weights that the latent enters by.

    With several layers, each row of A is scaled to length one first (Shen and Zhou 2021, section 3). Raises Invalid
    if the generator does not expose these weights.
    """
    weight = generator.input_weights()
    if not len(weight):
        raise Invalid(
            f"{generator.spec.title} does not expose the weights of its first layer.", "Discover pca directions."
        )
    if generator.spec.layers > 1:
        weight = weight / weight.norm(dim=1, keepdim=True).clamp_min(1e-8)
    _, vectors = torch.linalg.eigh(weight.T @ weight)  # eigh, not eig: real and in ascending order
    return _with_fixed_sign(vectors.flip(1).T[:count].contiguous())


def discover(generator: Generator, method: Method, count: int = 6) -> Work[list[Direction]]:
    """`count` directions, strongest first and named by number; their unit is the prior's standard deviation.

    Raises Invalid if `count` is out of range or the generator does not support the method.
    """
    width = generator.spec.width
    if not 1 <= count <= width - 4:
        raise Invalid(f"{count} directions cannot be found in {width} dimensions.", f"Ask for 1 to {width - 4}.")
    yield Progress(0.1, f"Sampling {SAMPLES} latents" if method == "pca" else "Factorising the first layer")
    if method == "styles":
        channels = yield from style_channels(generator, count)
        return [_channel_direction(generator, number, one) for number, one in enumerate(channels, start=1)]
    with torch.no_grad():
        vectors = principal(generator, count) if method == "pca" else factors(generator, count)
    yield Progress(0.9, f"Found {count} directions")
    return [_direction(generator, method, number, vector) for number, vector in enumerate(vectors, start=1)]


def style_channels(generator: Generator, count: int) -> Work[list[StyleChannel]]:
    """The style channels (StyleSpace, Wu et al. 2021) that change images most, at most one per layer.

    A channel's weight is the mean square of the image's derivative by it, estimated with random signs, times the
    channel's variance: the effect of one standard deviation.
    """
    if not isinstance(generator, SupportsStyles):
        raise Invalid(f"{generator.spec.name} has no style channels.", "Discover pca or sefa directions.")
    batch = sample_latents(generator, SAMPLES, Role.TRAIN)
    with torch.no_grad():
        deviation = torch.cat([generator.style_vector(part.latents) for part in batch.split(256)]).std(dim=0)
    width, layers = generator.spec.width, generator.spec.layers
    rows = -(-(MOVES + len(deviation)) // width)
    power, source = torch.zeros_like(deviation), torch.Generator().manual_seed(0)
    for number, one in enumerate(next(batch.split(GRADIENT_IMAGES)).split(1)):
        offsets = torch.zeros(1, rows, width, device=generator.device, requires_grad=True)
        latent = torch.cat([one.latents[:, None].expand(-1, layers, -1), offsets], dim=1)
        image = generator.synthesize(latent, one.classes)
        signs = torch.randint(2, image.shape, generator=source).to(image) * 2 - 1
        (gradient,) = torch.autograd.grad((image * signs).sum(), offsets)
        power += gradient.flatten()[MOVES : MOVES + len(deviation)].square()
        yield Progress(0.8 * number / GRADIENT_IMAGES, "Ranking style channels")
    power *= deviation.square()
    starts = [0, *itertools.accumulate(generator.style_widths)]
    strongest = []
    for layer, (start, stop) in enumerate(itertools.pairwise(starts)):
        index = int(power[start:stop].argmax())
        strongest.append((float(power[start + index]), layer, index))
    channels = []
    for _, layer, index in sorted(strongest, reverse=True)[:count]:
        vector = torch.zeros_like(deviation)
        vector[starts[layer] + index] = deviation[starts[layer] + index]
        channels.append(StyleChannel(layer, index, vector))
    return channels


def _with_fixed_sign(vectors: Tensor) -> Tensor:
    # The sign of a component is arbitrary: its largest coordinate is made positive, so that runs agree.
    largest = vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True))
    return vectors * largest.sign()


def _channel_direction(generator: Generator, number: int, channel: StyleChannel) -> Direction:
    length = float(channel.vector.norm())
    return replace(
        _direction(generator, "styles", number, channel.vector / length),
        id=f"style_{channel.layer}_{channel.index}",
        name=f"Style {channel.layer}, channel {channel.index}",
        space="s",
        curve=Curve.straight(length, REACH),
        note="One channel of one layer's style. Its unit is the channel's standard deviation.",
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
        note="Discovered, not learned: name it by what you see. Its unit is the standard deviation of the latents "
        "along it.",
        licence=generator.spec.card.licence,
        settings={} if method == "sefa" else {"samples": SAMPLES},
    )
