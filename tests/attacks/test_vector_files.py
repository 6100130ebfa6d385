"""The checkpoints that mean harm, handed in as directions: refused as well, and nothing run."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused
from tests.attacks.checkpoints import corpus


def test_none_of_them_is_taken_for_directions_or_a_latent(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for name, data in corpus(str(mark)).items():
        with pytest.raises(FileRefused):
            pytest.fail(f"{name} was taken: {read_vectors(memoryview(data))}")
    assert not mark.exists()
