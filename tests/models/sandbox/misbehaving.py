"""A task whose functions do what nothing in a jail may do."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

Answer = tuple[dict[str, Any], list[np.ndarray]]
STARTED = {"prepared": False}


def prepare() -> None:
    STARTED["prepared"] = True


def echo(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return given, [2 * array for array in arrays]


def read_file(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {"text": Path(given["path"]).read_text()}, []


def write_file(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    Path(given["path"]).write_text("was here")
    return {}, []


def unlink(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.unlink(given["path"])
    return {}, []


def connect(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    socket.socket().connect(("127.0.0.1", given["port"]))
    return {}, []


def execute(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.execv("/bin/sh", ["sh", "-c", f"echo > {given['path']}"])


def run(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    subprocess.run(["/bin/sh", "-c", f"echo > {given['path']}"], check=False)
    return {}, []


def fork(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.fork()
    return {}, []


def shoot(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.kill(given["process"], signal.SIGTERM)
    return {}, []


def shoot_a_thread(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    tgkill = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
    ctypes.CDLL(None).syscall(tgkill, given["process"], given["process"], int(signal.SIGTERM))
    return {}, []


def sweep(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The error number of each system call asked for, made with arguments of zero; 0 where it went through."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    found = []
    for number in given["numbers"]:
        done = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
        found.append(ctypes.get_errno() if done == -1 else 0)
    return {"found": found}, []


def become(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(given["clone"]), ctypes.c_long(given["flags"]), *[ctypes.c_long(0)] * 4)
    return {}, []


def own(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    for handle in range(3, 16):
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_GETFD)
            try:
                fcntl.fcntl(handle, given["command"], given["process"])
            except PermissionError:
                continue
            return {"let": True}, []
    return {"let": False}, []


def say(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    raise ValueError("fine\x1b[2J\u202e but odd\x00\nsecond")


def large(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {}, [np.zeros(given["bytes"], np.uint8)]


def allocate(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {"sum": float(np.ones(50 * 2**30 // 8).sum())}, []


def loop(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    while True:
        time.sleep(0.01)


def garble(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    for handle in range(3, 16):
        try:
            os.write(handle, given["text"].encode() * given["times"])
        except OSError:
            continue
    return {}, []


def crash(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    ctypes.string_at(0)
    return {}, []


def abort(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.abort()


def fail(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    raise ValueError("no such thing\nand a second line")


def threads(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    found: list[int] = []
    started = [threading.Thread(target=found.append, args=(number,)) for number in range(4)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return {"found": sorted(found)}, []


def many(given: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {}, [np.zeros(1)] * 65


CALLS = {
    call.__name__: call
    for call in (
        echo, read_file, write_file, unlink, connect, execute, run, fork, shoot, shoot_a_thread, allocate, loop,
        garble, crash, abort, fail, threads, many, sweep, become, own, say, large,
    )
}  # fmt: skip
