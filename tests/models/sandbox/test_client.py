"""Whatever runs in the sandbox cannot reach outside, and the client reports it with one clear message."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from models.sandbox import client, landlock, seccomp
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed, SandboxUnavailable

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_this_system_can_isolate() -> None:
    assert landlock.version() >= 1
    assert seccomp.is_supported() is True


def test_arrays_pass_both_ways_call_after_call(sandbox: Sandbox) -> None:
    for count in (1, 1000, 300_000):
        numbers = np.arange(count, dtype=np.float32)
        message = sandbox.call("echo", {"count": count}, [numbers])
        assert message.body == {"count": count}
        assert np.array_equal(message.arrays[0], 2 * numbers)


def test_nvidias_bindings_which_start_a_compiler_are_not_installed_in_there(sandbox: Sandbox) -> None:
    """With the CUDA build of torch, which imports them, nothing that needs torch would start in the sandbox."""
    assert sandbox.call("import_module", {"name": "cuda"}).body == {"hidden": True}
    assert sandbox.call("import_module", {"name": "numpy"}).body == {"hidden": False}


def test_threads_are_allowed(sandbox: Sandbox) -> None:
    assert sandbox.call("threads", {}).body == {"results": [0, 1, 2, 3]}


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", "/tmp"])
def test_no_file_can_be_read(sandbox: Sandbox, path: str) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        sandbox.call("read_file", {"path": path})
    assert error.value.kind == "PermissionError"


def test_no_file_can_be_written_or_removed(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "there"
    with pytest.raises(SandboxTaskFailed, match="Permission denied"):
        sandbox.call("write_file", {"path": str(path)})
    assert not path.exists()
    path.write_text("kept")
    with pytest.raises(SandboxError, match="tried what the sandbox forbids"):
        sandbox.call("unlink", {"path": str(path)})
    assert path.read_text() == "kept"


def test_no_connection_can_be_opened(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(SandboxError, match="open a connection"):
            sandbox.call("connect", {"port": server.getsockname()[1]})
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("call", ["execute", "run", "fork"])
def test_no_program_can_be_started(sandbox: Sandbox, tmp_path: Path, call: str) -> None:
    path = tmp_path / "ran"
    with pytest.raises(SandboxError, match=r"to start a program|not permitted"):
        sandbox.call(call, {"path": str(path)})
    assert not path.exists()


@pytest.mark.parametrize("call", ["signal_process", "signal_thread"])
def test_no_other_process_can_be_reached(sandbox: Sandbox, call: str) -> None:
    with pytest.raises(SandboxError, match="reach a process"):
        sandbox.call(call, {"process": os.getpid()})


def test_a_worker_ends_after_its_client_died(tmp_path: Path) -> None:
    # The client sends a call and exits while the worker computes without end.
    script = (
        f"import sys, os; sys.path.insert(0, {str(ROOT)!r})\n"
        "from models.sandbox import client\n"
        "from models.sandbox.protocol import Message, pack\n"
        "client.TASKS['bad'] = 'tests.models.sandbox.misbehaving'\n"
        "sandbox = client.Sandbox('bad').__enter__()\n"
        "data = pack(Message({'call': 'loop', 'parameters': {}, 'seconds': 0.1}))\n"
        "os.write(sandbox._process.stdin.fileno(), data)\n"
        "print(sandbox._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    worker = Path("/proc") / output.stdout.strip()
    for _ in range(1500):
        if not is_running(worker):
            return
        time.sleep(0.02)
    os.kill(int(worker.name), signal.SIGKILL)
    pytest.fail("the worker went on without its client")


def is_running(process: Path) -> bool:
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_answer_larger_than_allowed_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.call("return_bytes", {"bytes": 1000}, most=1000).arrays[0].nbytes == 1000
    with pytest.raises(SandboxError, match="more numbers than are allowed"):
        sandbox.call("return_bytes", {"bytes": 1001}, most=1000)


def test_a_large_answer_is_held_in_memory_once(sandbox: Sandbox) -> None:
    size = 64 * 2**20
    tracemalloc.start()
    try:
        assert sandbox.call("return_bytes", {"bytes": size}).arrays[0].nbytes == size
        assert tracemalloc.get_traced_memory()[1] < 1.2 * size
    finally:
        tracemalloc.stop()


def test_a_message_beyond_the_memory_limit_is_reported() -> None:
    with (
        Sandbox("misbehaving", memory=64 * 2**20, seconds=20) as sandbox,
        pytest.raises(SandboxError, match="more memory"),
    ):
        sandbox.call("echo", {}, [np.zeros(200 * 2**20, np.uint8)])


def test_error_texts_become_one_printable_line(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        sandbox.call("fail_unprintably", {})
    assert error.value.text == "fine[2J but odd"
    assert client.plain_text("\n\n", 10) == client.plain_text(None, 10) == ""
    assert client.plain_text({"a": 1}, 4) == "{'a'"


def test_the_worker_has_strict_resource_limits(sandbox: Sandbox) -> None:
    found = limits(sandbox)
    assert (found["file size"], found["core file size"], found["open files"]) == (0, 0, 16)
    assert 256 * 2**20 < found["address space"] < 4 * 2**30


def limits(sandbox: Sandbox) -> dict[str, int]:
    """The worker's limits as the kernel has them; -1 for none."""
    lines = Path(f"/proc/{sandbox._running.pid}/limits").read_text().splitlines()[1:]
    rows = ((line[4:26].strip(), line[26:].split()[1]) for line in lines)
    return {name: int(value) if value.isdigit() else -1 for name, value in rows}


def test_memory_beyond_the_limit_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="more memory"):
        sandbox.call("allocate", {})
    assert sandbox.call("echo", {"still": "there"}).body == {"still": "there"}


def test_an_endless_call_is_ended() -> None:
    with Sandbox("misbehaving", seconds=0.5) as sandbox, pytest.raises(SandboxError, match=r"longer than 0\.5 seconds"):
        sandbox.call("loop", {})


@pytest.mark.parametrize(("text", "times"), [("nonsense", 1), ("\xff\xff\xff", 1000)])
def test_invalid_messages_are_rejected(sandbox: Sandbox, text: str, times: int) -> None:
    with pytest.raises(SandboxError, match="The worker returned"):
        sandbox.call("garble", {"text": text, "times": times})


@pytest.mark.parametrize("call", ["crash", "abort"])
def test_a_crash_is_reported(sandbox: Sandbox, call: str) -> None:
    with pytest.raises(SandboxError, match="The worker crashed"):
        sandbox.call(call, {})


def test_an_error_of_the_task_leaves_the_worker_running(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        sandbox.call("fail", {})
    assert str(error.value) == "Reading the file failed: no such thing."
    with pytest.raises(SandboxTaskFailed, match="nothing_of_the_kind"):
        sandbox.call("nothing_of_the_kind", {})
    assert sandbox.call("echo", {}).body == {}


def test_a_closed_sandbox_says_so(sandbox: Sandbox) -> None:
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        sandbox.call("echo", {})


def test_too_many_arrays_are_rejected(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="too long"):
        sandbox.call("return_many_arrays", {})


def test_nothing_runs_where_isolation_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The worker imports a copy of the package whose Landlock finds no support.
    package = tmp_path / "models"
    (package / "sandbox").mkdir(parents=True)
    for name in ("__init__", "errors", "sandbox/__init__", "sandbox/protocol", "sandbox/worker", "sandbox/seccomp"):
        (package / f"{name}.py").write_text((ROOT / "models" / f"{name}.py").read_text())
    (package / "sandbox" / "landlock.py").write_text(
        "def restrict(readable=()):\n    raise OSError('this kernel has no Landlock')\n"
    )
    (tmp_path / "task.py").write_text(
        "import os\ndef prepare(): ...\n"
        "CALLS = {'hello': lambda parameters, arrays: ({'hi': 1}, []),"
        " 'fork': lambda parameters, arrays: ({}, [os.fork()])}\n"
    )
    monkeypatch.setattr(client, "ROOT", tmp_path)
    monkeypatch.setitem(client.TASKS, "hello", "task")
    with pytest.raises(SandboxUnavailable, match="no Landlock"), Sandbox("hello"):
        pass
    with Sandbox("hello", unlocked=True) as unlocked:
        assert unlocked.call("hello", {}).body == {"hi": 1}
        assert limits(unlocked)["file size"] == 0  # it goes without one restriction and keeps the others
        with pytest.raises(SandboxError, match="to start a program"):
            unlocked.call("fork", {})


def test_a_missing_import_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.TASKS, "missing", "models.sandbox.tasks.not_there")
    with pytest.raises(SandboxUnavailable, match="does not start: ModuleNotFoundError") as error, Sandbox("missing"):
        pass
    assert "Install" in error.value.hint


def test_a_worker_that_exits_at_once_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(client, "ROOT", tmp_path)
    with pytest.raises(SandboxUnavailable, match="does not start"), Sandbox("onnx"):
        pass


def test_only_listed_tasks_run() -> None:
    with pytest.raises(KeyError):
        Sandbox("os")


def test_landlock_reports_its_version() -> None:
    assert landlock.version() >= 1
