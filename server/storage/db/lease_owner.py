"""Who holds a job: a server by its machine, process and beginning, so that the next one knows whether it lives."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def this() -> str:
    """A name for this server that no other has or will have: machine, boot, process, beginning, something random."""
    return "/".join((*_machine(), str(os.getpid()), _began(os.getpid()), secrets.token_hex(4)))


def is_gone(owner: str) -> bool:
    """Whether a server is known to have ended. One on another machine is not known to have; its lease decides."""
    parts = owner.split("/")
    if len(parts) != 5 or tuple(parts[:2]) != _machine() or not parts[2].isdecimal():
        return False
    pid = int(parts[2])
    if _began(pid) != parts[3]:
        return True  # another process has its number now
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> tuple[str, str]:
    try:
        boot = BOOT.read_text().strip()
    except OSError:
        boot = ""
    return socket.gethostname().replace("/", "_"), boot


def _began(pid: int) -> str:
    # In ticks since the machine started: the 22nd field of stat, counted after the name in brackets (proc(5)).
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
