"""Render a walk to a file that says what it is: its recipe in it, signed, sealed, and recorded in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentwalk.films.constant_speed import Draw
from latentwalk.films.encoding.formats import containers
from latentwalk.films.render import render_film
from latentwalk.films.timeline import canonical
from latentwalk.progress import Work
from latentwalk.provenance.ledger import LedgerEntry
from latentwalk.provenance.signing import FileSigner
from latentwalk.rendering.draw import draw as draw_here
from latentwalk.steering.learning.resume_state import ResumeState
from server.jobs.task import Task, run_in_thread
from server.services.films.destinations import FilmDestination
from server.services.films.walk import Walk
from server.storage.db.job import now


def task(
    walk: Walk,
    destination: FilmDestination,
    signer: FileSigner,
    *,
    audio: Path | None = None,
    draw: Draw | None = None,
) -> Task:
    """Render a film of `walk`; nothing is left at the destination unless all of it is. A film is not resumed midway.

    `draw` returns the exact pixels of an edit; None draws in the thread that drives the work.
    """

    def make(resume_state: ResumeState) -> Work[Mapping[str, Any]]:
        return render_walk_file(walk, destination, signer, audio=audio, draw=draw)

    return Task(make, run_in_thread, "films")


def render_walk_file(
    walk: Walk,
    destination: FilmDestination,
    signer: FileSigner,
    *,
    audio: Path | None = None,
    draw: Draw | None = None,
) -> Work[Mapping[str, Any]]:
    """The work of `task`, a frame a chunk."""
    if destination.is_finished():
        return destination.result()
    destination.discard()  # the part that an earlier server left
    timeline, loaded = walk.timeline, walk.loaded
    directions, recipe = loaded.directions(), canonical(timeline)
    media_type = containers()[timeline.output.format].credential_type
    claim = signer.claim("walk", recipe, loaded.spec, directions, walk.directions_used())
    embedded = False

    def sign(path: Path, recipe: str) -> None:
        nonlocal embedded
        embedded = signer.embed(path, media_type, claim)

    try:
        drawing = draw or (lambda edit: draw_here(edit, loaded))
        film = yield from render_film(walk.route, drawing, directions, destination.path, sound=audio, sign=sign)
        seal, created = signer.seal(destination.path, embedded, claim), now()
        entry = LedgerEntry(
            created, seal.sha256, film.bytes, timeline.output.format, destination.title, "walk", recipe,
            destination.export,
        )  # fmt: skip
        signer.note(entry, film.samples)
        destination.finish(timeline, film, seal, created)
    except BaseException:  # closing the generator raises GeneratorExit, which is not an Exception
        destination.discard()
        raise
    return destination.result()
