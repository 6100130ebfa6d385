"""A folder of images as training pictures: its subfolders are classes where it has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from latentwalk.errors import Invalid

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
FEWEST = 16
HELD_OUT = 10
LARGEST_SIDE = 16_384
LARGEST_MEMORY = 8 * 2**30


class ImageFolder:
    """Batches of the folder's images, centre-cropped to a square and resized to `side`; endless, classes alike.

    `part` is "train", or "held-out" for one image in ten, which are never trained on. Images that cannot be read are
    left out and named in `unread`. Invalid where fewer than `FEWEST` can be trained on.
    """

    def __init__(self, folder: Path, side: int, mirror: bool = False, part: str = "train") -> None:
        if not folder.is_dir():
            raise Invalid(f"There is no folder {folder}.", "Name one that holds images, in “pictures” of the recipe.")
        self.side, self.mirror = side, mirror
        kinds = [path for path in sorted(folder.iterdir()) if path.is_dir() and _images(path)]
        groups = [_part(_images(kind), part) for kind in kinds] or [_part(_images(folder), part)]
        self.classes = tuple(kind.name for kind in kinds)
        if sum(map(len, groups)) * 3 * side * side > LARGEST_MEMORY:
            raise Invalid(f"The images of {folder} do not fit into memory at {side} px.", "Train on fewer, or smaller.")
        self.unread: list[Path] = []
        self.groups = [self._read(group) for group in groups]
        if sum(map(len, self.groups)) < (FEWEST if part == "train" else 1) or not all(map(len, self.groups)):
            found = f"{sum(map(len, self.groups))} readable images in {folder}"
            raise Invalid(
                f"There are {found}, too few to train on.", f"At least {FEWEST} are needed, in every class one."
            )

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1] and their class numbers [count]."""
        kinds = torch.randint(len(self.groups), (count,), generator=source)
        return self.of(kinds, source), kinds

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One image for each class number."""
        count = len(kinds)
        picks = torch.rand(count, generator=source)
        chosen = [self.groups[kind] for kind in kinds.tolist()]
        images = torch.stack(
            [group[int(pick * len(group))] for group, pick in zip(chosen, picks.tolist(), strict=True)]
        )
        if self.mirror:
            turned = torch.rand(count, generator=source) < 0.5
            images = torch.where(turned[:, None, None, None], images.flip(3), images)
        return images.float() / 127.5 - 1

    def _read(self, paths: list[Path]) -> Tensor:
        read = []
        for path in paths:
            try:
                read.append(_square(path, self.side))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for bad files
                self.unread.append(path)
        return torch.stack(read) if read else torch.empty(0, 3, self.side, self.side, dtype=torch.uint8)


def _images(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS and path.is_file()]


def _part(paths: list[Path], part: str) -> list[Path]:
    # Every tenth by name is held out, so that one more image moves few others.
    return [path for number, path in enumerate(paths) if (number % HELD_OUT == HELD_OUT - 1) == (part == "held-out")]


def _square(path: Path, side: int) -> Tensor:
    with Image.open(path) as image:
        if max(image.size) > LARGEST_SIDE:
            raise ValueError("too large")
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return torch.from_numpy(np.array(ImageOps.fit(upright, (side, side)))).permute(2, 0, 1).contiguous()
