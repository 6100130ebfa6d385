"""Threads that wait for each other do not spin for long."""

from __future__ import annotations

from server.engine import openmp


def test_spinning_is_cut_short_unless_something_was_chosen_already() -> None:
    for given, expected in (
        ({}, {"GOMP_SPINCOUNT": openmp.SPIN_COUNT}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ):
        environment = dict(given)
        openmp.set_spin_count(environment)
        assert environment == expected
