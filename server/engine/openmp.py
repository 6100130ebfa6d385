"""How the threads of one computation wait for each other; can only be chosen before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

SPINS = "10000"


def set_spin_count(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let waiting threads spin for microseconds, not milliseconds, before they sleep; a choice made already stands.

    OpenMP's threads meet after every layer. By default those that are early spin for long, which on a machine that
    also runs a browser takes the processor from the very thread they wait for: a forward pass of a small generator
    took six times as long there.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", SPINS)
