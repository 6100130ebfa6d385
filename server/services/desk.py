"""What the command's verbs do, in this process and without a server: open a generator, draw, learn, film, keep."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latentwalk import edit as edits
from latentwalk.directions.direction import Direction, check_id
from latentwalk.directions.direction_file import SUFFIX, from_bytes, to_bytes
from latentwalk.errors import Conflict, Invalid, NotFound
from latentwalk.films.timeline import Timeline
from latentwalk.progress import Progress, finish
from latentwalk.provenance.signing import FileSigner
from latentwalk.provenance.stills import still_file
from latentwalk.rendering import image_codec, precision
from latentwalk.rendering.device import pick_device, tune_threads
from latentwalk.rendering.draw import draw
from latentwalk.rendering.loaded_generator import LoadedGenerator
from latentwalk.steering import transforms
from latentwalk.steering.discovery import Method, discover
from latentwalk.steering.learning.learn import LearnSettings, learn
from latentwalk.steering.measuring.report_card import measure
from latentwalk.steering.preview_strips import preview_strip
from latentwalk.steering.scores import report_card as scored
from latentwalk.steering.scores.ratings import read_csv
from latentwalk.steering.scores.settings import ScoreSettings
from models import atomic_files
from models.catalogue import download
from models.regressors import catalogue
from server.auth.tokens import TokenStore
from server.cli import home
from server.services import (
    external_directions,
    filming,
    generator_import,
    learning,
    regressor_learning,
    regressor_uploads,
    studio,
)
from server.services.file_signer import file_signer
from server.settings import Settings
from server.storage.audio_files import AudioFiles
from server.storage.library import Library
from server.storage.regressors import RegressorEntry, Regressors

Show = Callable[[Progress], None]


def settings(**given: Any) -> Settings:
    """The environment's settings, with those arguments that were given in their place."""
    return Settings.read(**{name: value for name, value in given.items() if value is not None})


def library() -> Library:
    """The library in the home of the settings."""
    chosen = settings()
    return Library(chosen.home, database=home.database(chosen))


def tokens() -> TokenStore:
    """The tokens that were handed out for this home."""
    return TokenStore(settings().home / "access")


def press() -> FileSigner:
    """What signs and remembers files, as the settings say."""
    return file_signer(settings())


def checked_address(chosen: Settings) -> Settings:
    """The settings again, where their address can be listened on; uvicorn would only log that it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(chosen.host, chosen.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Conflict(f"{chosen.host}:{chosen.port} cannot be listened on: {reason}.", "Try another --port.") from None
    return chosen


def terms(name: str) -> str:
    """What must be accepted before `name` is fetched; empty where nothing must."""
    judge = catalogue.pullable().get(name)
    return "" if judge is None else judge.terms


def pull(name: str, accepted: bool, show: Show) -> str:
    """Fetch a generator or a judge by name, and say what it is called."""
    chosen = settings()
    judge = catalogue.pullable().get(name)
    if judge is None:
        here = library()
        finish(studio.pulled(here, name), show)
        return here.spec(name).title
    folder = chosen.home / "regressors"
    if catalogue.is_installed(name, folder):
        raise Conflict(f"{judge.spec.title} ({name}) is here already.", "There is nothing to fetch.")
    try:
        finish(studio.followed(lambda report: download.fetch_weights(judge, folder, report, accepted=accepted)), show)
    except OSError as error:
        raise atomic_files.storage_error(folder / name, error) from error
    return judge.spec.title


def train(
    path: Path, out: Path | None, device: str | None, report: bool, show: Show, minutes: float | None = None
) -> Mapping[str, Any]:
    """Train the recipe at `path` and keep the generator in the library, or in the folder `out`."""
    from latentwalk.training import pipeline, recipe

    chosen = settings(device=device)
    here = Library(chosen.home)
    asked = recipe.read(path)
    if out is None and asked.name in here.entries() and here.entry(asked.name).origin.kind != "folder":
        raise Conflict(f"There is a generator {asked.name} already.", "Give the recipe another name.")
    tune_threads()
    generators = chosen.home / "generators" if out is None else out
    folder = chosen.home / "training" / asked.name
    return finish(pipeline.run_recipe(asked, path.parent, folder, generators, chosen.device, report, minutes), show)


def look(path: Path, name: str, year: int, title: str, card: Mapping[str, str]) -> generator_import.CheckpointPreview:
    """Open a stranger's checkpoint and try it; nothing of it is kept."""
    tune_threads()
    return generator_import.preview_checkpoint(path, name, year, title=title, card=card, unlocked=settings().unlocked)


def bring(found: generator_import.CheckpointPreview) -> Path:
    """Keep what was found in the library; its folder."""
    return generator_import.keep_checkpoint(library(), found)


def regressors() -> Regressors:
    """The judges in the home of the settings."""
    chosen = settings()
    return Regressors(chosen.home, chosen.unlocked)


class Desk:
    """One generator, loaded to be worked with, and the library it came from."""

    def __init__(self, generator: str, device: str | None = None) -> None:
        chosen = settings(device=device)
        self.library = Library(chosen.home, first=chosen.first, database=home.database(chosen))
        self.library.spec(generator)
        tune_threads()
        exact = self.library.load(generator, pick_device(chosen.device))
        self._ready = LoadedGenerator(exact, exact, lambda: self.library.directions(generator))

    def render(self, edit: edits.Edit, out: Path) -> None:
        """Keep the picture of an edit; the file's ending says as what."""
        format = ending(out, image_codec.MEDIA_TYPES)
        pixels = draw(edit, self._ready)
        atomic_files.write(out, still_file(edit, pixels, self._ready, press(), format=format, title=out.stem))

    def learn(self, how: LearnSettings, id: str | None, out: Path | None, show: Show) -> Direction:
        """Learn a direction and keep it with its strip, in the library or in the folder `out`."""
        transform = transforms.find(how.transform)
        chosen = id or transform.name
        check_id(chosen)
        name = learning.slider_title(chosen, transform.name, transform.title)
        quick = precision.choose(self._ready.exact)
        direction = finish(learn(quick, how, id=chosen, name=name), show)
        self._keep(direction, out)
        return direction

    def learn_score(
        self, how: ScoreSettings, second: str | None, id: str | None, out: Path | None, show: Show
    ) -> Direction:
        """Learn a direction from a regressor's score and keep it, re-scored by every measure and by `second`."""
        known = regressors()
        seats, entry = regressor_learning.regressor_set(known, how.regressor, second), known.find(how.regressor)
        kept: list[Direction] = []

        def keep(direction: Direction, picture: Any) -> None:
            self._keep(direction, out)
            kept.append(direction)

        quick = precision.choose(self._ready.exact)
        finish(
            regressor_learning.learn_score_direction(self.library, self._ready, quick, seats, entry, how, id, keep),
            show,
        )
        return kept[0]

    def take(
        self, data: bytes, name: str, title: str | None, plan: str | None, card: Mapping[str, str], reason: str | None
    ) -> RegressorEntry:
        """Keep an uploaded model as a judge; with a plan it is tried on this generator's pictures and confirmed."""
        known = regressors()
        entry = regressor_uploads.keep_draft(known, data, name, title, card, reason)
        if plan is None and set(entry.asks) != {"span"}:
            return entry
        try:
            return regressor_uploads.confirm_plan(known, name, json.loads(plan) if plan else {}, self._ready.exact)
        except ValueError:
            raise Invalid("The plan is not JSON.", 'Write it like {"scale": "0..1", "side": 224}.') from None

    def rate(
        self, path: Path, name: str, title: str | None, card: Mapping[str, str], reason: str | None, show: Show
    ) -> RegressorEntry:
        """Make a judge of a table of ratings."""
        known = regressors()
        said = title or name.replace("_", " ").capitalize()
        generator, ratings = self._ready.exact, read_csv(contents(path))
        finish(regressor_learning.fit_ratings_regressor(known, generator, name, said, ratings, card, reason), show)
        return known.find(name)

    def discover(self, method: Method, count: int, out: Path | None, show: Show) -> list[str]:
        """Find directions and keep them with their strips, in the library or in the folder `out`; their ids."""
        found = finish(discover(self._ready.exact, method, count=count), show)
        for direction in found:
            self._keep(direction, out)
        return [direction.id for direction in found]

    def _keep(self, direction: Direction, out: Path | None) -> None:
        picture = learning.to_jpeg(preview_strip(self._ready.exact, direction))
        if out is None:
            self.library.keep(direction, picture)
        else:
            atomic_files.write(out / f"{direction.id}.jpg", picture)
            atomic_files.write(out / f"{direction.id}{SUFFIX}", to_bytes(direction))

    def measure(self, direction: str, show: Show) -> dict[str, Any]:
        """The report card of a direction: an id in the library or the path of a file."""
        if direction.endswith(SUFFIX):
            chosen = from_bytes(contents(Path(direction)), Path(direction).name)
        else:
            chosen = self.library.direction(self._ready.spec.name, direction)
        if "regressor" in chosen.settings:
            seats = regressor_learning.regressor_set(regressors(), str(chosen.settings["regressor"]))
            if seats.judge.spec.fingerprint != chosen.settings.get("regressor_fingerprint"):
                raise Invalid(
                    f"{chosen.name} was learned from another {seats.judge.spec.name} than the one here.",
                    "Learn it again.",
                )
            return finish(scored.measure(self._ready.exact, chosen, seats), show)
        return finish(measure(self._ready.exact, chosen), show)

    def adopt(self, path: Path, space: str | None, count: int) -> list[str]:
        """Keep the directions in a file of ours or of another program's, with their strips; their ids."""
        data = contents(path)
        if path.suffix == SUFFIX:
            return [self.library.adopt(data).id]
        found = external_directions.read(data, path.name, unlocked=settings().unlocked)
        made = external_directions.directions(found, self._ready.exact, path.name, count, space)
        for direction in made:
            self._keep(direction, None)
        return [direction.id for direction in made]

    def film(self, timeline: Timeline, out: Path, show: Show) -> None:
        """Keep the film of a timeline."""
        filming.filmed(timeline, out, self._ready, press(), AudioFiles(settings().home / "sounds"), show)


def sweep(edit: edits.Edit, direction: str, out: Path, **how: Any) -> Timeline:
    """The timeline of a film along one slider, in the format of its file's ending."""
    return filming.swept(edit, library().direction(edit.generator, direction), out, **how)


def give(generator: str, slider: str, out: Path) -> None:
    """Write a slider as a file; the ending of its name says whose format."""
    direction = library().direction(generator, slider)
    atomic_files.write(
        out, external_directions.exported(direction, ending(out, dict.fromkeys(("safetensors", "npy", "npz"))))
    )


def latent(path: Path, generator: str) -> dict[str, Any]:
    """The start of an edit from a file that holds a latent of w or w+."""
    found = external_directions.read(contents(path), path.name, unlocked=settings().unlocked)
    base = external_directions.base(found, library().spec(generator), path.name)
    return base.model_dump(exclude_none=True, exclude_defaults=True)


def contents(path: Path) -> bytes:
    """The bytes of a file that somebody named."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise NotFound(f"{path} cannot be read: {reason}.", "Check the path.") from None


def ending(path: Path, known: Mapping[Any, Any]) -> Any:
    """The ending of a file's name where it is one of the known."""
    found = path.suffix.lower().removeprefix(".")
    if found not in known:
        raise Invalid(f"“{path.name}” does not end in a format.", f"End it in .{', .'.join(known)}.")
    return found


def add_regressor(
    path: Path, name: str, title: str | None, generator: str | None, plan: str | None, card: Mapping[str, str],
    reason: str | None, show: Show,
) -> RegressorEntry:  # fmt: skip
    """Add a judge from a file: a table of ratings of a generator's seeds, or an ONNX model."""
    check_id(name)
    if path.suffix.lower() == ".csv":
        if generator is None:
            raise Invalid("A table of ratings does not say whose seeds it rates.", "Add --generator NAME.")
        return Desk(generator).rate(path, name, title, card, reason, show)
    at = Desk(generator or "avatars")
    return at.take(contents(path), name, title, plan, card, reason)
