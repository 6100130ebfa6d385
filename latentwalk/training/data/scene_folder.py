"""Rendered scenes as training data: pictures whose latents are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from latentwalk.errors import Invalid
from latentwalk.rendering.scenes import data_set
from latentwalk.rendering.scenes.latents import to_latents
from latentwalk.rendering.scenes.scene import TOYS, Scene
from latentwalk.training.data.image_folder import LARGEST_MEMORY


class SceneFolder:
    """Endless batches of a data set that `latentwalk scenes` made, resized to `side` px.

    `part` is "train", or "held-out" for every tenth picture of each toy. Raises Invalid if the folder holds no such
    data set, or does not fit into memory.
    """

    classes = TOYS

    def __init__(self, folder: Path, side: int, part: str = "train") -> None:
        self.side = side
        chosen = [one for one in data_set.read(folder) if _is_held_out(one[0]) == (part == "held-out")]
        if not chosen or len(chosen) * 3 * side * side > LARGEST_MEMORY:
            raise Invalid(
                f"{folder} has {len(chosen)} pictures, which is none or more than the memory holds at {side} px.",
                "Make some with: latentwalk scenes --count 24000 --out DIR",
            )
        self.scenes: list[Scene] = [scene for _, scene in chosen]
        self._images = torch.stack([_read(path, side) for path, _ in chosen])
        kinds = torch.tensor([TOYS.index(scene.toy) for scene in self.scenes])
        self._members = [(kinds == kind).nonzero()[:, 0] for kind in range(len(TOYS))]

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1] and their class indices [count]."""
        images, kinds, _ = self.examples(count, source)
        return images, kinds

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One image for each class index [N]: [N, 3, side, side] in [-1, 1]."""
        return self._images[self._pick(kinds, source)].float() / 127.5 - 1

    def members(self, kind: int) -> Tensor:
        """All images of a class, in the order of `scenes`: [n, 3, side, side] in [-1, 1]."""
        return self._images[self._members[kind]].float() / 127.5 - 1

    def examples(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1], their class indices [count] and their latents [count, z]."""
        kinds = torch.randint(len(TOYS), (count,), generator=source)
        picks = self._pick(kinds, source)
        latents = to_latents([self.scenes[pick] for pick in picks.tolist()], source)
        return self._images[picks].float() / 127.5 - 1, kinds, latents

    def _pick(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        shares = torch.rand(len(kinds), generator=source)
        members = [self._members[kind] for kind in kinds.tolist()]
        return torch.stack([own[int(share * len(own))] for own, share in zip(members, shares.tolist(), strict=True)])


def _is_held_out(path: Path) -> bool:
    # Toys take turns in the numbers of a data set, so that every tenth of each toy is every tenth round.
    return int(path.stem) // len(TOYS) % 10 == 9


def _read(path: Path, side: int) -> Tensor:
    with Image.open(path) as image:
        fitted = image if image.width == side else image.resize((side, side), Image.Resampling.BOX)
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1).contiguous()
