"""The asking side: starts a locked-in worker, calls its functions, and ends it when it breaks a rule or is too slow."""

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
from models.sandbox import landlock, seccomp
from models.sandbox.protocol import OUT_OF_MEMORY, Message, ProtocolError, pack, receive

ROOT = Path(__file__).parents[2]
TASKS = {  # all that may run in a jail
    "onnx": "models.sandbox.tasks.onnx",
    "media": "models.sandbox.tasks.media",
    "checkpoint": "models.sandbox.tasks.checkpoint",
}
MEMORY = 1536 * 2**20
LARGEST = 512 * 2**20  # bytes of arrays in one message
START, CALL = 60.0, 30.0  # seconds
ENVIRONMENT = {
    "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
}  # fmt: skip


class SandboxError(ModelFailed):
    """What runs in the jail broke a rule, took too much, failed or made no sense."""


class SandboxUnavailable(SandboxError):
    """This system cannot lock anything in, so that nothing of a stranger's is opened."""


def available() -> Mapping[str, Any]:
    """What this system has for locking in: Landlock's version (0 for none), and whether system calls are filtered."""
    if sys.platform != "linux":
        return {"landlock": 0, "seccomp": False}
    return {"landlock": landlock.version(), "seccomp": seccomp.known()}


class Sandbox:
    """One locked-in worker for one of TASKS, started when entered; after an error it is gone and must be made anew.

    `memory` bytes may be taken, `seconds` spent on a call, `largest` bytes of arrays sent in a message. `unlocked` lets
    it run without its locks where the system has none: the operator's decision, never a default. Not for several
    threads at a time.
    """

    def __init__(
        self,
        task: str,
        *,
        memory: int = MEMORY,
        seconds: float = CALL,
        largest: int = LARGEST,
        unlocked: bool = False,
    ) -> None:
        self.task, self.memory, self.seconds, self.unlocked = TASKS[task], memory, seconds, unlocked
        self.largest = largest
        self._process: subprocess.Popen[bytes] | None = None
        self._waited = START

    def __enter__(self) -> Self:
        start = (
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); from models.sandbox.worker import main; "
            f"main({self.task!r}, {self.memory}, {self.largest}, {not self.unlocked})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd="/", start_new_session=True, bufsize=0,
        )  # fmt: skip
        try:
            state = self._receive(time.monotonic() + START, 0).body
            self._waited = self.seconds
        except SandboxError as error:
            raise SandboxUnavailable(f"The jail does not start. {error}", REPAIR) from error
        if state.get("ready"):
            return self
        self.close()
        if "broken" in state:
            raise SandboxUnavailable(f"The jail does not start: {plain_text(state['broken'], 200)}.", REPAIR)
        raise SandboxUnavailable(
            f"This system cannot lock a stranger's file in: {plain_text(state.get('reason'), 200)}.",
            "Use a Linux kernel with Landlock and seccomp (5.13 or newer).",
        )

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(
        self, name: str, given: Mapping[str, Any], arrays: Sequence[np.ndarray] = (), *, most: int | None = None
    ) -> Message:
        """What the task's function answers, with at most `most` bytes of arrays. JailError for anything but an answer.

        An answer's JSON, shapes and kinds are those of a message and nothing more: what they mean is the caller's to
        check.
        """
        until = time.monotonic() + self.seconds
        asked = {"call": name, "given": dict(given), "seconds": self.seconds}
        self._send(pack(Message(asked, arrays)), until)
        message = self._receive(until, most)
        if "error" in message.body:
            if message.body["error"] == "memory":
                raise SandboxError("It took more memory than it may.", "Use a smaller model.")
            raise SandboxTaskFailed(plain_text(message.body["error"], 60), plain_text(message.body.get("text"), 600))
        answer = message.body.get("answer")
        if not isinstance(answer, dict):
            raise self._ended("It answered with something that is no answer.")
        return Message(answer, message.arrays)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:  # until it is waited for its number is its own, and that of all it started
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise SandboxError("The jail is closed.", "Open it again.")
        return self._process

    def _send(self, data: bytes, until: float) -> None:
        pipe = self._running.stdin
        assert pipe is not None
        os.set_blocking(pipe.fileno(), False)
        rest = memoryview(data)
        while rest:
            self._wait(pipe, selectors.EVENT_WRITE, until)
            try:
                rest = rest[os.write(pipe.fileno(), rest[: 2**20]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended() from None

    def _receive(self, until: float, most: int | None = None) -> Message:
        pipe = self._running.stdout
        assert pipe is not None

        def read(count: int) -> bytearray:
            data = bytearray(count)  # of memory, only what is written is taken
            rest = memoryview(data)
            while rest:
                self._wait(pipe, selectors.EVENT_READ, until)
                found = os.readv(pipe.fileno(), [rest])
                if not found:
                    raise self._ended()
                rest = rest[found:]
            return data

        try:
            return receive(read, self.largest if most is None else most)
        except ProtocolError as error:
            raise self._ended(f"It answered with {error}.") from None

    def _wait(self, pipe: Any, event: int, until: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            if not selector.select(max(until - time.monotonic(), 0)):
                raise self._ended(SLOW)

    def _ended(self, sentence: str = "") -> SandboxError:
        # It is over in any case; how it ended says why, where we did not end it.
        process = self._running
        if not sentence:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                sentence = "It stopped answering."
        code = int(process.returncode or 0)
        self.close()
        if not sentence:
            sentence = ENDS.get(-code, "It ended without an answer.")
        sentence = sentence.format(seconds=self._waited)
        return SandboxError(sentence, "Nothing of it reached the server. Check the file and where it comes from.")


class SandboxTaskFailed(SandboxError):
    """The function raised an error of its own: `kind` and `text` are what it said, one line, and not to be trusted."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"It failed: {(text or kind).rstrip('. ')}.", "Check the file.")
        self.kind, self.text = kind, text


def plain_text(text: object, most: int) -> str:
    """The first line of what a stranger says, of characters that can be shown, at most `most` of them."""
    line = next(iter(str("" if text is None else text)[: 4 * most].strip().splitlines()), "")
    return "".join(character for character in line if character.isprintable())[:most].strip()


SLOW = "It took longer than {seconds:g} seconds."
REPAIR = "Install Latentwalk again with all its packages; “latentwalk doctor” says what is missing."
ENDS: dict[int, str] = {
    signal.SIGSYS: "It tried what nothing in the jail may: to start a program, open a connection or reach a process.",
    signal.SIGSEGV: "It crashed.",
    signal.SIGBUS: "It crashed.",
    signal.SIGABRT: "It crashed.",
    signal.SIGILL: "It crashed.",
    signal.SIGFPE: "It crashed.",
    signal.SIGKILL: "It took more memory than it may.",
    signal.SIGXCPU: "It took too long.",
    signal.SIGALRM: SLOW,
    -OUT_OF_MEMORY: "It took more memory than it may.",
    signal.SIGXFSZ: "It tried to write a file.",
}
