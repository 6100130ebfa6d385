"""The worker inside the sandbox: imports its task, gives up every access, then answers calls until its pipe ends."""

from __future__ import annotations

import contextlib
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

# What libraries read while they are loaded: the linker's cache, the type of the processor, random numbers.
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
CPU_SECONDS = 24 * 3600  # of the worker's whole life; the client limits each call
MAX_OPEN_FILES = 16
GRACE = 1.0  # seconds after a call's time limit until the kernel ends a worker whose client is gone


def main(task: str, memory: int, largest: int, niceness: int, must_isolate: bool) -> None:
    """Serve the functions of the module `task` over the pipes that the process was started with.

    A task has `prepare()`, which imports and warms up its dependencies, and CALLS, functions by name from (JSON,
    arrays) to (JSON, arrays). The task may take `memory` bytes on top of what preparing took, receive `largest` bytes
    of arrays in one message, and takes the processor with `niceness`. With `must_isolate`, a system that cannot isolate
    the process ends it.
    """
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):  # what libraries print must not end up among the messages
        os.dup2(null, handle)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    state, module = _isolate(task, memory, niceness, must_isolate)
    _send(sink, Message(state))
    while state["ready"]:
        try:
            request = receive(lambda count: _read(source, count), largest)
            _set_watchdog(request.body.get("seconds", 0))
            answer = _answer(module, request)
            del request
            _send(sink, answer)
            del answer
        except (EOFError, ProtocolError):
            return
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        _set_watchdog(0)


def _isolate(task: str, memory: int, niceness: int, must_isolate: bool) -> tuple[dict[str, Any], Any]:
    # Returns which restrictions hold and why others do not, whether the worker is ready, and its task's module. An
    # operator who goes without one restriction keeps the others.
    state: dict[str, Any] = {"ready": False, "landlock": 0, "seccomp": False}
    reasons: list[str] = []
    try:
        _restrict_to_libraries()
    except OSError as error:
        reasons.append(str(error))
        if must_isolate:
            return {**state, "reason": reasons[0]}, None
    # The CUDA build of torch imports NVIDIA's bindings, which write a temporary file and start a compiler to find a
    # library. Here nothing may do so, and tasks compute on the processor: to torch they are not installed.
    sys.modules["cuda"] = None  # type: ignore[assignment]
    try:
        module: Any = importlib.import_module(task)
        module.prepare()
    except Exception as error:  # a package that is missing or broken may raise anything
        return {**state, "broken": f"{type(error).__name__}: {error}"[:300]}, None
    _limit_resources(memory)
    _give_way(niceness)  # not before: what is imported is our own, and somebody waits for it
    for name, restrict in (("landlock", landlock.restrict), ("seccomp", seccomp.install)):
        try:
            state[name] = restrict()
        except OSError as error:
            reasons.append(str(error))
    return {**state, "ready": not (reasons and must_isolate), "reason": "; ".join(reasons)}, module


def _give_way(niceness: int) -> None:
    # Linux shares the processor among sessions first, and this process has one of its own, so the session yields too.
    os.nice(niceness)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness))


def _set_watchdog(seconds: object) -> None:
    # The client ends calls that take too long; if the client is gone, the kernel does.
    limit = float(seconds) + GRACE if isinstance(seconds, (int, float)) and seconds > 0 else 0
    signal.setitimer(signal.ITIMER_REAL, limit)


def _restrict_to_libraries() -> None:
    # Before any library is imported, as one may start threads, which a later restriction would not reach.
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise OSError(f"{threads} threads run already")
    landlock.restrict([*sys.path, sys.prefix, sys.base_prefix, *LIBRARIES])


def _limit_resources(memory: int) -> None:
    # Once the task is prepared: what that took stays, and `memory` more may be taken.
    limits = {
        resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
    }  # fmt: skip
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        limits[resource.RLIMIT_AS] = int(status.partition("VmSize:")[2].split()[0]) * 1024 + memory
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def _answer(module: Any, request: Message) -> Message:
    try:
        call = module.CALLS[request.body["call"]]
        body, arrays = call(request.body.get("parameters", {}), request.arrays)
        return Message({"answer": body}, arrays)
    except MemoryError:
        return Message({"error": "memory", "text": ""})
    except Invalid as refusal:
        return Message({"error": REFUSED, "text": str(refusal)[:2000]})
    except Exception as error:  # an untrusted file may make a library raise anything
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
