"""Composing avatars: the experimental design and the geometry of an image."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.training.data.avatars import DESIGN, FILL, STYLES, Avatars, compose


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    for style in STYLES:
        np.save(folder / f"{style}-train.npy", np.full((2, 24, 24, 4), 255, np.uint8))
    return folder


def test_the_design_is_balanced_and_no_two_transforms_are_confounded() -> None:
    table = torch.tensor([[v.zoom, v.shift_x, v.shift_y, v.rotate] for v in DESIGN.values()], dtype=torch.float64)
    for column in table.T:
        assert sorted(column.unique(return_counts=True)[1].tolist()) == [3, 3, 3, 3]
    for first, second in itertools.combinations(range(4), 2):
        pairs = {(a, b) for a, b in table[:, [first, second]].tolist()}
        assert len(pairs) == 12
        together = torch.corrcoef(table[:, [first, second]].T)[0, 1]
        assert abs(together) < 0.35


def coverage_mask(amounts: list[float]) -> torch.Tensor:
    """The share of each pixel that a drawing covers, [64, 64]."""
    opaque = torch.ones(1, 4, 96, 96)
    picture = compose(opaque, torch.tensor([amounts]), torch.tensor([False]), torch.zeros(1, 3), 64)
    return (picture[0, 0] + 1) / 2


def test_a_drawing_is_scaled_and_shifted_by_the_amounts() -> None:
    plain, larger, shifted = (
        coverage_mask([0, 0, 0, 0]),
        coverage_mask([0.5, 0, 0, 0]),
        coverage_mask([0, 0.125, -0.0625, 0]),
    )
    assert float(plain.sum()) == pytest.approx((FILL * 64) ** 2, rel=0.01)
    assert float(larger.sum() / plain.sum()) == pytest.approx(2, rel=0.02)
    torch.testing.assert_close(shifted, plain.roll((-4, 8), (0, 1)), atol=1e-4, rtol=0)


def test_positive_rotations_are_counterclockwise() -> None:
    bar = torch.zeros(1, 4, 96, 96)
    bar[:, :, 44:52, 48:] = 1  # from the centre to the right
    rotated = compose(bar, torch.tensor([[0, 0, 0, 30.0]]), torch.tensor([False]), torch.zeros(1, 3), 64)[0, 0] + 1
    rows = torch.arange(64.0)
    assert float((rotated.sum(dim=1) * rows).sum() / rotated.sum()) < 30  # the bar's centre of mass moved up


def test_the_same_seed_gives_the_same_images(drawings: Path) -> None:
    avatars = Avatars(drawings, 16)
    first, kinds = avatars.batch(6, torch.Generator().manual_seed(3))
    repeated, same = avatars.batch(6, torch.Generator().manual_seed(3))
    assert torch.equal(first, repeated)
    assert torch.equal(kinds, same)
    assert first.shape == (6, 3, 16, 16)
    assert first.abs().max() <= 1


def test_missing_drawings_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="not in"):
        Avatars(tmp_path, 16)
