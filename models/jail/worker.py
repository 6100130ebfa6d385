"""The locked-in side: imports its task, closes every door behind itself, then answers calls until its pipe ends."""

from __future__ import annotations

import importlib
import os
import resource
import sys
from pathlib import Path
from typing import Any

from models.jail import landlock, seccomp
from models.jail.wire import Garbled, Message, packed, received

# What libraries read when they are loaded: the linker's list, the processor's kind, numbers from the kernel.
LIBRARIES = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/dev/urandom",
    "/dev/null",
    "/proc",
    "/sys/devices/system/cpu",
)
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
    try:
        _close_the_door()
        module: Any = importlib.import_module(task)
        module.prepare()
        version = _lock(memory)
        state: dict[str, Any] = {"ready": True, "locked": True, "landlock": version}
    except OSError as error:
        state = {"ready": not must_lock, "locked": False, "reason": str(error)}
        if not must_lock:
            module = importlib.import_module(task)
            module.prepare()
    _send(sink, Message(state))
    while state["ready"]:
        try:
            message = received(lambda count: _read(source, count), largest)
        except (EOFError, Garbled):
            return
        _send(sink, _answer(module, message))


def _close_the_door() -> None:
    # Before any library is imported, as one may start threads: from here on programs can be read, and nothing else.
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise OSError(f"{threads} threads run already")
    landlock.forbid([*sys.path, sys.prefix, sys.base_prefix, *LIBRARIES])


def _lock(memory: int) -> int:
    # Preparing is over: not even programs can be read any more, in any thread.
    status = Path("/proc/self/status").read_text()
    taken = int(status.partition("VmSize:")[2].split()[0]) * 1024
    for limit, value in (
        (resource.RLIMIT_AS, taken + memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_NOFILE, 16),
    ):  # fmt: skip
        resource.setrlimit(limit, (value, value))
    version = landlock.forbid()
    seccomp.close()
    return version


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
