"""The locked-in side: imports its task, closes every door behind itself, then answers calls until its pipe ends."""

from __future__ import annotations

import importlib
import os
import resource
from pathlib import Path
from typing import Any

from models.jail import landlock, seccomp
from models.jail.wire import Garbled, Message, packed, received

SECONDS = 24 * 3600  # of computing, for its whole life; the asking side bounds each call


def main(task: str, memory: int, largest: int, must_lock: bool) -> None:
    """Serve the functions of the module `task` over the pipes it was started with.

    A task has `prepare()`, which imports and warms up whatever it needs, and CALLS, functions by name from (JSON,
    arrays) to (JSON, arrays). `memory` bytes may be taken on top of what preparing took.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):  # what libraries print must not end up among the messages
        os.dup2(nothing, handle)
    module: Any = importlib.import_module(task)
    module.prepare()
    state = _lock(memory, must_lock)
    _send(sink, Message(state))
    while state["ready"]:
        try:
            message = received(lambda count: _read(source, count), largest)
        except (EOFError, Garbled):
            return
        _send(sink, _answer(module, message))


def _lock(memory: int, must_lock: bool) -> dict[str, Any]:
    os.chdir("/")
    status = Path("/proc/self/status").read_text()
    taken = int(status.partition("VmSize:")[2].split()[0]) * 1024
    for limit, value in (
        (resource.RLIMIT_AS, taken + memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_NOFILE, 16),
    ):  # fmt: skip
        resource.setrlimit(limit, (value, value))
    try:
        threads = len(os.listdir("/proc/self/task"))
        if threads != 1:  # Landlock closes the doors for this thread and those it starts, not for others
            raise OSError(f"{threads} threads run already")
        version = landlock.forbid_everything()
        seccomp.close()
    except OSError as error:
        return {"ready": not must_lock, "locked": False, "reason": str(error)}
    return {"ready": True, "locked": True, "landlock": version}


def _answer(module: Any, message: Message) -> Message:
    try:
        call = module.CALLS[message.body["call"]]
        body, arrays = call(message.body.get("given", {}), message.arrays)
        return Message({"answer": body}, arrays)
    except MemoryError:
        return Message({"error": "memory", "text": ""})
    except Exception as error:  # a stranger's file may make a library raise anything
        return Message({"error": type(error).__name__, "text": str(error)[:2000]})


def _send(sink: int, message: Message) -> None:
    data = memoryview(packed(message))
    while data:
        data = data[os.write(sink, data) :]


def _read(source: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(source, min(count, 2**20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
