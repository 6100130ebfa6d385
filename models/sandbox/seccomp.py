"""Seccomp: which system calls a jailed process may still make, as a filter the kernel runs before each one.

Computing, memory, threads and the pipes it has are let through; opening a file is answered with "permission denied",
so that libraries can go on without it; starting a program, a process or a connection, or looking into another process,
ends it at once; whatever is not named is answered with "not permitted". Three calls are let through by what they are
for: threads but not processes or namespaces, handles' flags but not who is signalled for them, signals to itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, EQUAL, AT_LEAST, SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: load word, jumps, return
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in what the kernel shows the filter
CLONE_THREAD = 0x00010000
NAMESPACES = 0x7E020000  # clone's flags that give a thread a world of its own
HANDLE_FLAGS = (0, 1, 2, 3, 4, 1030)  # fcntl: duplicate, descriptor's and file's flags; not F_SETOWN, F_SETSIG, leases
X32 = 0x40000000  # the second set of numbers on x86-64
SET_MODE_FILTER, ASK_ACTION, ALL_THREADS = 1, 2, 1
NO_NEW_PRIVILEGES = 38  # prctl

# name: (number on x86-64, number on aarch64); -1 where there is none.
FREE = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "close": (3, 57), "lseek": (8, 62),
    "fstat": (5, 80), "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1), "pselect6": (270, 72),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "membarrier": (324, 283),
    "set_tid_address": (218, 96), "get_robust_list": (274, 100), "sched_yield": (24, 124), "getcpu": (309, 168),
    "sched_getaffinity": (204, 123), "get_mempolicy": (239, 236), "setitimer": (38, 103),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "exit": (60, 93), "exit_group": (231, 94), "getpid": (39, 172),
    "gettid": (186, 178), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169), "times": (100, 153),
    "getrandom": (318, 278), "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "dup": (32, 23),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "arch_prctl": (158, -1),
}  # fmt: skip
DENIED = {
    "open": (2, -1), "openat": (257, 56), "openat2": (437, 437), "stat": (4, -1), "lstat": (6, -1),
    "newfstatat": (262, 79), "statx": (332, 291), "access": (21, -1), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, -1), "readlinkat": (267, 78), "getcwd": (79, 17), "getdents64": (217, 61),
}  # fmt: skip
DEADLY = {
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "kill": (62, 129), "bpf": (321, 280), "mount": (165, 40),
    "unlink": (87, -1), "unlinkat": (263, 35), "creat": (85, -1), "rename": (82, -1), "renameat2": (316, 276),
    "mkdir": (83, -1), "mkdirat": (258, 34), "io_uring_setup": (425, 425), "userfaultfd": (323, 282),
}  # fmt: skip
CLONE, CLONE3, TGKILL, FCNTL = (56, 220), (435, 435), (234, 131), (72, 25)
ARCHITECTURES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}  # column, audit number, seccomp(2)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def known() -> bool:
    """Whether there is a filter for this machine, and its kernel takes one that ends a process."""
    if platform.system() != "Linux" or platform.machine() not in ARCHITECTURES:
        return False
    call, action = ARCHITECTURES[platform.machine()][2], ctypes.c_uint32(KILL)
    asked = ctypes.CDLL(None).syscall(call, ctypes.c_uint(ASK_ACTION), ctypes.c_uint(0), ctypes.byref(action))
    return int(asked) == 0


def program(machine: str, process: int) -> bytes:
    """The filter for a machine, as instructions of eight bytes; signals may be sent to `process` itself alone."""
    column, audit, _ = ARCHITECTURES[machine]
    code = [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, audit, yes=1),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        _step(AT_LEAST, X32, no=1),
        _step(RETURN, KILL),
    ]
    for names, answer in (
        (FREE, ALLOW), (DENIED, ERRNO | errno.EACCES), (DEADLY, KILL), ({"clone3": CLONE3}, ERRNO | errno.ENOSYS),
    ):  # fmt: skip
        for numbers in names.values():
            if numbers[column] >= 0:
                code += [_step(EQUAL, numbers[column], no=1), _step(RETURN, answer)]
    code += _when(
        TGKILL[column],  # how a process aborts
        _step(LOAD, FIRST_ARGUMENT),
        _step(EQUAL, process, no=1),
        _step(RETURN, ALLOW),
        _step(RETURN, KILL),
    )
    code += _when(
        CLONE[column],
        _step(LOAD, FIRST_ARGUMENT),
        _step(SET, CLONE_THREAD, yes=1),
        _step(RETURN, KILL),
        _step(SET, NAMESPACES, no=1),
        _step(RETURN, KILL),
        _step(RETURN, ALLOW),
    )
    code += _when(
        FCNTL[column],
        _step(LOAD, SECOND_ARGUMENT),
        *(_step(EQUAL, command, yes=len(HANDLE_FLAGS) - at) for at, command in enumerate(HANDLE_FLAGS)),
        _step(RETURN, ERRNO | errno.EPERM),
        _step(RETURN, ALLOW),
    )
    return b"".join([*code, _step(RETURN, ERRNO | errno.EPERM)])


def close() -> bool:
    """Put every thread of this process under the filter, for good: True. OSError where the kernel refuses."""
    machine = platform.machine()
    if not known():
        raise OSError(f"there is no filter of system calls for {machine}")
    code = program(machine, os.getpid())
    filled = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)  # without it only a privileged process may take a filter
    done = libc.syscall(ARCHITECTURES[machine][2], SET_MODE_FILTER, ALL_THREADS, ctypes.byref(filled))
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the filter of system calls is refused: {os.strerror(number)}")
    return True


def _when(number: int, *inside: bytes) -> list[bytes]:
    return [_step(EQUAL, number, no=len(inside)), *inside]


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)
