"""Films: the right frames in the right order, whole or not at all."""

from __future__ import annotations

import itertools
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from models.base import Generator
from server import video
from server.codecs import Pixels
from server.directions import Direction
from server.edits import Edit, parse
from server.errors import Invalid
from server.renderer import draw
from server.shelf import Ready
from server.steering.progress import Progress, finish
from server.units import Unit

UNITS = {"sway": Unit("%"), "zoom": Unit("x", 1.0, "log", 2)}


def recipe(*amounts: float, seconds: float = 1.0, **fields: Any) -> video.Recipe:
    stops = [{"edit": {"generator": "tiny", "base": {"seed": 3}, "amounts": {"sway": amount}}} for amount in amounts]
    return video.read({"generator": "tiny", "keyframes": [{**stop, "seconds": seconds} for stop in stops], **fields})


def shade(edit: Edit) -> Pixels:
    """A flat picture whose grey is the amount of sway."""
    return np.full((16, 16, 3), round(edit.amounts["sway"]), dtype=np.uint8)


def greys(path: Path) -> list[int]:
    if path.suffix == ".gif":
        with Image.open(path) as opened:
            return [int(np.asarray(frame.convert("RGB")).mean()) for frame in ImageSequence.Iterator(opened)]
    with av.open(str(path)) as container:
        return [int(frame.to_ndarray(format="rgb24").mean()) for frame in container.decode(video=0)]


@given(
    amounts=st.lists(st.floats(-10, 10), min_size=2, max_size=5),
    seconds=st.floats(0.1, 2),
    fps=st.integers(1, 30),
    easing=st.sampled_from(["smooth", "linear"]),
)
def test_a_loop_has_no_seam(amounts: list[float], seconds: float, fps: int, easing: str) -> None:
    made = recipe(*amounts, seconds=seconds, fps=fps, easing=easing)
    values = [edit.amounts["sway"] for edit in video.edits_of(made, UNITS)]
    assert len(values) == made.frames
    assert values[0] == amounts[0]
    steps = [abs(after - before) for before, after in itertools.pairwise(values)]
    reach = max(amounts) - min(amounts)
    # One frame's share of the longest leg, at easing's steepest, bounds every step, the one back to the start too.
    bound = reach * min(1.0, 1.6 * len(amounts) / made.frames) + 1e-9
    assert all(step <= bound for step in steps)
    assert abs(values[0] - values[-1]) <= bound


def test_a_film_that_does_not_loop_ends_on_its_last_keyframe() -> None:
    values = [edit.amounts["sway"] for edit in video.edits_of(recipe(0, 6, 2, loop=False, fps=10), UNITS)]
    assert len(values) == 20
    assert (values[0], values[-1]) == (0, 2)


def test_easing_slows_down_at_every_keyframe() -> None:
    smooth = [edit.amounts["sway"] for edit in video.edits_of(recipe(0, 10, loop=False, fps=20), UNITS)]
    steps = [after - before for before, after in itertools.pairwise(smooth)]
    assert steps[0] < steps[len(steps) // 2] / 5
    even = recipe(0, 10, loop=False, fps=20, easing="linear")
    linear = [edit.amounts["sway"] for edit in video.edits_of(even, UNITS)]
    assert np.allclose(np.diff(linear), 10 / 19)


def test_factors_are_passed_through_evenly_as_factors() -> None:
    edits = [{"generator": "t", "base": {"seed": 1}, "amounts": {"zoom": zoom}} for zoom in (0.5, 2.0)]
    stops = [{"edit": edit, "seconds": 1} for edit in edits]
    made = video.read({"generator": "t", "keyframes": stops, "fps": 3, "loop": False, "easing": "linear"})
    zooms = [edit.amounts["zoom"] for edit in video.edits_of(made, UNITS)]
    assert zooms == pytest.approx([0.5, 1.0, 2.0])


def test_a_sweep_goes_there_and_back_over_the_usable_range(
    tiny: Generator, make_slider: Callable[..., Direction]
) -> None:
    slider = make_slider(tiny.spec)
    edit = parse({"generator": "tiny", "base": {"seed": 3}})
    values = [one.amounts["sway"] for one in video.edits_of(video.sweep(edit, slider, seconds=2, fps=10), UNITS)]
    assert len(values) == 20
    assert (min(values), max(values)) == slider.range
    assert values[1:] == pytest.approx(values[:0:-1])
    with pytest.raises(Invalid, match="track"):
        video.sweep(edit, slider, span=(-50, 50))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fps": 0}, "fps"),
        ({"fps": 61}, "fps"),
        ({"size": 5000}, "size"),
        ({"format": "avi"}, "format"),
        ({"format": "gif", "fps": 30}, "25"),
        ({"seconds": 200}, "300 seconds"),
        ({"seconds": 100, "fps": 60}, "3600 frames"),
        ({"generator": "other"}, "one generator"),
        ({"colour": 1}, "colour"),
        ({"keyframes": []}, "keyframes"),
        ({"keyframes": [{"edit": {"generator": "tiny"}, "seconds": 1}] * 2}, "does not say its base"),
        ({"keyframes": [{"edit": 5, "seconds": 1}] * 2}, "edit"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_with_a_sentence(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        recipe(*(0, 1), **fields) if "seconds" not in fields else recipe(0, 1, **fields)
    assert str(caught.value).endswith(".")


def test_a_recipe_is_json_and_back() -> None:
    made = recipe(0, 5, fps=12, size=64, format="gif")
    assert video.read(json.loads(json.dumps(made.plain()))) == made


@pytest.mark.parametrize("format", ["mp4", "gif"])
def test_every_frame_is_in_the_file_in_order(format: str, tmp_path: Path) -> None:
    made = recipe(20, 200, fps=10, seconds=0.5, format=format, size=64)
    path = tmp_path / f"a.{format}"
    shares: list[float] = []
    film = finish(video.film(made, shade, UNITS, path), lambda progress: shares.append(progress.share))
    expected = [round(edit.amounts["sway"]) for edit in video.edits_of(made, UNITS)]
    assert np.abs(np.array(greys(path)) - expected).max() <= 3
    assert shares == sorted(shares)
    assert (film.width, film.height, film.frames, film.fps, film.seconds) == (64, 64, 10, 10, 1.0)
    assert film.bytes == path.stat().st_size
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_an_mp4_is_what_players_expect(tmp_path: Path) -> None:
    made = recipe(0, 255, fps=10, size=65)
    finish(video.film(made, shade, UNITS, tmp_path / "a.mp4"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 10)
        assert stream.width % 2 == stream.height % 2 == 0
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        assert video.read(json.loads(container.metadata["comment"])) == made
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.find(b"moov") < data.find(b"mdat")


def test_colours_survive_the_mp4(tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 150, 100]], dtype=np.uint8)
    picture = np.repeat(np.repeat(colours[None], 32, axis=0), 16, axis=1)
    finish(video.film(recipe(0, 1, fps=2), lambda edit: picture, UNITS, tmp_path / "a.mp4"))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(frame[16, 8::16].astype(int) - colours).max() <= 6


def test_a_gif_loops_for_ever_keeps_its_time_and_carries_its_recipe(tmp_path: Path) -> None:
    made = recipe(0, 255, fps=24, format="gif")
    finish(video.film(made, shade, UNITS, tmp_path / "a.gif"))
    with Image.open(tmp_path / "a.gif") as opened:
        assert opened.info["loop"] == 0
        assert video.read(json.loads(opened.info["comment"])) == made
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(opened)]
    assert len(durations) == 48
    assert sum(durations) == 2000


@pytest.mark.parametrize("format", ["mp4", "gif"])
def test_a_stopped_film_leaves_the_old_one_and_no_litter(format: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    work = video.film(recipe(0, 100, fps=10, format=format), shade, UNITS, path)
    progress = [next(work) for _ in range(15)]
    assert isinstance(progress[-1], Progress)
    work.close()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("format", ["mp4", "gif"])
def test_a_picture_that_fails_in_the_middle_leaves_nothing(format: str, tmp_path: Path) -> None:
    def draw_some(edit: Edit) -> Pixels:
        if edit.amounts["sway"] > 50:
            raise Invalid("No further.")
        return shade(edit)

    with pytest.raises(Invalid, match="No further"):
        finish(video.film(recipe(0, 100, fps=10, format=format), draw_some, UNITS, tmp_path / "a"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["mp4", "gif"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(format: str, tmp_path: Path) -> None:
    code = """if True:
        import resource, signal, sys; from pathlib import Path; import numpy as np
        from server import video; from server.errors import StorageFailed; from server.steering.progress import finish
        from server.units import Unit
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        chance = np.random.default_rng(0)
        def noise(edit): return chance.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        stop = {"edit": {"generator": "t", "base": {"seed": 1}}, "seconds": 1}
        recipe = video.read({"generator": "t", "keyframes": [stop, stop], "fps": 20, "format": sys.argv[2]})
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        try: finish(video.film(recipe, noise, {}, Path(sys.argv[1]) / "a"))
        except StorageFailed as error: assert "disk is full: a was" in str(error), error
        else: raise SystemExit("nothing was raised")
        assert not list(Path(sys.argv[1]).iterdir())
    """
    assert resource.RLIMIT_FSIZE
    subprocess.run([sys.executable, "-c", code, str(tmp_path), format], check=True, cwd=Path(__file__).parents[2])


def test_a_films_frames_are_the_stills_of_its_edits(
    tiny: Generator, make_slider: Callable[..., Direction], tmp_path: Path
) -> None:
    slider = make_slider(tiny.spec)
    ready = Ready(tiny, tiny.at("bf16"), lambda: {"sway": slider})
    drawn: list[Pixels] = []

    def drawing(edit: Edit) -> Pixels:
        drawn.append(draw(edit, ready))
        return drawn[-1]

    made = video.sweep(parse({"generator": "tiny", "base": {"seed": 3}}), slider, seconds=0.5, fps=8)
    finish(video.film(made, drawing, {"sway": slider.unit}, tmp_path / "a.mp4"))
    for edit, array in zip(video.edits_of(made, {"sway": slider.unit}), drawn, strict=True):
        assert np.array_equal(draw(edit, ready), array)
