"""A disk that fails at one call: whichever it is, nothing confirmed is lost, and the job ends or says why not."""

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
SAMPLED = 8  # failing calls in the quick test
CODES = (errno.EIO, errno.ENOSPC)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`failing_disk.c`, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("the failing disk needs Linux and a C compiler")
    out = tmp_path_factory.mktemp("shim") / "failing.so"
    source = Path(__file__).with_name("failing_disk.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", out, source, "-ldl"], check=True)
    return out


def run(shim: Path, folder: Path, plan: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Run the job once for each error code and failing call, all in one process."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.server.storage.failing_disk", folder, json.dumps(plan)],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(shim), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return [json.loads(line) for line in process.stdout.splitlines()]


def check(whole: dict[str, Any], result: dict[str, Any]) -> None:
    """What must hold whichever call failed."""
    assert "crashed" not in result, result
    assert result["broken"] == [], result
    assert result["litter"] == [], result
    if result["confirmed"] is None:
        # A commit whose sync failed may still be on the disk: the refused job may then be done, but never half done.
        assert result["refused"].endswith(".")
        assert result["jobs"] in (0, 1)
        assert result["learned"] in (None, whole["learned"])
        return
    then = result["then"]
    assert then is not None, result
    assert then["state"] in ("done", "failed"), result
    if then["state"] == "failed":
        assert then["error"]["message"].endswith(".")
    if "done" in (result["state"], then["state"]):
        assert result["learned"] == whole["learned"], "it learned something else"
    if result["state"] == "done":
        assert then["state"] == "done"


@pytest.fixture(scope="module")
def whole(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The run in which no call fails."""
    [result] = run(shim, tmp_path_factory.mktemp("whole"), [(0, 0)])
    assert (result["state"], result["broken"]) == ("done", [])
    assert result["calls"] > 50
    check(result, result)
    return result


@pytest.mark.slow
def test_a_sample_of_failing_calls_loses_nothing(shim: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    calls = sorted({1 + index * (whole["calls"] - 1) // (SAMPLED - 1) for index in range(SAMPLED)})
    results = run(shim, tmp_path, [(code, call) for code in CODES for call in calls])
    assert len(results) == len(CODES) * len(calls)
    for result in results:
        check(whole, result)
        if result["code"] == errno.ENOSPC and result["confirmed"]:
            assert result["then"]["state"] == "done"  # the job waits until the disk has room


@pytest.mark.soak
def test_no_failing_call_loses_anything(shim: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    ends: dict[str, int] = {}
    for result in run(shim, tmp_path, [(code, call) for code in CODES for call in range(1, whole["calls"] + 1)]):
        check(whole, result)
        end = f"{errno.errorcode[result['code']]} {result['then']['state'] if result['then'] else 'refused'}"
        ends[end] = ends.get(end, 0) + 1
    print(f"{whole['calls']} calls, each failed once: {ends}")
