"""What the command's film verbs do, in this process and without a server: recipes, films, the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from PIL import Image

from latentwalk.directions.direction import Direction
from latentwalk.edit import Edit
from latentwalk.errors import Invalid, NotFound
from latentwalk.films.encoding import formats, untrusted_media
from latentwalk.films.presets import sweep
from latentwalk.films.recipe_extraction import media_type, recipe_of
from latentwalk.films.render import render_film
from latentwalk.films.route import checked_route
from latentwalk.films.timeline import Quality, Timeline, canonical, fps_for, read
from latentwalk.progress import Progress, finish
from latentwalk.provenance.c2pa import Credential
from latentwalk.provenance.ledger import LedgerEntry
from latentwalk.provenance.perceptual_hash import perceptual_hash
from latentwalk.provenance.signing import FileSigner, write_sidecar
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from models import atomic_files
from server.jobs.job import now
from server.services.cinema import used_by
from server.storage.audio_files import AudioFiles

Show = Callable[[Progress], None]
SENTENCES = {
    "here": "This very file was made here.",
    "alike": "Something that looks like it was made here.",
    "no": "Nothing like it was made here.",
}


def filmed(
    timeline: Timeline, out: Path, ready: LoadedGenerator, press: FileSigner, sounds: AudioFiles, show: Show
) -> None:
    """Keep the film of a timeline at `out`, signed, with a sidecar beside it where it cannot carry a credential."""
    route = checked_route(timeline, ready.exact, ready.directions())
    sound = sounds.path(timeline)
    container = formats.containers()[timeline.output.format]
    if sound is not None and not container.has_audio:
        raise Invalid(f"A film as {timeline.output.format} carries no sound.", "Choose mp4, webm or av1.")
    directions = ready.directions()
    recipe = canonical(timeline)
    claim = press.claim("walk", recipe, ready.spec, directions, used_by(timeline, directions))

    embedded = False

    def sign(path: Path, recipe: str) -> None:
        nonlocal embedded
        embedded = press.embed(path, container.credential_type, claim)

    work = render_film(route, lambda edit: draw(edit, ready), directions, out, sound=sound, sign=sign)
    made = finish(work, show)
    seal = press.seal(out, embedded, claim)
    write_sidecar(out, seal)
    entry = LedgerEntry(
        now(), seal.sha256, made.bytes, timeline.output.format, timeline.title or out.name, "walk", recipe
    )
    press.note(entry, made.samples)


def swept(edit: Edit, direction: Direction, out: Path, *, seconds: float, fps: int, size: int | None) -> Timeline:
    """The timeline of a film along one slider, in the format of its file's ending."""
    format = formats.format_for(out)
    output = {"format": format, "fps": fps_for(format, fps), "size": size}
    return sweep(edit, direction, seconds=seconds, output=output)


def recipe(path: Path, out: Path, *, format: str | None = None, quality: Quality | None = None) -> Timeline:
    """The timeline in a JSON file, or in a file that was exported, in the format of its new film's ending."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise NotFound(f"{path} cannot be read: {reason}.", "Check the path.") from None
    timeline = walk_in(data, path.name)
    wished = next((one for one in formats.containers() if one == (format or timeline.output.format)), None)
    if format is not None and wished is None:
        raise Invalid(f"There is no format “{format[:20]}”.", f"There are {', '.join(formats.containers())}.")
    chosen = formats.format_for(out, wished)
    output = timeline.output.model_dump() | {"format": chosen, "fps": fps_for(chosen, timeline.output.fps)}
    if quality in get_args(Quality):
        output["quality"] = quality
    return read({**timeline.plain(), "output": output})


def walk_in(data: bytes, name: str) -> Timeline:
    """The timeline that a file carries, or is; Invalid where it holds a single picture's edit, or nothing."""
    try:
        kind, found = recipe_of(data)
    except Invalid as error:
        if data.lstrip()[:1] == b"{":
            read(_json(data, name))  # says what is wrong with it
        raise Invalid(f"{name} is not a recipe.", error.hint) from None
    if kind != "walk":
        raise Invalid(f"{name} is one picture, not a walk.", "Drop it on the page to go on from it.")
    return read(found)


def made_here(data: bytes, press: FileSigner, beside: bytes | None = None) -> dict[str, Any]:
    """Whether a file was made here: by its digest, else by its looks; and what its credential says. JSON."""
    sha256 = hashlib.sha256(data).hexdigest()
    found = press.ledger.find(sha256, [])
    verdict = "here" if found else "no"
    if not found:
        try:
            hashes = [perceptual_hash(Image.fromarray(frame)) for frame in untrusted_media.decode_frames(data)]
        except Invalid:
            hashes = []
        found = press.ledger.find(sha256, hashes)
        verdict = "alike" if found else "no"
    credential = press.credential(data, media_type(data), beside)
    return {
        "made": verdict,
        "sentence": SENTENCES[verdict],
        "matches": [match.view() for match in found],
        "credential": credential_view(credential),
    }


def credential_view(credential: Credential) -> dict[str, Any]:
    """A credential as JSON."""
    return {
        "state": credential.state,
        "sentence": credential.sentence,
        "issuer": credential.issuer,
        "claim": None if credential.claim is None else dict(credential.claim),
    }


def save_recipe(timeline: Timeline, path: Path) -> None:
    """Keep a recipe as readable JSON."""
    atomic_files.write(path, json.dumps(timeline.plain(), indent=2).encode())


def _json(data: bytes, name: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid(f"{name} is not JSON.", "`latentwalk walk --recipe` writes one to start from.") from None
