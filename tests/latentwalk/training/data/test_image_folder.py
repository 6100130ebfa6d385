"""A folder of images as training data: classes, cropping and unreadable files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentwalk.errors import Invalid
from latentwalk.training.data.image_folder import ImageFolder

RED, BLUE = (255, 0, 0), (0, 0, 255)


def fill(folder: Path, colour: tuple[int, int, int], count: int, size: tuple[int, int] = (40, 24)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size, colour).save(folder / f"{number}.png")


def draw(folder: ImageFolder, count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    return folder.batch(count, torch.Generator().manual_seed(0))


def test_subfolders_are_balanced_classes_whatever_their_size(tmp_path: Path) -> None:
    fill(tmp_path / "blue", BLUE, 3)
    fill(tmp_path / "red", RED, 30)
    folder = ImageFolder(tmp_path, 16)
    images, kinds = draw(folder, 400)
    assert folder.classes == ("blue", "red")
    assert images.shape == (400, 3, 16, 16)
    assert 150 < int(kinds.sum()) < 250
    assert torch.equal(images[:, 0, 0, 0] > 0, kinds == 1)


def test_a_folder_without_subfolders_has_no_classes(tmp_path: Path) -> None:
    fill(tmp_path, RED, 20)
    folder = ImageFolder(tmp_path, 8)
    assert folder.classes == ()
    assert set(draw(folder)[1].tolist()) == {0}


def test_images_are_cropped_to_their_centre(tmp_path: Path) -> None:
    fill(tmp_path, RED, 18)
    wide = Image.new("RGB", (60, 20), RED)
    wide.paste(Image.new("RGB", (20, 20), BLUE), (20, 0))
    for number in range(20, 40):
        wide.save(tmp_path / f"{number}.png")
    images, _ = draw(ImageFolder(tmp_path, 8))
    blue = images[:, 2].mean(dim=(1, 2)) > 0
    assert bool(blue.any())
    assert float(images[blue][:, 2].min()) > 0.8  # resampling blurs the edge


def test_mirroring_shows_images_both_ways(tmp_path: Path) -> None:
    half = Image.new("RGB", (16, 16), RED)
    half.paste(Image.new("RGB", (8, 16), BLUE), (0, 0))
    for number in range(20):
        half.save(tmp_path / f"{number}.png")
    plain, mirrored = (draw(ImageFolder(tmp_path, 16, mirror))[0][:, 2, 0, 0] for mirror in (False, True))
    assert set(plain.tolist()) == {1.0}
    assert set(mirrored.tolist()) == {1.0, -1.0}


def test_unreadable_images_are_left_out_and_listed(tmp_path: Path) -> None:
    fill(tmp_path, RED, 20)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    (tmp_path / "text.jpg").write_text("not an image")
    folder = ImageFolder(tmp_path, 8)
    assert [path.name for path in folder.unread] == ["broken.png", "text.jpg"]
    assert len(folder.groups[0]) == 18


def test_too_few_images_or_a_missing_folder_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="There is no folder"):
        ImageFolder(tmp_path / "none", 8)
    fill(tmp_path, RED, 3)
    with pytest.raises(Invalid, match="3 readable images"):
        ImageFolder(tmp_path, 8)


def test_one_image_in_ten_is_held_out(tmp_path: Path) -> None:
    for number in range(40):
        Image.new("RGB", (8, 8), (number * 6, 0, 0)).save(tmp_path / f"{number:02d}.png")
    train, held_out = ImageFolder(tmp_path, 8), ImageFolder(tmp_path, 8, part="held-out")
    shades = [{int(image[0, 0, 0]) for image in folder.groups[0]} for folder in (train, held_out)]
    assert (len(shades[0]), len(shades[1])) == (36, 4)
    assert not shades[0] & shades[1]


def test_every_image_in_a_folder_looks_as_in_a_viewer(tmp_path: Path) -> None:
    for number in range(0, 24, 3):
        Image.fromarray(np.full((9, 9), 32768, np.uint16)).save(tmp_path / f"{number}.png")
        Image.new("RGBA", (9, 9), (127, 255, 0, 0)).save(tmp_path / f"{number + 1}.png")
        Image.new("RGB", (9, 9), (128, 128, 128)).save(tmp_path / f"{number + 2}", "JPEG")
    (tmp_path / "notes").write_text("not an image")
    folder = ImageFolder(tmp_path, 8)
    values = {tuple(image[:, 4, 4].tolist()) for image in folder.groups[0]}
    assert values == {(128, 128, 128), (255, 255, 255)}
    assert folder.unread == []
