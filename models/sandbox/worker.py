"""The locked-in side: imports its task, closes every door behind itself, then answers calls until its pipe ends."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from models.errors import Invalid
from models.sandbox import landlock, seccomp
from models.sandbox.protocol import OUT_OF_MEMORY, REFUSED, Message, ProtocolError, pack, receive

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
GRACE = 5.0  # seconds after which a call that nobody waits for any more ends the process


def main(task: str, memory: int, largest: int, must_lock: bool) -> None:
    """Serve the functions of the module `task` over the pipes it was started with.

    A task has `prepare()`, which imports and warms up whatever it needs, and CALLS, functions by name from (JSON,
    arrays) to (JSON, arrays). `memory` bytes may be taken on top of what preparing took.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):  # what libraries print must not end up among the messages
        os.dup2(nothing, handle)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    state, module = _locked_in(task, memory, must_lock)
    _send(sink, Message(state))
    while state["ready"]:
        try:
            message = receive(lambda count: _read(source, count), largest)
            _watch(message.body.get("seconds", 0))
            answer = _answer(module, message)
            del message
            _send(sink, answer)
            del answer
        except (EOFError, ProtocolError):
            return
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        _watch(0)


def _locked_in(task: str, memory: int, must_lock: bool) -> tuple[dict[str, Any], Any]:
    # Whether all is ready, with what holds and why the rest does not; an operator who does without a lock keeps others.
    state: dict[str, Any] = {"ready": False, "landlock": 0, "seccomp": False}
    reasons: list[str] = []
    try:
        _close_the_door()
    except OSError as error:
        reasons.append(str(error))
        if must_lock:
            return {**state, "reason": reasons[0]}, None
    try:
        module: Any = importlib.import_module(task)
        module.prepare()
    except Exception as error:  # a package that is missing or broken may raise anything
        return {**state, "broken": f"{type(error).__name__}: {error}"[:300]}, None
    _limit(memory)
    for name, close in (("landlock", landlock.restrict), ("seccomp", seccomp.close)):
        try:
            state[name] = close()
        except OSError as error:
            reasons.append(str(error))
    return {**state, "ready": not (reasons and must_lock), "reason": "; ".join(reasons)}, module


def _watch(seconds: object) -> None:
    # The asking side ends what is too slow; should it be gone itself, the kernel does.
    wait = float(seconds) + GRACE if isinstance(seconds, (int, float)) and seconds > 0 else 0
    signal.setitimer(signal.ITIMER_REAL, wait)


def _close_the_door() -> None:
    # Before any library is imported, as one may start threads: from here on programs can be read, and nothing else.
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise OSError(f"{threads} threads run already")
    landlock.restrict([*sys.path, sys.prefix, sys.base_prefix, *LIBRARIES])


def _limit(memory: int) -> None:
    # Preparing is over: what it took stays, and `memory` more may be taken.
    limits = {
        resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: SECONDS, resource.RLIMIT_NOFILE: 16,
    }  # fmt: skip
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        limits[resource.RLIMIT_AS] = int(status.partition("VmSize:")[2].split()[0]) * 1024 + memory
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def _answer(module: Any, message: Message) -> Message:
    try:
        call = module.CALLS[message.body["call"]]
        body, arrays = call(message.body.get("given", {}), message.arrays)
        return Message({"answer": body}, arrays)
    except MemoryError:
        return Message({"error": "memory", "text": ""})
    except Invalid as error:  # a refusal of the task's own
        return Message({"error": REFUSED, "text": str(error)[:2000]})
    except Exception as error:  # a stranger's file may make a library raise anything
        return Message({"error": type(error).__name__, "text": str(error)[:2000]})


def _send(sink: int, message: Message) -> None:
    data = memoryview(pack(message))
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
