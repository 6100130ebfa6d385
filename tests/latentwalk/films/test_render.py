"""Films: the right frames in the right order, whole or not at all, in every format."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from latentwalk.directions.direction import Direction
from latentwalk.directions.unit import Unit
from latentwalk.edit import Edit, parse
from latentwalk.errors import Invalid, ModelFailed
from latentwalk.films.constant_speed import identity_pace
from latentwalk.films.encoding.formats import containers, format_for
from latentwalk.films.layout import compose
from latentwalk.films.presets import PresetRequest, presets, sweep
from latentwalk.films.recipe_extraction import recipe_of
from latentwalk.films.render import Film, frame_edits, render_film
from latentwalk.films.route import Route, route_of
from latentwalk.films.timeline import Format, Timeline, read
from latentwalk.progress import Progress, finish
from latentwalk.provenance.xmp import TRAINED
from latentwalk.rendering.draw import draw
from latentwalk.rendering.image_codec import Pixels
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models.base import Generator

FORMATS: tuple[Format, ...] = get_args(Format)
LOSSLESS = ("apng", "zip")
UNITS = {"sway": Unit("%")}
Make = Callable[..., Route]


@pytest.fixture
def route(tiny: Generator) -> Make:
    def make(*amounts: float, seconds: float = 1.0, **fields: Any) -> Route:
        output = {name: fields.pop(name) for name in ("format", "fps", "size", "quality") if name in fields}
        first = {"generator": "tiny", "base": {"seed": 3}, "amounts": {"sway": amounts[0]}}
        keys: list[Any] = [{"at": 0, "edit": first, "easing": "linear"}]
        keys += [{"at": n * seconds, "amounts": {"sway": amount}} for n, amount in enumerate(amounts) if n]
        data = {"version": 2, "generator": "tiny", "keyframes": keys, "play": "once", "output": output, **fields}
        return route_of(read(data), UNITS, tiny.spec)

    return make


def scene(edit: Edit) -> Pixels:
    """A picture with soft colours and fine grey detail, as pictures have them, moved by the amount of sway."""
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    shift = edit.amounts["sway"]
    red = 128 + 100 * np.sin((x + shift) / 9) * np.cos(y / 7)
    green = 128 + 90 * np.exp(-((x - 32 - shift / 4) ** 2 + (y - 30) ** 2) / 200)
    blue = 90 + y + 30 * np.cos((y + shift) / 5)
    detail = 12 * np.sin((x + shift) * 1.7) * np.sin(y * 1.3)
    return np.clip(np.stack([red, green, blue], axis=2) + detail[:, :, None], 0, 255).astype(np.uint8)


def made(route: Route, path: Path, draw: Callable[[Edit], Pixels] = scene, **how: Any) -> Film:
    return finish(render_film(route, draw, {}, path, **how))


def decoded(path: Path, format: str) -> list[NDArray[np.uint8]]:
    if format == "zip":
        with zipfile.ZipFile(path) as opened:
            names = sorted(name for name in opened.namelist() if name.endswith(".png"))
            return [np.asarray(Image.open(io.BytesIO(opened.read(name)))) for name in names]
    if format in ("gif", "apng", "webp"):
        with Image.open(path) as opened:
            return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(opened)]
    with av.open(str(path)) as container:
        return [
            frame.reformat(format="rgb24", src_colorspace=1, dst_colorspace=1).to_ndarray()
            for frame in container.decode(video=0)
        ]


def drawn(route: Route) -> list[NDArray[np.uint8]]:
    return [
        np.asarray(compose(route.timeline, [scene(edit) for edit in cells]))
        for cells in frame_edits(route, identity_pace(route.timeline.length))
    ]


def psnr(first: list[NDArray[np.uint8]], second: list[NDArray[np.uint8]]) -> float:
    error = np.mean([np.square(a.astype(float) - b.astype(float)).mean() for a, b in zip(first, second, strict=True)])
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.mark.parametrize("format", FORMATS)
def test_every_frame_is_in_the_file_in_order_and_as_it_was_drawn(format: Format, route: Make, tmp_path: Path) -> None:
    walk = route(0, 40, seconds=2, fps=12, format=format, size=96)
    path = tmp_path / "a"
    shares: list[float] = []
    result = finish(render_film(walk, scene, {}, path), lambda progress: shares.append(progress.share))
    frames, expected = decoded(path, format), drawn(walk)
    assert len(frames) == len(expected) == result.frames == 24
    assert {frame.shape for frame in frames} == {(96, 96, 3)}
    # The digest is that of the pictures the renderer made, whatever the format then does to them.
    assert result.digest == hashlib.sha256(b"".join(frame.tobytes() for frame in expected)).hexdigest()
    if format in LOSSLESS:
        assert all(np.array_equal(a, b) for a, b in zip(frames, expected, strict=True))
    floor = {"gif": 29, "webp": 34, "webm": 36, "av1": 36}.get(format, 38)
    assert psnr(frames, expected) >= floor
    assert psnr(frames, expected[1:] + expected[:1]) < psnr(frames, expected) - 2  # another order would show
    assert shares == sorted(shares)
    assert (result.width, result.height, result.fps, result.seconds) == (96, 96, 12, 2.0)
    assert result.bytes == path.stat().st_size
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("format", ["mp4", "webm", "av1"])
def test_a_video_is_what_players_expect(format: Format, route: Make, tmp_path: Path) -> None:
    made(route(0, 40, fps=10, size=65, format=format), tmp_path / "a")
    with av.open(str(tmp_path / "a")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        codec = {"mp4": "h264", "webm": "vp9", "av1": "av1"}[format]
        assert codec in context.codec.canonical_name
        assert (context.pix_fmt, stream.average_rate) == ("yuv420p", 10)
        assert stream.width % 2 == stream.height % 2 == 0
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert tags == (1, 1, 1, 1)
        assert float(container.duration / av.time_base) == pytest.approx(1.0, abs=0.02)
    data = (tmp_path / "a").read_bytes()
    if format != "webm":
        assert data.find(b"moov") < data.find(b"mdat")


def test_colours_survive_the_mp4(route: Make, tmp_path: Path) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 150, 100]], dtype=np.uint8)
    picture = np.repeat(np.repeat(colours[None], 32, axis=0), 16, axis=1)
    made(route(0, 1, fps=2), tmp_path / "a.mp4", lambda edit: picture)
    frame = decoded(tmp_path / "a.mp4", "mp4")[0]
    assert np.abs(frame[16, 8::16].astype(int) - colours).max() <= 6


@pytest.mark.parametrize(("format", "total"), [("gif", 2000), ("apng", 2000), ("webp", 2000)])
def test_a_film_of_stills_loops_for_ever_and_keeps_its_time(
    format: Format, total: int, route: Make, tmp_path: Path
) -> None:
    made(route(0, 40, seconds=2, fps=24, format=format), tmp_path / "a")
    with Image.open(tmp_path / "a") as opened:
        assert opened.info["loop"] == 0
        durations = []
        for index in range(opened.n_frames):
            opened.seek(index)
            opened.load()
            durations.append(opened.info["duration"])
    assert len(durations) == 48
    assert sum(durations) == pytest.approx(total, abs=1)


@pytest.mark.parametrize("format", FORMATS)
def test_the_recipe_comes_back_out_of_the_file(format: Format, route: Make, tmp_path: Path) -> None:
    walk = route(0, 40, 7.5, fps=10, format=format, title="Über <alles> & „so“", caption=True).timeline
    made(route(0, 40, 7.5, fps=10, format=format, title=walk.title, caption=True), tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    kind, found = recipe_of(data)
    assert (kind, read(found)) == ("walk", walk)
    if format != "webm":
        assert TRAINED.encode() in data


@pytest.mark.parametrize("format", FORMATS)
def test_a_stopped_film_leaves_the_old_one_and_no_litter(format: Format, route: Make, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    work = render_film(route(0, 100, fps=10, seconds=3, format=format), scene, {}, path)
    progress = [next(work) for _ in range(15)]
    assert isinstance(progress[-1], Progress)
    assert path.read_bytes() == b"old"
    work.close()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_fails_in_the_middle_leaves_nothing(format: Format, route: Make, tmp_path: Path) -> None:
    def draw_some(edit: Edit) -> Pixels:
        if edit.amounts["sway"] > 50:
            raise Invalid("No further.")
        return scene(edit)

    with pytest.raises(Invalid, match="No further"):
        made(route(0, 60, fps=10, format=format), tmp_path / "a", draw_some)
    assert not list(tmp_path.iterdir())


def test_what_fails_while_encoding_is_raised_where_it_is_drawn(route: Make, tmp_path: Path) -> None:
    def growing(edit: Edit) -> Pixels:
        return scene(edit)[: 64 if edit.amounts["sway"] < 20 else 32]

    with pytest.raises(ModelFailed, match="changed the size"):
        made(route(0, 40, fps=30, seconds=2), tmp_path / "a", growing)
    assert not list(tmp_path.iterdir())


DISK_FULL = """if True:
    import json, resource, signal, sys; from pathlib import Path; import numpy as np
    from models.catalogue import pinned
    from latentwalk.films.render import render_film; from latentwalk.films.route import route_of
    from latentwalk.films.timeline import read
    from latentwalk.errors import StorageFailed; from latentwalk.progress import finish
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    chance = np.random.default_rng(0)
    def noise(edit): return chance.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    keys = [{"at": at, "edit": {"generator": "eyes", "base": {"seed": at}}} for at in (0, 1)]
    folder, messages = Path(sys.argv[1]), {}
    resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    for format in sys.argv[2:]:
        output = {"fps": 20, "format": format}
        walk = read({"version": 2, "generator": "eyes", "keyframes": keys, "play": "once", "output": output})
        try: finish(render_film(route_of(walk, {}, pinned.find("eyes").spec), noise, {}, folder / "a"))
        except StorageFailed as error: messages[format] = str(error)
        assert not list(folder.iterdir()), format
    print(json.dumps(messages))
"""
LIMITED = ("mp4", "gif", "apng", "webp", "zip", "webm")


@pytest.fixture(scope="module")
def disk_full_messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What rendering a film of each format raises in a process that may write files of 16 KiB only."""
    assert resource.RLIMIT_FSIZE
    command = [sys.executable, "-c", DISK_FULL, str(tmp_path_factory.mktemp("full")), *LIMITED]
    done = subprocess.run(command, check=True, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    messages: dict[str, str] = json.loads(done.stdout)
    return messages


@pytest.mark.parametrize("format", LIMITED)
def test_a_full_disk_is_one_sentence_and_leaves_nothing(format: str, disk_full_messages: dict[str, str]) -> None:
    assert "disk is full: a was" in disk_full_messages[format]


def test_a_films_frames_are_the_stills_of_its_edits(
    tiny: Generator, make_slider: Callable[..., Direction], tmp_path: Path
) -> None:
    slider = make_slider(tiny.spec)
    loaded = LoadedGenerator(tiny, tiny.at("bf16"), lambda: {"sway": slider})
    walk = sweep(parse({"generator": "tiny", "base": {"seed": 3}}), slider, seconds=0.5, output={"fps": 8})
    route = route_of(walk, {"sway": slider.unit}, tiny.spec)
    result = finish(render_film(route, lambda edit: draw(edit, loaded), {"sway": slider}, tmp_path / "a.mp4"))
    stills = [draw(cells[0], loaded) for cells in frame_edits(route, identity_pace(walk.length))]
    assert result.digest == hashlib.sha256(b"".join(still.tobytes() for still in stills)).hexdigest()


@pytest.mark.parametrize("fields", [{}, {"mark": True}, {"caption": True}, {"grid": {"seeds": [1, 2, 3]}}])
def test_every_frame_has_even_sides_and_all_that_was_asked_for(fields: dict[str, Any], route: Make) -> None:
    plain, asked = route(0, 10).timeline, route(0, 10, **fields).timeline
    count = 1 if asked.grid is None else 3
    sheet = compose(asked, [np.zeros((33, 33, 3), np.uint8)] * count, "Sway +3.0 %")
    assert sheet.width % 2 == sheet.height % 2 == 0
    bare = compose(plain, [np.zeros((33, 33, 3), np.uint8)])
    if fields:
        assert np.asarray(sheet).max() > 60 or sheet.size != bare.size
    if "grid" in fields:
        assert sheet.size == (2 * bare.width + 2, 2 * bare.height + 2)


def test_sound_is_muxed_and_cut_to_the_film(route: Make, tmp_path: Path) -> None:
    sound = tmp_path / "sound.flac"
    with av.open(str(sound), "w", format="flac") as kept:
        stream = kept.add_stream("flac", rate=48000, layout="stereo")
        wave = (8000 * np.sin(np.arange(48000 * 4) * 2 * np.pi * 440 / 48000)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
        frame.sample_rate = 48000
        kept.mux(stream.encode(frame))
        kept.mux(stream.encode(None))
    for format, codec in (("mp4", "aac"), ("webm", "opus")):
        walk = route(0, 40, seconds=2, fps=10, format=format, audio={"sha256": "0" * 64, "offset": 1.0})
        made(walk, tmp_path / format, sound=sound)
        with av.open(str(tmp_path / format)) as container:
            assert container.streams.audio[0].codec_context.name.startswith(codec)
            heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
            assert len(heard) / 48000 == pytest.approx(2.0, abs=0.1)
            spectrum = np.abs(np.fft.rfft(heard[4800 : 4800 + 48000]))
            assert int(spectrum.argmax()) == pytest.approx(440, abs=2)
        assert len(decoded(tmp_path / format, format)) == 20


@pytest.mark.parametrize("id", ["random", "back_and_forth", "tour", "morph"])
def test_a_preset_is_a_walk_that_can_be_filmed(id: str, tiny: Generator, make_slider: Callable[..., Direction]) -> None:
    sliders = {name: make_slider(tiny.spec, name) for name in ("sway", "tilt", "turn")}
    edit = parse({"generator": "tiny", "base": {"seed": 3}, "amounts": {"sway": 2.0}})
    wish = PresetRequest(edit, 6.0, seeds=4, direction="sway", classes=("warm", "cold"))
    walk = presets()[id].make(wish, tiny.spec, sliders)
    route = route_of(walk, {name: slider.unit for name, slider in sliders.items()}, tiny.spec)
    loaded = LoadedGenerator(tiny, tiny, lambda: sliders)
    assert walk.length == 6.0
    edits = [cells[0] for cells in frame_edits(route, identity_pace(6.0))]
    for one in edits[::30]:
        assert draw(one, loaded).shape == (16, 16, 3)
    if id == "tour":
        for name, slider in sliders.items():
            values = [one.amounts[name] for one in edits]
            assert (min(values), max(values)) == pytest.approx(slider.range, abs=0.2)
        moving = [sum(a.amounts[n] != b.amounts[n] for n in sliders) for a, b in itertools.pairwise(edits)]
        assert max(moving) <= 2  # one at a time, but for the frame in which they take turns
    if id == "morph":
        assert {name for one in edits for name in one.classes} == {"warm", "cold"}
    if id == "random":
        assert len({seed for one in edits for seed in one.base.weights()}) == 4


@pytest.mark.parametrize(
    ("id", "wish", "said"),
    [
        ("back_and_forth", {}, "needs a direction"),
        ("back_and_forth", {"direction": "nope"}, "no direction “nope”"),
        ("morph", {}, "two classes"),
        ("morph", {"classes": ("warm", "mauve")}, "no class “mauve”"),
        ("random", {"seeds": 1}, "2 to 64"),
        ("tour", {}, "no directions to tour"),
    ],
)
def test_a_preset_says_what_it_misses(id: str, wish: dict[str, Any], said: str, tiny: Generator) -> None:
    edit = parse({"generator": "tiny", "base": {"seed": 3}})
    with pytest.raises(Invalid, match=said):
        presets()[id].make(PresetRequest(edit, **wish), tiny.spec, {})


@pytest.mark.parametrize(
    ("name", "wished", "format"),
    [
        ("a.mp4", None, "mp4"),
        ("a.mp4", "av1", "av1"),
        ("a.PNG", None, "apng"),
        ("a.webm", "av1", "webm"),
        ("a.apng", None, "apng"),
    ],
)
def test_the_ending_says_the_format(name: str, wished: Format | None, format: str) -> None:
    assert format_for(Path(name), wished) == format
    with pytest.raises(Invalid, match="has no known file extension"):
        format_for(Path("a.txt"))


def test_every_format_has_a_writer() -> None:
    assert set(containers()) == set(FORMATS)
    assert isinstance(json.dumps(Timeline.model_json_schema()), str)
