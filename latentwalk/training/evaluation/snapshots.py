"""How a run came nearer to its pictures: snapshots kept on the way, and their distances from real pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor
from torch.nn.functional import interpolate

from latentwalk.progress import Progress, Work, scale_progress
from latentwalk.training.evaluation.classifier_training import FeatureNet, features
from latentwalk.training.evaluation.distances import fast_distances
from latentwalk.training.evaluation.labelled_samples import Sampler, gather, mixed
from latentwalk.training.evaluation.samplers import NetworkSampler
from models import atomic_files
from models.networks.stylegan2 import StyleGAN2Network

EACH = 100  # pictures of every class at one point
MOST = 24  # points; of more snapshots, evenly spaced ones are looked at


def snapshot(network: StyleGAN2Network, seen: int, side: int, folder: Path) -> None:
    """Keep a network, float16, as it is after `seen` pictures at `side` px."""
    state = {name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}
    data = safetensors.torch.save(state, {"side": str(side)})
    atomic_files.write(folder / f"{seen:09d}.safetensors", data)


class _Enlarged:
    # Samples of an earlier, smaller stage at the side that the net looks at.
    def __init__(self, made: NetworkSampler, side: int) -> None:
        self.made, self.side = made, side

    def __call__(self, count: int, kind: int, seed: int) -> Tensor:
        small = self.made(count, kind, seed)
        if small.shape[-1] == self.side:
            return small
        return interpolate(small, (self.side, self.side), mode="bilinear", antialias=True).clamp(-1, 1)


def curve(
    folder: Path, blank: Callable[[], StyleGAN2Network], net: FeatureNet, held_out: Sampler, classes: int, side: int
) -> Work[list[dict[str, Any]]]:
    """A point for each snapshot: pictures seen, side, KID and FD in the features of `net`, from the same latents."""
    paths = _spread(sorted(folder.glob("*.safetensors")))
    counts = [EACH] * classes
    drawn = yield from scale_progress(gather(held_out, counts, mixed(0, "curve"), "real pictures"), 0.0, 0.1)
    wanted = yield from scale_progress(features(net, drawn.pictures), 0.1, 0.2)
    points = []
    for number, path in enumerate(paths):
        with safetensors.safe_open(path, framework="pt") as file:
            at = int((file.metadata() or {}).get("side", side))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a dict
        network = blank()
        network.load_state_dict(state)
        low, high = (0.2 + 0.8 * (number + step) / len(paths) for step in (0, 1))
        found = yield from scale_progress(
            fast_distances(net, _Enlarged(NetworkSampler(network, at), side), counts, wanted), low, high
        )
        told = asdict(found)
        point = {"seen": int(path.stem), "side": at, "kid": round(told["kid"], 5), "fd": round(told["fd"], 3)}
        points.append(point)
        yield Progress(high, f"After {point['seen']:,} pictures: KID {point['kid']}, FD {point['fd']}", point)
    return points


def _spread(paths: Sequence[Path]) -> list[Path]:
    if len(paths) <= MOST:
        return list(paths)
    return [paths[math.floor(number * (len(paths) - 1) / (MOST - 1) + 0.5)] for number in range(MOST)]
