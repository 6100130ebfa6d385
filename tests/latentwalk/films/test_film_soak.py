"""Long films: no more memory than short ones, and hardly more time than their parts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli.bench import film_bench
from server.settings import Settings

ROOT = Path(__file__).parents[3]
PEAK = """
import json, resource, sys; from pathlib import Path; import numpy as np
from models.catalogue import pinned
from latentwalk.films.render import render_film; from latentwalk.films.route import route_of
from latentwalk.films.encoding.formats import containers
from latentwalk.provenance.c2pa import ProvenanceClaim
from latentwalk.provenance.signing import FileSigner
from latentwalk.progress import finish; from latentwalk.films.timeline import read
home, seconds, format = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
soft = np.add.outer(np.arange(64), np.arange(64))
def draw(edit):  # a generator that costs nothing, so that only the film is measured
    weights = edit.base.weights()
    return ((soft[..., None] + 120 * weights.get(2, 0.0) * np.array([1.0, 0.5, 0.2])) % 256).astype(np.uint8)
keys = [{"at": at, "edit": {"generator": "eyes", "base": {"seed": seed}}} for at, seed in ((0, 1), (seconds / 2, 2))]
output = {"fps": 25, "format": format, "size": 64}
walk = read({"version": 2, "generator": "eyes", "keyframes": keys, "seconds": seconds, "output": output})
signer = FileSigner(None, home / "credentials")  # nothing is noted
claim = ProvenanceClaim("walk", "{}", {"eyes": "sha256:0"})
mime = containers()[format].credential_type
film = finish(render_film(route_of(walk, {}, pinned.find("eyes").spec), draw, {}, home / "film",
                          sign=lambda path, recipe: signer.embed(path, mime, claim) and None))
signer.seal(film.path, format == "mp4", claim)
print(json.dumps({"frames": film.frames, "kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
"""


def peak(home: Path, seconds: float, format: str) -> dict[str, int]:
    command = [sys.executable, "-c", PEAK, str(home), str(seconds), format]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.soak
@pytest.mark.parametrize("format", ["mp4", "webm", "av1", "gif", "apng", "webp", "zip"])
def test_ten_minutes_take_no_more_memory_than_ten_seconds(format: str, tmp_path: Path) -> None:
    short, long = peak(tmp_path / "a", 10, format), peak(tmp_path / "b", 600, format)
    assert (short["frames"], long["frames"]) == (250, 15_000)
    assert long["kb"] <= 1.1 * short["kb"]


@pytest.mark.soak
def test_an_export_costs_little_more_than_its_parts(home: Path) -> None:
    assert film_bench.bench(Settings(home=home), "eyes", frames=300)["ratio"] <= 1.15


def test_the_bench_of_films_measures_all_it_promises(home: Path) -> None:
    figures = film_bench.bench(Settings(home=home), "eyes", frames=6, rounds=2)
    assert (figures["generator"], figures["frames"]) == ("eyes", 6)
    for name in ("forward_s", "encode_s", "export_s"):
        assert figures[name] > 0
    assert figures["ratio"] == pytest.approx(
        figures["export_s"] / (figures["forward_s"] + figures["encode_s"]), rel=0.05
    )
