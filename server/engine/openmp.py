"""Chooses how OpenMP threads wait for each other, which is only possible before torch is imported."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

SPIN_COUNT = "1000"


def set_spin_count(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let waiting threads spin for microseconds instead of milliseconds before they sleep, unless that is set already.

    OpenMP's threads synchronise after every layer. By default early threads spin for long, which on a machine that also
    runs a browser takes the processor from the thread they wait for: a forward pass of a small generator took six times
    as long.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
