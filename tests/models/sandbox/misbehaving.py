"""A sandbox task whose functions do what the sandbox forbids."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

Answer = tuple[dict[str, Any], list[np.ndarray]]
STARTED = {"prepared": False}


def prepare() -> None:
    STARTED["prepared"] = True


def echo(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return parameters, [2 * array for array in arrays]


def import_module(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """Whether a module counts as not installed, installed or not."""
    return {"hidden": sys.modules.get(parameters["name"], "not looked for") is None}, []


def read_file(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {"text": Path(parameters["path"]).read_text()}, []


def write_file(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    Path(parameters["path"]).write_text("was here")
    return {}, []


def unlink(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.unlink(parameters["path"])
    return {}, []


def connect(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    socket.socket().connect(("127.0.0.1", parameters["port"]))
    return {}, []


def execute(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.execv("/bin/sh", ["sh", "-c", f"echo > {parameters['path']}"])


def run(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    subprocess.run(["/bin/sh", "-c", f"echo > {parameters['path']}"], check=False)
    return {}, []


def fork(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.fork()
    return {}, []


def signal_process(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.kill(parameters["process"], signal.SIGTERM)
    return {}, []


def signal_thread(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    tgkill = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
    ctypes.CDLL(None).syscall(tgkill, parameters["process"], parameters["process"], int(signal.SIGTERM))
    return {}, []


def make_system_calls(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    """The error number of each system call asked for, made with arguments of zero; 0 where it went through."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    results = []
    for number in parameters["numbers"]:
        done = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(0)] * 6)
        results.append(ctypes.get_errno() if done == -1 else 0)
    return {"results": results}, []


def clone(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(ctypes.c_long(parameters["clone"]), ctypes.c_long(parameters["flags"]), *[ctypes.c_long(0)] * 4)
    return {}, []


def set_owner(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    for handle in range(3, 16):
        with contextlib.suppress(OSError):
            fcntl.fcntl(handle, fcntl.F_GETFD)
            try:
                fcntl.fcntl(handle, parameters["command"], parameters["process"])
            except PermissionError:
                continue
            return {"allowed": True}, []
    return {"allowed": False}, []


def fail_unprintably(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    raise ValueError("fine\x1b[2J\u202e but odd\x00\nsecond")


def return_bytes(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {}, [np.zeros(parameters["bytes"], np.uint8)]


def allocate(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {"sum": float(np.ones(50 * 2**30 // 8).sum())}, []


def loop(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    while True:
        time.sleep(0.01)


def garble(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    for handle in range(3, 16):
        try:
            os.write(handle, parameters["text"].encode() * parameters["times"])
        except OSError:
            continue
    return {}, []


def crash(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    ctypes.string_at(0)
    return {}, []


def abort(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    os.abort()


def fail(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    raise ValueError("no such thing\nand a second line")


def threads(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    results: list[int] = []
    started = [threading.Thread(target=results.append, args=(number,)) for number in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return {"results": sorted(results)}, []


def return_many_arrays(parameters: dict[str, Any], arrays: list[np.ndarray]) -> Answer:
    return {}, [np.zeros(1)] * 65


CALLS = {
    call.__name__: call
    for call in (
        echo, read_file, write_file, unlink, connect, execute, run, fork, signal_process, signal_thread, allocate, loop,
        garble, crash, abort, fail, threads, return_many_arrays, make_system_calls, clone, set_owner, import_module,
        fail_unprintably, return_bytes,
    )
}  # fmt: skip
