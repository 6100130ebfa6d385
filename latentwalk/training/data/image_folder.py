"""A folder of images as training data; its subfolders, if any, are classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import ImageOps
from torch import Tensor

from latentwalk.errors import Invalid
from models.importing.file_formats import GIF, JPEG, PNG, WEBP, detect_format
from models.importing.formats.image_file import FORMATS, load_image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif")
FEWEST = 16
HELD_OUT = 10
LARGEST_MEMORY = 8 * 2**30


class ImageFolder:
    """Endless batches of the folder's images, centre-cropped to a square and resized to `side`, classes balanced.

    `mirror` also shows images flipped. `part` is "train", or "held-out" for every tenth image, which is never trained
    on. Images that cannot be read are left out and listed in `unread`. Raises Invalid if the folder is missing, holds
    fewer than `FEWEST` training images or a class without any, or does not fit into memory.
    """

    def __init__(self, folder: Path, side: int, mirror: bool = False, part: str = "train") -> None:
        if not folder.is_dir():
            raise Invalid(f"There is no folder {folder}.", "Set “pictures” in the recipe to a folder of images.")
        self.side, self.mirror = side, mirror
        kinds = [path for path in sorted(folder.iterdir()) if path.is_dir() and _image_paths(path)]
        groups = [_part(_image_paths(kind), part) for kind in kinds] or [_part(_image_paths(folder), part)]
        self.classes = tuple(kind.name for kind in kinds)
        if sum(map(len, groups)) * 3 * side * side > LARGEST_MEMORY:
            raise Invalid(
                f"The images of {folder} do not fit into memory at {side} px.",
                "Train on fewer images, or at a smaller side.",
            )
        self.unread: list[Path] = []
        self.groups = [self._read(group) for group in groups]
        if sum(map(len, self.groups)) < (FEWEST if part == "train" else 1) or not all(map(len, self.groups)):
            raise Invalid(
                f"There are {sum(map(len, self.groups))} readable images in {folder}, too few to train on.",
                f"Add images: at least {FEWEST} in all, and one in every class.",
            )

    def batch(self, count: int, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [count, 3, side, side] in [-1, 1] and their class indices [count]."""
        kinds = torch.randint(len(self.groups), (count,), generator=source)
        return self.of(kinds, source), kinds

    def of(self, kinds: Tensor, source: torch.Generator) -> Tensor:
        """One image for each class index [N]: [N, 3, side, side] in [-1, 1]."""
        count = len(kinds)
        picks = torch.rand(count, generator=source)
        groups = [self.groups[kind] for kind in kinds.tolist()]
        images = torch.stack(
            [group[int(pick * len(group))] for group, pick in zip(groups, picks.tolist(), strict=True)]
        )
        if self.mirror:
            flip = torch.rand(count, generator=source) < 0.5
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return images.float() / 127.5 - 1

    def _read(self, paths: list[Path]) -> Tensor:
        images = []
        for path in paths:
            try:
                images.append(_read_square(path, self.side))
            except (Invalid, OSError):
                self.unread.append(path)
        return torch.stack(images) if images else torch.empty(0, 3, self.side, self.side, dtype=torch.uint8)


def _image_paths(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_file() and _is_image(path)]


def _is_image(path: Path) -> bool:
    # By its name, so that a damaged image is listed as unread; others, such as photo.jfif, by their content.
    if path.suffix.lower() in ENDINGS:
        return True
    if path.name.startswith("."):
        return False
    try:
        with path.open("rb") as file:
            return detect_format(file.read(512)) in (PNG, JPEG, WEBP, GIF)
    except OSError:
        return False


def _part(paths: list[Path], part: str) -> list[Path]:
    # Every tenth image by name is held out: the split changes little when images are added at the end.
    return [path for number, path in enumerate(paths) if (number % HELD_OUT == HELD_OUT - 1) == (part == "held-out")]


def _read_square(path: Path, side: int) -> Tensor:
    image = ImageOps.fit(load_image(path, formats=FORMATS), (side, side))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
