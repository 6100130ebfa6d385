"""The device that a process computes on, and the process-wide settings that make inference on a CPU fast."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import torch

from latentwalk.errors import Invalid

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # mallopt(3), from glibc's malloc.h


def pick_device(name: str) -> torch.device:
    """The torch device for "auto", "cpu", "mps", "cuda" or "cuda:N"; "auto" prefers CUDA.

    Raises Invalid if this machine does not have the device.
    """
    if name == "mps" and torch.backends.mps.is_available():
        return torch.device("mps")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    device = torch.device("cuda:0" if name in ("auto", "cuda") else name)
    if name == "mps" or not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
        raise Invalid(f"This machine has no {device}.", "Use --device auto or --device cpu.")
    return device


def physical_cores() -> int:
    """The number of physical cores this process may run on; hyperthreads of one core count once."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(topology.read_text())
        except OSError:
            cores.add(str(cpu))
    return max(1, len(cores))


def tune_threads() -> None:
    """Set torch's thread count and the C allocator's thresholds; call once at start-up, before the first computation.

    By default glibc returns large blocks to the kernel after every layer and faults them in again for the next one.
    Higher thresholds keep them mapped, which makes a small generator about four times faster on a CPU.
    """
    torch.set_num_threads(min(torch.get_num_threads(), physical_cores()))  # torch starts from OMP_NUM_THREADS
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library: there is no mallopt to call
    for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        mallopt(option, 2**30)
