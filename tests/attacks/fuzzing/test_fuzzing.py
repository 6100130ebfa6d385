"""No input breaks a reader: kept and whole inputs are replayed here, new ones are searched for by `make soak`."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.attacks.fuzzing import seeds
from tests.attacks.fuzzing.targets import SECONDS, TARGETS

ROOT = Path(__file__).parents[3]
MINUTES = float(os.environ.get("LATENTWALK_FUZZ_MINUTES", "10"))  # of fuzzing, for each reader
MUTANTS = 1000  # of the inputs of each reader, by a fixed seed


@pytest.mark.parametrize("reader", TARGETS)
def test_no_kept_input_breaks_a_reader_or_holds_it_up(reader: str) -> None:
    inputs = [*seeds.kept(reader), *seeds.whole_files(reader)]
    assert inputs
    for data in inputs:
        start = time.monotonic()
        TARGETS[reader](data)
        assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("reader", TARGETS)
def test_no_damaged_copy_of_an_input_breaks_a_reader(reader: str) -> None:
    source = random.Random(reader)
    inputs = [*seeds.kept(reader), *seeds.whole_files(reader)]
    for _ in range(MUTANTS):
        data = bytearray(source.choice(inputs) or b"\0")
        for _ in range(source.randint(1, 4)):
            data[source.randrange(len(data))] = source.randrange(256)
        TARGETS[reader](bytes(data[: source.randint(1, len(data))] if source.random() < 0.2 else data))


@pytest.mark.soak
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this system")
@pytest.mark.parametrize("reader", TARGETS)
def test_fuzzing_finds_no_input_that_breaks_a_reader(reader: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.attacks.fuzzing.fuzz", reader, str(tmp_path)]
    done = subprocess.run(
        [*command, "--seconds", str(round(60 * MINUTES))], cwd=ROOT, capture_output=True, text=True, errors="replace",
        check=False, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    findings = [path.read_bytes() for path in tmp_path.glob("*-*")]
    assert done.returncode == 0, (findings, done.stderr[-3000:])
    assert not findings
