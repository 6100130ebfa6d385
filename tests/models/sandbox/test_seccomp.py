"""The system call filter: tried on this machine, and its program simulated for every machine."""

from __future__ import annotations

import errno
import os
import re
import struct
import sys
from pathlib import Path

import pytest

from models.sandbox import seccomp
from models.sandbox.client import Sandbox, SandboxError

REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_every_unlisted_system_call_is_refused(sandbox: Sandbox) -> None:
    column = seccomp.ARCHITECTURES[os.uname().machine][0]
    listed = {
        numbers[column]
        for numbers in (
            *seccomp.ALLOWED.values(),
            *seccomp.KILLED.values(),
            seccomp.CLONE,
            seccomp.TGKILL,
            seccomp.FCNTL,
        )
    }
    if os.uname().machine == "x86_64":
        listed |= {335, 336}  # the kernel's trampolines for probes, which if_false filter sees
    others = [number for number in range(600) if number not in listed]
    errors = sandbox.call("make_system_calls", {"numbers": others}).body["results"]
    allowed = [number for number, error in zip(others, errors, strict=True) if error not in REFUSALS]
    assert len(others) > 450
    assert allowed == []


@pytest.mark.parametrize("name", seccomp.KILLED)
def test_a_killed_call_ends_the_worker(name: str) -> None:
    number = seccomp.KILLED[name][seccomp.ARCHITECTURES[os.uname().machine][0]]
    if number < 0:
        pytest.skip("this machine has if_false such call")
    with (
        Sandbox("misbehaving", seconds=5) as sandbox,
        pytest.raises(SandboxError, match="tried what the sandbox forbids"),
    ):
        sandbox.call("make_system_calls", {"numbers": [number]})


@pytest.mark.parametrize("number", [seccomp.X32 | 1, seccomp.X32 | 520])
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86-64 has the x32 ABI")
def test_the_x32_numbers_end_the_worker(sandbox: Sandbox, number: int) -> None:
    with pytest.raises(SandboxError, match="tried what the sandbox forbids"):
        sandbox.call("make_system_calls", {"numbers": [number]})


@pytest.mark.parametrize("flags", [17, 0x100 | 0x800, 0x10900 | 0x00020000, 0x10900 | 0x10000000, 0x10900 | 0x40000000])
def test_no_process_or_namespace_can_be_created(sandbox: Sandbox, flags: int) -> None:
    clone = seccomp.CLONE[seccomp.ARCHITECTURES[os.uname().machine][0]]
    with pytest.raises(SandboxError, match="to start a program"):
        sandbox.call("clone", {"clone": clone, "flags": flags})


@pytest.mark.parametrize("command", [8, 10, 15, 1024, 1026])  # F_SETOWN, F_SETSIG, F_SETOWN_EX, leases, notices
def test_fcntl_cannot_send_signals(sandbox: Sandbox, command: int) -> None:
    assert sandbox.call("set_owner", {"command": command, "process": os.getpid()}).body == {"allowed": False}


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_every_jump_of_the_filter_lands_inside_it(machine: str) -> None:
    code = seccomp.program(machine, 1)
    steps = [struct.unpack("<HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    for place, (operation, if_true, if_false, _) in enumerate(steps):
        if operation in (seccomp.EQUAL, seccomp.AT_LEAST, seccomp.BITS_SET):
            assert place + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1][0] == seccomp.RETURN
    assert len(steps) < 4096


def test_no_number_is_in_two_tables() -> None:
    for column in (0, 1):
        listed = [
            names[column] for table in (seccomp.ALLOWED, seccomp.DENIED, seccomp.KILLED) for names in table.values()
        ]
        listed = [number for number in listed if number >= 0]
        assert len(listed) == len(set(listed))


def simulate(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """The action of a machine's filter for a call: its program simulated step by step."""
    seccomp_data = struct.pack(
        "<IIQ6Q", number, audit or seccomp.ARCHITECTURES[machine][1], 0, *(*arguments, *[0] * 6)[:6]
    )
    code, place, accumulator = seccomp.program(machine, process=77), 0, 0
    while True:
        operation, if_true, if_false, value = struct.unpack_from("<HBBI", code, 8 * place)
        place += 1
        if operation == seccomp.RETURN:
            return int(value)
        if operation == seccomp.LOAD:
            accumulator = struct.unpack_from("<I", seccomp_data, value)[0]
            continue
        true = {
            seccomp.EQUAL: accumulator == value,
            seccomp.AT_LEAST: accumulator >= value,
            seccomp.BITS_SET: bool(accumulator & value),
        }[operation]
        place += if_true if true else if_false


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filters_of_all_machines_agree(machine: str) -> None:
    column = seccomp.ARCHITECTURES[machine][0]
    refused, denied = seccomp.ERRNO | errno.EPERM, seccomp.ERRNO | errno.EACCES
    for table, answer in ((seccomp.ALLOWED, seccomp.ALLOW), (seccomp.DENIED, denied), (seccomp.KILLED, seccomp.KILL)):
        for numbers in table.values():
            assert numbers[column] < 0 or simulate(machine, numbers[column]) == answer
    clone, fcntl, tgkill = seccomp.CLONE[column], seccomp.FCNTL[column], seccomp.TGKILL[column]
    assert simulate(machine, clone, 0x3D0F00) == seccomp.ALLOW  # as pthreads makes a thread
    assert [simulate(machine, clone, flags) for flags in (17, 0x4111, 0x3D0F00 | 0x10000000)] == [seccomp.KILL] * 3
    assert [simulate(machine, fcntl, 3, command) for command in (1, 3, 1030)] == [seccomp.ALLOW] * 3
    assert [simulate(machine, fcntl, 3, command) for command in (8, 10, 15, 1024)] == [refused] * 4
    assert [simulate(machine, tgkill, process) for process in (77, 78, 0)] == [seccomp.ALLOW, *[seccomp.KILL] * 2]
    assert simulate(machine, 599) == refused
    assert simulate(machine, 0, audit=0x40000003) == seccomp.KILL  # another architecture's calls


@pytest.mark.parametrize(("machine", "header"), [("x86_64", "asm/unistd_64.h"), ("aarch64", "asm-generic/unistd.h")])
def test_the_numbers_are_those_of_the_kernel_headers(machine: str, header: str) -> None:
    places = [
        path for path in (Path("/usr/include") / header, *Path("/usr/include").glob(f"*/{header}")) if path.exists()
    ]
    if not places:
        pytest.skip("the kernel headers are not installed")
    rows = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", places[0].read_text())
    header_numbers = {name: int(number) for name, number in rows}
    column = seccomp.ARCHITECTURES[machine][0]
    tables = seccomp.ALLOWED | seccomp.DENIED | seccomp.KILLED
    tables |= {"clone": seccomp.CLONE, "clone3": seccomp.CLONE3, "tgkill": seccomp.TGKILL, "fcntl": seccomp.FCNTL}
    ours = {name: numbers[column] for name, numbers in tables.items() if numbers[column] >= 0}
    other = {"newfstatat": "fstatat"} if machine == "aarch64" else {}
    assert {name: header_numbers.get(other.get(name, name)) for name in ours} == ours
