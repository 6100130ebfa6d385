"""Snapshots of a network during training, and the curve of their distances from real images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import interpolate

from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.training.checkpoint_file import CheckpointFile
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.distances import fast_distances
from latentwalk.training.evaluation.labelled_samples import Sampler, gather, mix_seed
from latentwalk.training.evaluation.samplers import NetworkSampler
from models.networks.stylegan2 import StyleGAN2Network

FOLDER = "snapshots"
EACH = 100  # images per class for one point of the curve
MOST = 24  # points; of more snapshots, evenly spaced ones are evaluated


def write_snapshot(network: StyleGAN2Network, images: int, side: int, folder: Path) -> None:
    """Store a network, float16, as it is after `images` training images at `side` px."""
    tensors = {name: tensor.detach().half().cpu() for name, tensor in network.state_dict().items()}
    CheckpointFile(tensors, {"side": str(side)}).write(folder / f"{images:09d}.safetensors")


class _UpscaledSampler:
    # Samples from an earlier, smaller stage, upscaled to the side that the net sees.
    def __init__(self, sampler: NetworkSampler, side: int) -> None:
        self._sampler, self._side = sampler, side

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        images = self._sampler(count, kind, seed)
        if images.shape[-1] == self._side:
            return images
        return interpolate(images, (self._side, self._side), mode="bilinear", antialias=True).clamp(-1, 1)


def curve(
    folder: Path, new_network: Callable[[], StyleGAN2Network], net: FeatureNet, held_out: Sampler, classes: int,
    side: int,
) -> Work[list[dict[str, Any]]]:  # fmt: skip
    """For each snapshot a point with the training images so far (`seen`), `side`, `kid` and `fd`; JSON.

    Distances are taken in the features of `net` between samples from fixed latents and `held_out` images.
    """
    paths = evenly_spaced(sorted(folder.glob("*.safetensors")))
    counts = [EACH] * classes
    real = yield from scale_progress(gather(held_out, counts, mix_seed(0, "curve"), "real pictures"), 0.0, 0.1)
    reference = yield from scale_progress(features(net, real.images), 0.1, 0.2)
    points = []
    for number, path in enumerate(paths):
        snapshot = CheckpointFile.read(path)
        stage_side = int(snapshot.metadata.get("side", side))
        network = new_network()
        network.load_state_dict({name: tensor.float() for name, tensor in snapshot.tensors.items()})
        low, high = (0.2 + 0.8 * (number + step) / len(paths) for step in (0, 1))
        sampler = _UpscaledSampler(NetworkSampler(network, stage_side), side)
        figures = yield from scale_progress(fast_distances(net, sampler, counts, reference), low, high)
        point = {
            "seen": int(path.stem),
            "side": stage_side,
            "kid": round(figures.kid, 5),
            "fd": round(figures.fd, 3),
        }  # fmt: skip
        points.append(point)
        yield Progress(high, f"After {point['seen']:,} pictures: KID {point['kid']}, FD {point['fd']}", point)
    return points


def evenly_spaced(paths: Sequence[Path]) -> list[Path]:
    """At most `MOST` of the paths, evenly spaced, the first and the last included."""
    if len(paths) <= MOST:
        return list(paths)
    return [paths[math.floor(number * (len(paths) - 1) / (MOST - 1) + 0.5)] for number in range(MOST)]
