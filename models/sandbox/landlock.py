"""Landlock: takes access to files, and with newer kernels to TCP ports and outside signals, from this thread for good.

A restriction also holds for threads that are started later, but not for those that run already.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, with the same numbers on every architecture
CREATE_RULESET_VERSION = 1  # flag that asks for the version of the interface
NO_NEW_PRIVILEGES = 38  # prctl
RULE_PATH_BENEATH = 1
READ_FILE, READ_DIR = 1 << 2, 1 << 3
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # number of file access rights that each version handles
NETWORK_RIGHTS, SCOPES = 0b11, 0b11  # TCP bind and connect since version 4; abstract sockets and signals since 6


def version() -> int:
    """The version of the kernel's Landlock interface, from 1; 0 where there is none."""
    if sys.platform != "linux":
        return 0  # elsewhere the number belongs to another call
    abi = int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(CREATE_RULESET_VERSION)))
    return max(abi, 0)


def restrict(readable: Iterable[str] = ()) -> int:
    """Remove every access right that this kernel handles, except reading the files and folders `readable` that exist.

    Returns the version of the interface. Restrictions add up: a second call can only remove more. Raises OSError where
    the kernel does not support it.
    """
    abi = version()
    if abi == 0:
        raise OSError("this kernel has no Landlock")
    rules = struct.pack("<Q", (1 << FILE_RIGHTS[min(abi, max(FILE_RIGHTS))]) - 1)
    if abi >= 4:
        rules += struct.pack("<Q", NETWORK_RIGHTS)
    if abi >= 6:
        rules += struct.pack("<Q", SCOPES)
    libc = _libc()
    ruleset = int(libc.syscall(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0)))
    if ruleset < 0:
        raise _os_error("Landlock did not create a ruleset")
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        if libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            raise _os_error("privileges could not be given up")
        if libc.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0)) != 0:
            raise _os_error("Landlock did not restrict the process")
    finally:
        os.close(ruleset)
    return abi


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what does not exist need not be allowed
    try:
        rights = READ_FILE | (READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("<Qi", rights, handle)
        if libc.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(RULE_PATH_BENEATH), rule, ctypes.c_uint(0)) != 0:
            raise _os_error(f"Landlock did not accept {path}")
    finally:
        os.close(handle)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _os_error(message: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{message}: {os.strerror(number)}")
