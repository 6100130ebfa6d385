"""Whatever runs in the jail, nothing gets out, and the side that asks goes on with one clear sentence."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.jail import cell, landlock, seccomp
from models.jail.cell import Failed, Jail, JailError, JailUnavailable, available
from models.jail.wire import Garbled, Message, packed, received

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")


@pytest.fixture(autouse=True)
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """The misbehaving task, found beside the tests."""
    monkeypatch.setitem(cell.TASKS, "misbehaving", "tests.models.jail.misbehaving")


@pytest.fixture
def jail() -> Iterator[Jail]:
    with Jail("misbehaving", memory=256 * 2**20, seconds=5) as opened:
        yield opened


def test_this_system_can_lock_in() -> None:
    assert available()["landlock"] >= 1
    assert available()["seccomp"] is True


def test_numbers_go_in_and_come_out_time_after_time(jail: Jail) -> None:
    for count in (1, 1000, 300_000):
        numbers = np.arange(count, dtype=np.float32)
        message = jail.call("echo", {"count": count}, [numbers])
        assert message.body == {"count": count}
        assert np.array_equal(message.arrays[0], 2 * numbers)


def test_it_may_use_threads(jail: Jail) -> None:
    assert jail.call("threads", {}).body == {"found": [0, 1, 2, 3]}


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", "/tmp"])
def test_no_file_can_be_read(jail: Jail, path: str) -> None:
    with pytest.raises(Failed) as error:
        jail.call("read_file", {"path": path})
    assert error.value.kind == "PermissionError"


def test_no_file_can_be_written_or_removed(jail: Jail, tmp_path: Path) -> None:
    path = tmp_path / "there"
    with pytest.raises(Failed, match="Permission denied"):
        jail.call("write_file", {"path": str(path)})
    assert not path.exists()
    path.write_text("kept")
    with pytest.raises(JailError, match="tried what nothing in the jail may"):
        jail.call("unlink", {"path": str(path)})
    assert path.read_text() == "kept"


def test_no_connection_can_be_opened(jail: Jail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with pytest.raises(JailError, match="open a connection"):
            jail.call("connect", {"port": server.getsockname()[1]})
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("call", ["execute", "run", "fork"])
def test_no_program_can_be_started(jail: Jail, tmp_path: Path, call: str) -> None:
    path = tmp_path / "ran"
    with pytest.raises(JailError, match=r"to start a program|not permitted"):
        jail.call(call, {"path": str(path)})
    assert not path.exists()


@pytest.mark.parametrize("call", ["shoot", "shoot_a_thread"])
def test_no_other_process_can_be_reached(jail: Jail, call: str) -> None:
    with pytest.raises(JailError, match="reach a process"):
        jail.call(call, {"process": os.getpid()})


def test_it_cannot_take_more_memory_than_it_may(jail: Jail) -> None:
    with pytest.raises(JailError, match="more memory"):
        jail.call("allocate", {})
    assert jail.call("echo", {"still": "there"}).body == {"still": "there"}


def test_what_never_returns_is_ended() -> None:
    with Jail("misbehaving", seconds=0.5) as jail, pytest.raises(JailError, match=r"longer than 0\.5 seconds"):
        jail.call("loop", {})


@pytest.mark.parametrize(("text", "times"), [("nonsense", 1), ("\xff\xff\xff", 1000)])
def test_what_is_no_message_is_not_believed(jail: Jail, text: str, times: int) -> None:
    with pytest.raises(JailError, match="answered with"):
        jail.call("garble", {"text": text, "times": times})


@pytest.mark.parametrize("call", ["crash", "abort"])
def test_a_crash_is_its_own(jail: Jail, call: str) -> None:
    with pytest.raises(JailError, match="It crashed"):
        jail.call(call, {})


def test_an_error_is_one_line_and_the_worker_goes_on(jail: Jail) -> None:
    with pytest.raises(Failed) as error:
        jail.call("fail", {})
    assert str(error.value) == "It failed: no such thing."
    with pytest.raises(Failed, match="nothing_of_the_kind"):
        jail.call("nothing_of_the_kind", {})
    assert jail.call("echo", {}).body == {}


def test_after_its_end_it_says_that_it_is_closed(jail: Jail) -> None:
    jail.close()
    with pytest.raises(JailError, match="closed"):
        jail.call("echo", {})


def test_too_many_answers_are_not_taken(jail: Jail) -> None:
    with pytest.raises(JailError, match="too long"):
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
    (tmp_path / "task.py").write_text("def prepare(): ...\nCALLS = {'hello': lambda given, arrays: ({'hi': 1}, [])}\n")
    monkeypatch.setattr(cell, "ROOT", tmp_path)
    monkeypatch.setitem(cell.TASKS, "hello", "task")
    with pytest.raises(JailUnavailable, match="no Landlock"), Jail("hello"):
        pass
    with Jail("hello", unlocked=True) as open_jail:
        assert open_jail.call("hello", {}).body == {"hi": 1}


def test_only_named_tasks_run() -> None:
    with pytest.raises(KeyError):
        Jail("os")


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_every_jump_of_the_filter_lands_inside_it(machine: str) -> None:
    code = seccomp.program(machine, 1)
    steps = [struct.unpack("<HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    for place, (kind, yes, no, _) in enumerate(steps):
        if kind in (seccomp.EQUAL, seccomp.AT_LEAST, seccomp.SET):
            assert place + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == seccomp.RETURN
    assert len(steps) < 4096


def test_no_number_is_both_free_and_deadly() -> None:
    for column in (0, 1):
        named = [names[column] for table in (seccomp.FREE, seccomp.DENIED, seccomp.DEADLY) for names in table.values()]
        named = [number for number in named if number >= 0]
        assert len(named) == len(set(named))


def test_landlock_knows_its_version() -> None:
    assert landlock.version() >= 1


@given(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4),
    st.lists(st.sampled_from(["float32", "uint8", "int64"]), max_size=4),
)
def test_any_message_comes_through_whole(body: dict[str, object], kinds: list[str]) -> None:
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in kinds]
    data = memoryview(packed(Message(body, arrays)))

    def read(count: int) -> bytes:
        nonlocal data
        part, data = data[:count], data[count:]
        return bytes(part)

    found = received(read, 10**6)
    assert found.body == body
    assert all(np.array_equal(one, other) for one, other in zip(found.arrays, arrays, strict=True))
    assert len(data) == 0


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_garbled(data: bytes) -> None:
    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest
        if count > len(rest):
            raise EOFError
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    try:
        received(read, 1000)
    except (Garbled, EOFError):
        return


@pytest.mark.parametrize(
    "arrays",
    [
        [["float32", [2**39]]], [["float32", [-1]]], [["object", [1]]], [["float32", [1] * 9]], [["float32", 3]],
        [["float32", [True]]], [["float32", [1.5]]], ["float32"], None,
    ],
)  # fmt: skip
def test_impossible_arrays_are_garbled(arrays: object) -> None:
    import json

    text = json.dumps({"body": {}, "arrays": arrays}).encode()
    data = struct.pack("<II", len(text), len(arrays) if isinstance(arrays, list) else 0) + text
    rest = memoryview(data)

    def read(count: int) -> bytes:
        nonlocal rest
        part, rest = rest[:count], rest[count:]
        return bytes(part)

    with pytest.raises(Garbled):
        received(read, 1000)
