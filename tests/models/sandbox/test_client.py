"""Whatever runs in the jail, nothing gets out, and the side that asks goes on with one clear sentence."""

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

from models.sandbox import client, landlock
from models.sandbox.client import Sandbox, SandboxError, SandboxTaskFailed, SandboxUnavailable, available

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")


def test_this_system_can_lock_in() -> None:
    assert available()["landlock"] >= 1
    assert available()["seccomp"] is True


def test_numbers_go_in_and_come_out_time_after_time(jail: Sandbox) -> None:
    for count in (1, 1000, 300_000):
        numbers = np.arange(count, dtype=np.float32)
        message = jail.call("echo", {"count": count}, [numbers])
        assert message.body == {"count": count}
        assert np.array_equal(message.arrays[0], 2 * numbers)


def test_it_may_use_threads(jail: Sandbox) -> None:
    assert jail.call("threads", {}).body == {"found": [0, 1, 2, 3]}


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", "/tmp"])
def test_no_file_can_be_read(jail: Sandbox, path: str) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        jail.call("read_file", {"path": path})
    assert error.value.kind == "PermissionError"


def test_no_file_can_be_written_or_removed(jail: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "there"
    with pytest.raises(SandboxTaskFailed, match="Permission denied"):
        jail.call("write_file", {"path": str(path)})
    assert not path.exists()
    path.write_text("kept")
    with pytest.raises(SandboxError, match="tried what nothing in the jail may"):
        jail.call("unlink", {"path": str(path)})
    assert path.read_text() == "kept"


def test_no_connection_can_be_opened(jail: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(SandboxError, match="open a connection"):
            jail.call("connect", {"port": server.getsockname()[1]})
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("call", ["execute", "run", "fork"])
def test_no_program_can_be_started(jail: Sandbox, tmp_path: Path, call: str) -> None:
    path = tmp_path / "ran"
    with pytest.raises(SandboxError, match=r"to start a program|not permitted"):
        jail.call(call, {"path": str(path)})
    assert not path.exists()


@pytest.mark.parametrize("call", ["shoot", "shoot_a_thread"])
def test_no_other_process_can_be_reached(jail: Sandbox, call: str) -> None:
    with pytest.raises(SandboxError, match="reach a process"):
        jail.call(call, {"process": os.getpid()})


def test_a_server_that_dies_leaves_no_worker_behind(tmp_path: Path) -> None:
    # The call is sent, and then the asking side is gone while the worker computes without end.
    script = (
        f"import sys, os; sys.path.insert(0, {str(ROOT)!r})\n"
        "from models.sandbox import cell\n"
        "from models.sandbox.protocol import Message, packed\n"
        "cell.TASKS['bad'] = 'tests.models.sandbox.misbehaving'\n"
        "jail = cell.Jail('bad').__enter__()\n"
        "data = packed(Message({'call': 'loop', 'given': {}, 'seconds': 0.1}))\n"
        "os.write(jail._process.stdin.fileno(), data)\n"
        "print(jail._process.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    worker = Path("/proc") / told.stdout.strip()
    for _ in range(300):
        if not alive(worker):
            return
        time.sleep(0.1)
    os.kill(int(worker.name), signal.SIGKILL)
    pytest.fail("the worker went on without its server")


def alive(process: Path) -> bool:
    try:
        return "\nState:\tZ" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_answer_is_no_larger_than_was_asked_for(jail: Sandbox) -> None:
    assert jail.call("large", {"bytes": 1000}, most=1000).arrays[0].nbytes == 1000
    with pytest.raises(SandboxError, match="more numbers than are allowed"):
        jail.call("large", {"bytes": 1001}, most=1000)


def test_a_large_answer_takes_its_own_size_once(jail: Sandbox) -> None:
    size = 64 * 2**20
    tracemalloc.start()
    try:
        assert jail.call("large", {"bytes": size}).arrays[0].nbytes == size
        assert tracemalloc.get_traced_memory()[1] < 1.2 * size
    finally:
        tracemalloc.stop()


def test_a_message_that_does_not_fit_is_too_much_memory() -> None:
    with (
        Sandbox("misbehaving", memory=64 * 2**20, seconds=20) as jail,
        pytest.raises(SandboxError, match="more memory"),
    ):
        jail.call("echo", {}, [np.zeros(200 * 2**20, np.uint8)])


def test_what_a_stranger_says_is_one_line_that_can_be_shown(jail: Sandbox) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        jail.call("say", {})
    assert error.value.text == "fine[2J but odd"
    assert client.plain_text("\n\n", 10) == client.plain_text(None, 10) == ""
    assert client.plain_text({"a": 1}, 4) == "{'a'"


def test_no_file_no_core_and_few_handles(jail: Sandbox) -> None:
    found = limits(jail)
    assert (found["file size"], found["core file size"], found["open files"]) == (0, 0, 16)
    assert 256 * 2**20 < found["address space"] < 4 * 2**30


def limits(jail: Sandbox) -> dict[str, int]:
    """The worker's limits as the kernel has them; -1 for none."""
    lines = Path(f"/proc/{jail._running.pid}/limits").read_text().splitlines()[1:]
    rows = ((line[4:26].strip(), line[26:].split()[1]) for line in lines)
    return {name: int(value) if value.isdigit() else -1 for name, value in rows}


def test_it_cannot_take_more_memory_than_it_may(jail: Sandbox) -> None:
    with pytest.raises(SandboxError, match="more memory"):
        jail.call("allocate", {})
    assert jail.call("echo", {"still": "there"}).body == {"still": "there"}


def test_what_never_returns_is_ended() -> None:
    with Sandbox("misbehaving", seconds=0.5) as jail, pytest.raises(SandboxError, match=r"longer than 0\.5 seconds"):
        jail.call("loop", {})


@pytest.mark.parametrize(("text", "times"), [("nonsense", 1), ("\xff\xff\xff", 1000)])
def test_what_is_no_message_is_not_believed(jail: Sandbox, text: str, times: int) -> None:
    with pytest.raises(SandboxError, match="answered with"):
        jail.call("garble", {"text": text, "times": times})


@pytest.mark.parametrize("call", ["crash", "abort"])
def test_a_crash_is_its_own(jail: Sandbox, call: str) -> None:
    with pytest.raises(SandboxError, match="It crashed"):
        jail.call(call, {})


def test_an_error_is_one_line_and_the_worker_goes_on(jail: Sandbox) -> None:
    with pytest.raises(SandboxTaskFailed) as error:
        jail.call("fail", {})
    assert str(error.value) == "It failed: no such thing."
    with pytest.raises(SandboxTaskFailed, match="nothing_of_the_kind"):
        jail.call("nothing_of_the_kind", {})
    assert jail.call("echo", {}).body == {}


def test_after_its_end_it_says_that_it_is_closed(jail: Sandbox) -> None:
    jail.close()
    with pytest.raises(SandboxError, match="closed"):
        jail.call("echo", {})


def test_too_many_answers_are_not_taken(jail: Sandbox) -> None:
    with pytest.raises(SandboxError, match="too long"):
        jail.call("many", {})


def test_where_the_doors_cannot_be_closed_nothing_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The worker's own copy of landlock is replaced by one that finds no support.
    package = tmp_path / "models"
    (package / "jail").mkdir(parents=True)
    for name in ("__init__", "jail/__init__", "jail/wire", "jail/worker", "jail/seccomp"):
        (package / f"{name}.py").write_text((ROOT / "models" / f"{name}.py").read_text())
    (package / "jail" / "landlock.py").write_text(
        "def forbid(readable=()):\n    raise OSError('this kernel has no Landlock')\n"
    )
    (tmp_path / "task.py").write_text(
        "import os\ndef prepare(): ...\n"
        "CALLS = {'hello': lambda given, arrays: ({'hi': 1}, []),"
        " 'fork': lambda given, arrays: ({}, [os.fork()])}\n"
    )
    monkeypatch.setattr(client, "ROOT", tmp_path)
    monkeypatch.setitem(client.TASKS, "hello", "task")
    with pytest.raises(SandboxUnavailable, match="no Landlock"), Sandbox("hello"):
        pass
    with Sandbox("hello", unlocked=True) as open_jail:
        assert open_jail.call("hello", {}).body == {"hi": 1}
        assert limits(open_jail)["file size"] == 0  # it does without one lock, and keeps the others
        with pytest.raises(SandboxError, match="to start a program"):
            open_jail.call("fork", {})


def test_what_cannot_be_imported_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(client.TASKS, "missing", "models.sandbox.tasks.not_there")
    with pytest.raises(SandboxUnavailable, match="does not start: ModuleNotFoundError") as error, Sandbox("missing"):
        pass
    assert "Install" in error.value.hint


def test_what_ends_before_it_is_ready_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(client, "ROOT", tmp_path)
    with pytest.raises(SandboxUnavailable, match="does not start"), Sandbox("onnx"):
        pass


def test_only_named_tasks_run() -> None:
    with pytest.raises(KeyError):
        Sandbox("os")


def test_landlock_knows_its_version() -> None:
    assert landlock.version() >= 1
