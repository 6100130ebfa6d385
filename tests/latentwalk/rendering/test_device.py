"""Choosing a device and tuning the process for inference."""

from __future__ import annotations

import pytest
import torch

from latentwalk.errors import Invalid
from latentwalk.rendering.device import physical_cores, pick_device, tune_threads


def test_a_device_that_the_machine_does_not_have_is_rejected() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(Invalid, match="no cuda:63"):
        pick_device("cuda:63")


def test_tuning_twice_gives_the_same_thread_count() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(physical_cores() + 1)
        tune_threads()
        tune_threads()
        assert torch.get_num_threads() == physical_cores() >= 1
    finally:
        torch.set_num_threads(before)
