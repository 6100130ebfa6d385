"""Markers for tests that need what only some systems offer for the isolation of a sandbox."""

from __future__ import annotations

import pytest

from models.sandbox import landlock, seccomp

needs_isolation = pytest.mark.skipif(
    not (landlock.version() and seccomp.is_supported()),
    reason="this system cannot isolate a process",
)
