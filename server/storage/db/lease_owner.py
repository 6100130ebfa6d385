"""Names the server that holds a job, precisely enough that another one can tell whether it is still running."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this() -> str:
    """A unique name for this server: machine, boot, process id, process start time and a random suffix."""
    return "/".join((*_machine(), str(os.getpid()), _start_time(os.getpid()), secrets.token_hex(4)))


def is_gone(owner: str) -> bool:
    """Whether a server is known to have ended. For one on another machine that is unknown: its lease decides."""
    parts = owner.split("/")
    if len(parts) != 5 or tuple(parts[:2]) != _machine() or not parts[2].isdecimal():
        return False
    pid = int(parts[2])
    if _start_time(pid) != parts[3]:
        return True  # the process id was reused
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> tuple[str, str]:
    try:
        boot = BOOT_ID.read_text().strip()
    except OSError:
        boot = ""
    return socket.gethostname().replace("/", "_"), boot


def _start_time(pid: int) -> str:
    # In clock ticks since boot: the 22nd field of stat, counted after the name in brackets (proc(5)).
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
