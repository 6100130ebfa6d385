"""A reader that runs out of memory at any allocation refuses the file or raises MemoryError; nothing else happens."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.errors import Invalid
from models.importing.open_checkpoint import open_checkpoint
from models.sandbox.client import SandboxError
from tests.attacks.fuzzing.targets import TARGETS
from tests.models.importing.pickle_writer import TensorValue, torch_zip
from tests.models.sandbox.markers import needs_isolation

ROOT = Path(__file__).parents[3]
DONE, OUT_OF_MEMORY, CRASHED = "0", "3", "-11"
# The readers are pure Python and cannot crash by themselves. CPython 3.11's ElementTree (below `recipe`) and NumPy
# (below `vectors`, which run in the sandbox) each crash when one certain allocation of theirs fails.
CRASHES = {"recipe": 1, "vectors": 1}
WITHOUT_TORCH = ("pickle", "torch", "zip", "safetensors")  # readers that start quickly
needs_failing_allocator = pytest.mark.skipif(
    importlib.util.find_spec("_testcapi") is None, reason="this Python was built without its test modules"
)


def statuses(reader: str, count: int, step: int) -> dict[str, int]:
    """How often a reader ended with each exit status, while one of `count` allocations failed."""
    command = [sys.executable, "-m", "tests.attacks.fuzzing.out_of_memory", reader, str(count), str(step)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    counts: dict[str, int] = json.loads(done.stdout)
    assert set(counts) <= {DONE, OUT_OF_MEMORY, CRASHED}, (counts, done.stderr[-2000:])
    assert counts.get(CRASHED, 0) <= CRASHES.get(reader, 0), counts
    return counts


@needs_failing_allocator
@pytest.mark.parametrize("reader", WITHOUT_TORCH)
def test_a_reader_survives_a_failing_allocation(reader: str) -> None:
    assert statuses(reader, 40, 11)[OUT_OF_MEMORY] > 10


@pytest.mark.soak
@needs_failing_allocator
@pytest.mark.parametrize("reader", TARGETS)
def test_a_reader_survives_the_failure_of_each_of_its_allocations(reader: str) -> None:
    assert statuses(reader, 600, 3)[OUT_OF_MEMORY] > 10


@pytest.mark.soak
@needs_isolation
def test_a_checkpoint_is_read_or_refused_under_any_limit_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.pt"
    path.write_bytes(torch_zip({"main.0.weight": TensorValue(np.zeros((4, 2_000_000), np.float32))}))
    messages = set()
    for megabytes in range(1, 200, 12):
        with pytest.raises((Invalid, SandboxError)) as caught:
            open_checkpoint(path, memory=megabytes * 2**20)
        messages.add(str(caught.value).partition(".")[0])
    assert len(messages) > 1
    assert list(tmp_path.iterdir()) == [path]
