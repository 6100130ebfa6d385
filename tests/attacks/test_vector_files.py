"""The malicious checkpoints, read as files of directions: refused as well, and nothing executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.importing.direction_files import read_vectors
from models.importing.limits import FileRefused
from tests.attacks.checkpoints import corpus


def test_no_malicious_checkpoint_is_read_as_directions_or_a_latent(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for name, data in corpus(str(marker)).items():
        with pytest.raises(FileRefused):
            pytest.fail(f"{name} was read: {read_vectors(memoryview(data))}")
    assert not marker.exists()
