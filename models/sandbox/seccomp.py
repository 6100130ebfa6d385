"""Seccomp: the system calls that a sandboxed process may still make, as a filter that the kernel runs before each one.

Computing, memory, threads and open pipes are allowed. Opening a file fails with "permission denied", so that libraries
can continue without it. Starting a program, a process or a connection, or reaching another process, kills the process.
Every other call fails with "not permitted". Three calls depend on their arguments: `clone` may start threads but
neither processes nor namespaces, `fcntl` may set flags but not who is signalled, `tgkill` may only signal the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000  # what a filter returns
LOAD, EQUAL, AT_LEAST, BITS_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: load a word, jump if, return
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in seccomp_data
CLONE_THREAD = 0x00010000
NAMESPACES = 0x7E020000  # clone's flags for new namespaces
FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)  # duplicate, descriptor and file flags; not F_SETOWN, F_SETSIG or leases
X32 = 0x40000000  # where the numbers of the x32 ABI begin, on x86-64
SET_MODE_FILTER, GET_ACTION_AVAIL, ALL_THREADS = 1, 2, 1
NO_NEW_PRIVILEGES = 38  # prctl

# Name: (number on x86-64, number on aarch64); -1 where there is none.
ALLOWED = {
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
KILLED = {
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "kill": (62, 129), "bpf": (321, 280), "mount": (165, 40),
    "unlink": (87, -1), "unlinkat": (263, 35), "creat": (85, -1), "rename": (82, -1), "renameat2": (316, 276),
    "mkdir": (83, -1), "mkdirat": (258, 34), "io_uring_setup": (425, 425), "userfaultfd": (323, 282),
}  # fmt: skip
CLONE, CLONE3, TGKILL, FCNTL = (56, 220), (435, 435), (234, 131), (72, 25)
# Column in the tables, audit number, number of seccomp(2).
ARCHITECTURES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_supported() -> bool:
    """Whether there is a filter for this machine, and its kernel can kill a process by one."""
    if platform.system() != "Linux" or platform.machine() not in ARCHITECTURES:
        return False
    call, action = ARCHITECTURES[platform.machine()][2], ctypes.c_uint32(KILL)
    status = ctypes.CDLL(None).syscall(call, ctypes.c_uint(GET_ACTION_AVAIL), ctypes.c_uint(0), ctypes.byref(action))
    return int(status) == 0


def program(machine: str, process: int) -> bytes:
    """The filter for a machine, as BPF instructions of eight bytes each; only `process` itself may be signalled."""
    column, audit, _ = ARCHITECTURES[machine]
    code = [
        _instruction(LOAD, ARCHITECTURE),
        _instruction(EQUAL, audit, if_true=1),
        _instruction(RETURN, KILL),
        _instruction(LOAD, NUMBER),
        _instruction(AT_LEAST, X32, if_false=1),
        _instruction(RETURN, KILL),
    ]
    for table, action in (
        (ALLOWED, ALLOW), (DENIED, ERRNO | errno.EACCES), (KILLED, KILL), ({"clone3": CLONE3}, ERRNO | errno.ENOSYS),
    ):  # fmt: skip
        for numbers in table.values():
            if numbers[column] >= 0:
                code += [_instruction(EQUAL, numbers[column], if_false=1), _instruction(RETURN, action)]
    code += _for_call(
        TGKILL[column],  # by which a process aborts
        _instruction(LOAD, FIRST_ARGUMENT),
        _instruction(EQUAL, process, if_false=1),
        _instruction(RETURN, ALLOW),
        _instruction(RETURN, KILL),
    )
    code += _for_call(
        CLONE[column],
        _instruction(LOAD, FIRST_ARGUMENT),
        _instruction(BITS_SET, CLONE_THREAD, if_true=1),
        _instruction(RETURN, KILL),
        _instruction(BITS_SET, NAMESPACES, if_false=1),
        _instruction(RETURN, KILL),
        _instruction(RETURN, ALLOW),
    )
    code += _for_call(
        FCNTL[column],
        _instruction(LOAD, SECOND_ARGUMENT),
        *(_instruction(EQUAL, command, if_true=len(FCNTL_COMMANDS) - at) for at, command in enumerate(FCNTL_COMMANDS)),
        _instruction(RETURN, ERRNO | errno.EPERM),
        _instruction(RETURN, ALLOW),
    )
    return b"".join([*code, _instruction(RETURN, ERRNO | errno.EPERM)])


def install() -> bool:
    """Put every thread of this process under the filter, for good; returns True. OSError where the kernel refuses."""
    machine = platform.machine()
    if not is_supported():
        raise OSError(f"there is no filter of system calls for {machine}")
    code = program(machine, os.getpid())
    filter_program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)  # without it, only a privileged process may install a filter
    status = libc.syscall(ARCHITECTURES[machine][2], SET_MODE_FILTER, ALL_THREADS, ctypes.byref(filter_program))
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the filter of system calls is refused: {os.strerror(number)}")
    return True


def _for_call(number: int, *instructions: bytes) -> list[bytes]:
    # Instructions that run for one system call alone.
    return [_instruction(EQUAL, number, if_false=len(instructions)), *instructions]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    # `if_true` and `if_false` are the numbers of instructions to skip.
    return struct.pack("<HBBI", code, if_true, if_false, value)
