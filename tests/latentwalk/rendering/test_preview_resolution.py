"""Previews are as large as a hand can be followed with, and no smaller."""

from __future__ import annotations

import pytest

from latentwalk.edit import parse
from latentwalk.rendering import preview_resolution
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.generators.dcgan import DCGAN
from server.engine.inference_thread import InferenceThread
from server.engine.preview_queue import ClientSlot, PreviewRequest
from server.engine.renderer import Renderer


class Slow:
    """A generator of 256 px that takes as many seconds as its pictures are long, as far as anybody asks."""

    def __init__(self, height: int = 256) -> None:
        self.height = height

    @property
    def output_heights(self) -> tuple[int, ...]:
        return tuple(side for side in (32, 64, 128, 256) if side <= self.height)

    def at_height(self, side: int) -> Slow:
        return Slow(side)


@pytest.mark.parametrize(("quick", "side"), [(300, 256), (256, 256), (200, 128), (64, 64), (10, 64)])
def test_the_largest_that_is_quick_enough_is_chosen_and_never_one_too_small_to_see(
    monkeypatch: pytest.MonkeyPatch, quick: float, side: int
) -> None:
    monkeypatch.setattr(preview_resolution, "image_seconds", lambda generator, quick: float(generator.height))
    monkeypatch.setattr(Slow, "spec", type("Spec", (), {"name": "slow"}), raising=False)
    slow = Slow()
    chosen = preview_resolution.choose(slow, quick)  # type: ignore[arg-type, type-var]
    assert chosen.height == side  # type: ignore[attr-defined]
    assert (chosen is slow) == (side == 256)


def test_a_generator_that_cannot_stop_early_is_its_own_preview(tiny: DCGAN) -> None:
    assert preview_resolution.choose(tiny, 0.0) is tiny


def test_timing_draws_with_the_generator_that_is_given(layered) -> None:
    assert 0 < preview_resolution.image_seconds(layered) < 60


@pytest.mark.anyio
async def test_small_while_dragging_and_whole_at_rest(layered) -> None:
    loaded = LoadedGenerator(layered, layered, dict, layered.at_height(8))
    lane = InferenceThread()
    renderer = Renderer(lane)
    edit = parse({"generator": layered.spec.name, "base": {"seed": 1}})
    slot, wish = ClientSlot(), PreviewRequest(1, edit)
    slot.put(wish)
    try:
        _, frame = await renderer.preview(slot, await slot.take(), loaded)
        still = await renderer.still(edit, loaded)
    finally:
        renderer.close()
        lane.close()
    assert (frame.width, frame.height) == (8, 8)  # type: ignore[union-attr]
    assert (still.width, still.height) == (16, 16)
