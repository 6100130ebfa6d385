"""Landlock: takes files, and with newer kernels every TCP port and outside signal, away from this thread for good.

What it takes from a thread it takes from those that the thread starts later, not from those that run already.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
VERSION = 1  # the flag that asks for the interface's version
NO_NEW_PRIVILEGES = 38  # prctl
BENEATH = 1  # a rule about a path and what lies beneath it
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
FILES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many kinds of access to files each version can take away
NETWORK, SCOPES = 0b11, 0b11  # TCP bind and connect since 4; abstract sockets and signals since 6


def version() -> int:
    """The kernel's Landlock interface, from 1; 0 where there is none."""
    if sys.platform != "linux":
        return 0  # elsewhere the number is another call's
    found = int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(VERSION)))
    return max(found, 0)


def restrict(readable: Iterable[str] = ()) -> int:
    """Take every access that this kernel can take, but for reading the files and folders `readable` that exist; the
    interface's version. Rules add up: a second call only takes more. OSError where the kernel cannot.
    """
    here = version()
    if here == 0:
        raise OSError("this kernel has no Landlock")
    rules = struct.pack("<Q", (1 << FILES[min(here, max(FILES))]) - 1)
    if here >= 4:
        rules += struct.pack("<Q", NETWORK)
    if here >= 6:
        rules += struct.pack("<Q", SCOPES)
    libc = _libc()
    handle = int(libc.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0)))
    if handle < 0:
        raise _refused("Landlock makes no ruleset")
    try:
        for path in readable:
            _allow(libc, handle, path)
        if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            raise _refused("privileges cannot be given up")
        if libc.syscall(RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint(0)) != 0:
            raise _refused("Landlock does not close")
    finally:
        os.close(handle)
    return here


def _allow(libc: ctypes.CDLL, handle: int, path: str) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there need not be allowed
    try:
        access = READ_FILE | (READ_FOLDER if os.path.isdir(path) else 0)
        rule = struct.pack("<Qi", access, place)
        if libc.syscall(ADD_RULE, ctypes.c_int(handle), ctypes.c_int(BENEATH), rule, ctypes.c_uint(0)) != 0:
            raise _refused(f"Landlock does not take {path}")
    finally:
        os.close(place)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _refused(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
