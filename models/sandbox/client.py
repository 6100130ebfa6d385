"""The calling side of the sandbox: starts a worker, calls its functions, and ends it when it breaks a rule."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from models.errors import ModelFailed
from models.sandbox.device_turn import off_device
from models.sandbox.protocol import OUT_OF_MEMORY, REFUSED, Message, ProtocolError, pack, receive

ROOT = Path(__file__).parents[2]
TASKS = {  # the modules that may run in a sandbox
    "onnx": "models.sandbox.tasks.onnx",
    "media": "models.sandbox.tasks.media",
    "checkpoint": "models.importing.sandbox_task",
    "drawing": "models.generators.sandbox_task",
}
MEMORY = 1536 * 2**20  # bytes
LARGEST = 512 * 2**20  # bytes of arrays in one message
START_SECONDS, CALL_SECONDS, EXIT_SECONDS = 60.0, 30.0, 5.0
ENVIRONMENT = {
    "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
}  # fmt: skip
CHECK_FILE = "Check the file and where it comes from."


class SandboxError(ModelFailed):
    """The worker broke a rule, exceeded a limit, failed, or returned something invalid."""


class SandboxTimeout(SandboxError):
    """The worker took longer than a call may take."""


class SandboxUnavailable(SandboxError):
    """This system cannot isolate a worker, so that no untrusted file is opened."""


class SandboxRefused(SandboxError):
    """The task refused the file. `text` is its message; a worker that was taken over may have forged it."""

    def __init__(self, text: str, hint: str = CHECK_FILE) -> None:
        super().__init__(text, hint)
        self.text = text


class SandboxTaskFailed(SandboxError):
    """The task raised an unexpected error. `kind` is its type's name and `text` its message, neither to be trusted."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"Reading the file failed: {(text or kind).rstrip('. ')}.", "Check the file.")
        self.kind, self.text = kind, text


class Sandbox:
    """One isolated worker for one of TASKS, started on entering the context; after an error it is gone.

    The worker may take `memory` bytes, spend `seconds` on a call, and send or receive `largest` bytes of arrays in one
    message. Its `niceness` leaves the processor to everybody else: 19 takes only what nobody needs. `unlocked` lets it
    run on a system that cannot isolate it: the operator's decision, never a default. Not for use by several threads at
    a time.
    """

    def __init__(
        self,
        task: str,
        *,
        memory: int = MEMORY,
        seconds: float = CALL_SECONDS,
        largest: int = LARGEST,
        niceness: int = 5,
        unlocked: bool = False,
    ) -> None:
        self.task, self.memory, self.seconds, self.unlocked = TASKS[task], memory, seconds, unlocked
        self.largest, self.niceness = largest, niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._time_limit = START_SECONDS

    def __enter__(self) -> Self:
        with off_device():
            return self._start()

    def _start(self) -> Self:
        start = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from models.sandbox.worker import main; "
            f"main({self.task!r}, {self.memory}, {self.largest}, {self.niceness}, {not self.unlocked})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd="/", start_new_session=True, bufsize=0,
        )  # fmt: skip
        try:
            state = self._receive(time.monotonic() + START_SECONDS, 0).body
            self._time_limit = self.seconds
        except SandboxError as error:
            raise SandboxUnavailable(f"The sandbox does not start. {error}", REINSTALL) from error
        if state.get("ready"):
            return self
        self.close()
        if "broken" in state:
            raise SandboxUnavailable(f"The sandbox does not start: {plain_text(state['broken'], 200)}.", REINSTALL)
        raise SandboxUnavailable(
            f"This system cannot isolate untrusted files: {plain_text(state.get('reason'), 200)}.",
            "Use a Linux kernel with Landlock and seccomp (5.13 or newer).",
        )

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self,
        name: str,
        parameters: Mapping[str, Any],
        arrays: Sequence[np.ndarray] = (),
        *,
        most: int | None = None,
        hint: str = CHECK_FILE,
    ) -> Message:
        """What the task's function `name` returns, with at most `most` bytes of arrays.

        Raises SandboxRefused, with `hint`, for a file that the task does not take, and SandboxError for everything else
        that is no answer. The JSON and the shapes of an answer are well-formed; what they mean is for the caller to
        check.
        """
        with off_device():
            return self._call(name, parameters, arrays, most, hint)

    def _call(
        self, name: str, parameters: Mapping[str, Any], arrays: Sequence[np.ndarray], most: int | None, hint: str
    ) -> Message:
        deadline = time.monotonic() + self.seconds
        request = {"call": name, "parameters": dict(parameters), "seconds": self.seconds}
        self._send(pack(Message(request, arrays)), deadline)
        message = self._receive(deadline, most)
        if "error" in message.body:
            raise _task_error(plain_text(message.body["error"], 60), plain_text(message.body.get("text"), 600), hint)
        answer = message.body.get("answer")
        if not isinstance(answer, dict):
            raise self._end("The worker returned something that is no answer.")
        return Message(answer, message.arrays)

    def close(self) -> None:
        """Kill the worker at once."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:  # until it is waited for, its id is its own, and so is that of its group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()  # the kernel has ended it already, and only has to say so

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise SandboxError("The sandbox is closed.", "Open it again.")
        return self._process

    def _send(self, data: bytes, deadline: float) -> None:
        pipe = self._running.stdin
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
        rest = memoryview(data)
        while rest:
            self._wait(pipe, selectors.EVENT_WRITE, deadline)
            try:
                rest = rest[os.write(pipe.fileno(), rest[: 2**20]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._end() from None

    def _receive(self, deadline: float, most: int | None = None) -> Message:
        pipe = self._running.stdout
        assert pipe is not None

        def read(count: int) -> bytearray:
            data = bytearray(count)  # memory that is not written to is not taken
            rest = memoryview(data)
            while rest:
                self._wait(pipe, selectors.EVENT_READ, deadline)
                received = os.readv(pipe.fileno(), [rest])
                if not received:
                    raise self._end()
                rest = rest[received:]
            return data

        try:
            return receive(read, self.largest if most is None else most)
        except ProtocolError as error:
            raise self._end(f"The worker returned {error}.") from None

    def _wait(self, pipe: Any, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise self._end(TOO_SLOW)

    def _end(self, reason: str = "") -> SandboxError:
        # Ends the worker. Without a reason, its exit status gives one, as it ended by itself.
        process = self._running
        if not reason:
            try:
                process.wait(EXIT_SECONDS)
            except subprocess.TimeoutExpired:
                reason = "The worker stopped answering."
        code = int(process.returncode or 0)
        self.close()
        reason = reason or EXIT_REASONS.get(-code, "The worker ended without an answer.")
        hint = "Nothing of the file reached the server. " + CHECK_FILE
        kind = SandboxTimeout if reason == TOO_SLOW else SandboxError
        return kind(reason.format(seconds=self._time_limit), hint)


def plain_text(text: object, most: int) -> str:
    """The first line of an untrusted text, of printable characters only, at most `most` of them."""
    line = next(iter(str("" if text is None else text)[: 4 * most].strip().splitlines()), "")
    return "".join(character for character in line if character.isprintable())[:most].strip()


def _task_error(kind: str, text: str, hint: str) -> SandboxError:
    if kind == "memory":
        return SandboxError(OVER_MEMORY, "Use a smaller model.")
    return SandboxRefused(text, hint) if kind == REFUSED else SandboxTaskFailed(kind, text)


TOO_SLOW = "The file took longer than {seconds:g} seconds."
OVER_MEMORY = "The file took more memory than is allowed."
CRASHED = "The worker crashed on the file."
REINSTALL = "Install Latentwalk again with all its packages; “latentwalk doctor” says what is missing."
EXIT_REASONS: dict[int, str] = {
    signal.SIGSYS: "The file tried what the sandbox forbids: to start a program, open a connection or reach a process.",
    signal.SIGSEGV: CRASHED,
    signal.SIGBUS: CRASHED,
    signal.SIGABRT: CRASHED,
    signal.SIGILL: CRASHED,
    signal.SIGFPE: CRASHED,
    signal.SIGKILL: OVER_MEMORY,
    signal.SIGXCPU: "The file took too much computing time.",
    signal.SIGALRM: TOO_SLOW,
    -OUT_OF_MEMORY: OVER_MEMORY,
    signal.SIGXFSZ: "The file tried to write to disk.",
}
