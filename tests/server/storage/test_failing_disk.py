"""A disk that fails at one call, whichever it is: nothing confirmed is lost, and the job ends or says why not."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SAMPLED = 8  # calls that fail in the tests everybody runs


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`failing.c`, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("a disk that fails needs Linux and a C compiler")
    out = tmp_path_factory.mktemp("shim") / "failing.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", out, source, "-ldl"], check=True)
    return out


def run(shim: Path, folder: Path, code: int, calls: list[int]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.server.storage.failing_disk", folder, str(code), json.dumps(calls)],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(whole: dict[str, Any], found: dict[str, Any]) -> None:
    """What must be so whichever call failed."""
    assert "crashed" not in found, found
    assert found["broken"] == [], found
    assert found["litter"] == [], found
    if found["confirmed"] is None:
        # A commit whose sync failed may be there after all; what was refused may then be done, but nothing is half.
        assert found["refused"].endswith(".")
        assert found["jobs"] in (0, 1)
        assert found["learned"] in (None, whole["learned"])
        return
    then = found["then"]
    assert then is not None, found
    assert then["state"] in ("done", "failed"), found
    if then["state"] == "failed":
        assert then["error"]["message"].endswith(".")
    if "done" in (found["state"], then["state"]):
        assert found["learned"] == whole["learned"], "it learned something else"
    if found["state"] == "done":
        assert then["state"] == "done"


def whole_run(shim: Path, folder: Path) -> dict[str, Any]:
    whole = run(shim, folder, 0, [0])[0]
    assert (whole["state"], whole["broken"]) == ("done", [])
    assert whole["calls"] > 50
    judged(whole, whole)
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_some_calls_that_fail_lose_nothing(code: int, shim: Path, tmp_path: Path) -> None:
    whole = whole_run(shim, tmp_path)
    calls = sorted({1 + index * (whole["calls"] - 1) // (SAMPLED - 1) for index in range(SAMPLED)})
    for found in run(shim, tmp_path, code, calls):
        judged(whole, found)
        if code == errno.ENOSPC and found["confirmed"]:
            assert found["then"]["state"] == "done"  # a full disk is waited for


@pytest.mark.soak
def test_every_call_that_fails_loses_nothing(shim: Path, tmp_path: Path) -> None:
    whole = whole_run(shim, tmp_path)
    ends: dict[str, int] = {}
    for code in (errno.EIO, errno.ENOSPC):
        for found in run(shim, tmp_path, code, list(range(1, whole["calls"] + 1))):
            judged(whole, found)
            end = f"{errno.errorcode[code]} {found['then']['state'] if found['then'] else 'refused'}"
            ends[end] = ends.get(end, 0) + 1
    print(f"{whole['calls']} calls, each failed once: {ends}")
