"""What the filter of system calls lets through, on this machine by trying, and on every machine by its program."""

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
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")


def test_every_system_call_that_is_not_named_free_is_refused(jail: Sandbox) -> None:
    column = seccomp.ARCHITECTURES[os.uname().machine][0]
    named = {
        numbers[column]
        for numbers in (*seccomp.FREE.values(), *seccomp.DEADLY.values(), seccomp.CLONE, seccomp.TGKILL, seccomp.FCNTL)
    }
    if os.uname().machine == "x86_64":
        named |= {335, 336}  # the kernel's own trampolines for probes, which no filter sees: they do nothing elsewhere
    others = [number for number in range(600) if number not in named]
    found = jail.call("sweep", {"numbers": others}).body["found"]
    let = [number for number, error in zip(others, found, strict=True) if error not in REFUSALS]
    assert len(others) > 450
    assert let == []


@pytest.mark.parametrize("name", seccomp.DEADLY)
def test_what_is_deadly_ends_it(name: str) -> None:
    number = seccomp.DEADLY[name][seccomp.ARCHITECTURES[os.uname().machine][0]]
    if number < 0:
        pytest.skip("this machine has no such call")
    with (
        Sandbox("misbehaving", seconds=5) as jail,
        pytest.raises(SandboxError, match="tried what nothing in the jail may"),
    ):
        jail.call("sweep", {"numbers": [number]})


@pytest.mark.parametrize("number", [seccomp.X32 | 1, seccomp.X32 | 520])
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only there calls have a second set of numbers")
def test_the_second_set_of_numbers_is_deadly(jail: Sandbox, number: int) -> None:
    with pytest.raises(SandboxError, match="tried what nothing in the jail may"):
        jail.call("sweep", {"numbers": [number]})


@pytest.mark.parametrize("flags", [17, 0x100 | 0x800, 0x10900 | 0x00020000, 0x10900 | 0x10000000, 0x10900 | 0x40000000])
def test_no_process_and_no_namespace_is_made(jail: Sandbox, flags: int) -> None:
    clone = seccomp.CLONE[seccomp.ARCHITECTURES[os.uname().machine][0]]
    with pytest.raises(SandboxError, match="to start a program"):
        jail.call("become", {"clone": clone, "flags": flags})


@pytest.mark.parametrize("command", [8, 10, 15, 1024, 1026])  # who is signalled, how, leases, notices
def test_a_handle_signals_nobody(jail: Sandbox, command: int) -> None:
    assert jail.call("own", {"command": command, "process": os.getpid()}).body == {"let": False}


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_every_jump_of_the_filter_lands_inside_it(machine: str) -> None:
    code = seccomp.program(machine, 1)
    steps = [struct.unpack("<HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    for place, (kind, yes, no, _) in enumerate(steps):
        if kind in (seccomp.EQUAL, seccomp.AT_LEAST, seccomp.SET):
            assert place + 1 + max(yes, no) < len(steps)
    assert steps[-1][0] == seccomp.RETURN
    assert len(steps) < 4096


def test_no_number_is_both_free_and_deadly() -> None:
    for column in (0, 1):
        named = [names[column] for table in (seccomp.FREE, seccomp.DENIED, seccomp.DEADLY) for names in table.values()]
        named = [number for number in named if number >= 0]
        assert len(named) == len(set(named))


def answered(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter of a machine answers to a call: its program run step by step, as the kernel would."""
    shown = struct.pack("<IIQ6Q", number, audit or seccomp.ARCHITECTURES[machine][1], 0, *(*arguments, *[0] * 6)[:6])
    code, place, held = seccomp.program(machine, process=77), 0, 0
    while True:
        kind, yes, no, value = struct.unpack_from("<HBBI", code, 8 * place)
        place += 1
        if kind == seccomp.RETURN:
            return int(value)
        if kind == seccomp.LOAD:
            held = struct.unpack_from("<I", shown, value)[0]
            continue
        true = {seccomp.EQUAL: held == value, seccomp.AT_LEAST: held >= value, seccomp.SET: bool(held & value)}[kind]
        place += yes if true else no


@pytest.mark.parametrize("machine", seccomp.ARCHITECTURES)
def test_the_filter_of_every_machine_says_the_same(machine: str) -> None:
    column = seccomp.ARCHITECTURES[machine][0]
    refused, denied = seccomp.ERRNO | errno.EPERM, seccomp.ERRNO | errno.EACCES
    for table, answer in ((seccomp.FREE, seccomp.ALLOW), (seccomp.DENIED, denied), (seccomp.DEADLY, seccomp.KILL)):
        for numbers in table.values():
            assert numbers[column] < 0 or answered(machine, numbers[column]) == answer
    clone, fcntl, tgkill = seccomp.CLONE[column], seccomp.FCNTL[column], seccomp.TGKILL[column]
    assert answered(machine, clone, 0x3D0F00) == seccomp.ALLOW  # as pthreads makes a thread
    assert [answered(machine, clone, flags) for flags in (17, 0x4111, 0x3D0F00 | 0x10000000)] == [seccomp.KILL] * 3
    assert [answered(machine, fcntl, 3, command) for command in (1, 3, 1030)] == [seccomp.ALLOW] * 3
    assert [answered(machine, fcntl, 3, command) for command in (8, 10, 15, 1024)] == [refused] * 4
    assert [answered(machine, tgkill, process) for process in (77, 78, 0)] == [seccomp.ALLOW, *[seccomp.KILL] * 2]
    assert answered(machine, 599) == refused
    assert answered(machine, 0, audit=0x40000003) == seccomp.KILL  # another architecture's calls


@pytest.mark.parametrize(("machine", "header"), [("x86_64", "asm/unistd_64.h"), ("aarch64", "asm-generic/unistd.h")])
def test_the_numbers_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    places = [
        path for path in (Path("/usr/include") / header, *Path("/usr/include").glob(f"*/{header}")) if path.exists()
    ]
    if not places:
        pytest.skip("the kernel's headers are not here")
    rows = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", places[0].read_text())
    told = {name: int(number) for name, number in rows}
    column = seccomp.ARCHITECTURES[machine][0]
    tables = seccomp.FREE | seccomp.DENIED | seccomp.DEADLY
    tables |= {"clone": seccomp.CLONE, "clone3": seccomp.CLONE3, "tgkill": seccomp.TGKILL, "fcntl": seccomp.FCNTL}
    ours = {name: numbers[column] for name, numbers in tables.items() if numbers[column] >= 0}
    other = {"newfstatat": "fstatat"} if machine == "aarch64" else {}
    assert {name: told.get(other.get(name, name)) for name in ours} == ours
