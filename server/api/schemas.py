"""The JSON for generators, directions, transforms, jobs and films, in the HTTP API and on the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from latentwalk.directions.direction import Direction
from latentwalk.directions.unit import Unit
from latentwalk.edit import Base
from latentwalk.steering.transforms import Transform
from server.engine.backend import GeneratorStatus
from server.services.films.previews import Moments
from server.storage.db.job import Job
from server.storage.library import Library

Json = dict[str, Any]


def generator(library: Library, name: str, loaded: GeneratorStatus | None = None) -> Json:
    """One generator, installed or not; `loaded` is its status when it is in memory."""
    entry = library.entry(name)
    spec = entry.spec
    installed = library.is_installed(name)
    view: Json = {
        "name": spec.name,
        "title": spec.title,
        "installed": installed,
        "resolution": spec.resolution,
        "channels": spec.channels,
        "family": spec.family,
        "spaces": {space: list(shape) for space, shape in spec.spaces.items()},
        "layers": spec.layers,
        "classes": list(spec.classes),
        "default_classes": dict(spec.default_classes),
        "fingerprint": spec.fingerprint,
        "inverts": library.encoder(name) is not None,
        "precision": "fp32" if loaded is None else loaded.precision,
        "card": asdict(spec.card),
    }
    if not installed:
        view["download"] = {
            "requirement": entry.origin.requirement,
            "bytes": entry.origin.bytes,
            "licence": spec.card.licence,
            "data_licence": spec.card.data_licence,
        }
    return view


def unit(value: Unit) -> Json:
    """A unit with the parameters to convert amounts."""
    return asdict(value)


def direction(library: Library, value: Direction, *, whole: bool = False) -> Json:
    """One direction; `whole` adds its response curve, its licence, its fingerprint and the data coverage."""
    learned = library.is_learned(value.generator, value.id)
    origin = "exact" if value.method == "exact" else "learned" if learned else "bundled"
    strip = library.strip(value.generator, value.id)
    address = f"/api/directions/{quote(value.generator)}/{quote(value.id)}"
    view: Json = {
        "id": value.id,
        "name": value.name,
        "group": value.group,
        "generator": value.generator,
        "kind": value.walk.kind,
        "space": value.space,
        "layers": None if value.layers is None else list(value.layers),
        "unit": unit(value.unit),
        "range": list(value.range),
        "track": list(value.track),
        "asked": list(value.requested_range),
        "step": value.step,
        "verdict": value.verdict,
        "note": value.note,
        "method": value.method,
        "settings": dict(value.settings),
        "seed": value.seed,
        "origin": origin,
        "created": value.created,
        "card": dict(value.card) if value.card is not None else None,
        # The address changes with the file, or browsers would go on showing the strip of the previous version.
        "strip": f"{address}/strip.jpg?v={strip.stat().st_mtime_ns:x}" if strip else None,
        "removable": learned,
    }
    if whole:
        view["curve"] = {"coordinates": list(value.curve.coordinates), "steps": list(value.curve.steps)}
        view["licence"] = value.licence
        view["mirror"] = library.data_coverage(value.generator).get(str(value.settings.get("transform")))
        view["fingerprint"] = value.fingerprint
    return view


def damaged(faults: Mapping[str, str]) -> list[Json]:
    """The damaged entries of a list: the id of each, which may name a file of any bytes, and why it cannot be used."""
    return [{"id": sendable(id), "reason": sendable(reason)} for id, reason in faults.items()]


def sendable(text: str) -> str:
    """The text, with what UTF-8 cannot encode as escapes."""
    return text.encode(errors="backslashreplace").decode()


def transform(value: Transform, resolution: int) -> Json:
    """One transform that a direction can be learned for, with its limits at this resolution."""
    return {
        "name": value.name,
        "title": value.title,
        "group": value.group,
        "unit": unit(value.unit),
        "range": list(value.limits(resolution)),
        "about": value.about,
    }


def job(value: Job) -> Json:
    """One job, without the person who started it. The address of its preview picture changes with the picture."""
    view = asdict(value)
    strip = f"/api/jobs/{value.id}/preview.jpg?v={value.strip_version}" if value.strip_version else None
    del view["version"], view["strip_version"], view["person"]
    return {**view, "detail": {**value.detail, "strip": strip}}


def base(value: Base) -> Json:
    """The base of an edit, without fields at their defaults."""
    return value.model_dump(exclude_none=True, exclude_defaults=True)


def moments(value: Moments) -> Json:
    """The edits of some moments of a walk, and the shape of its film."""
    timeline = value.timeline
    columns, rows = (1, 1) if timeline.grid is None else timeline.grid.shape
    return {
        "seconds": timeline.duration,
        "frames": timeline.frames,
        "fps": timeline.output.fps,
        "columns": columns,
        "rows": rows,
        "times": value.times,
        "edits": [[edit.model_dump(mode="json", exclude_defaults=True) for edit in cells] for cells in value.edits],
    }


def export(description: Json) -> Json:
    """One finished film."""
    address = f"/api/exports/{description['id']}"
    view = {"credential": "none", "sha256": None, **description}
    sidecar = f"{address}/sidecar.json" if view["credential"] == "sidecar" else None
    return {**view, "url": f"{address}/file", "thumbnail": f"{address}/thumb.jpg", "sidecar": sidecar}
