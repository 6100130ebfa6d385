"""Finished films: list them, download them, remove them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from latentwalk.films.encoding.formats import containers
from server.api import schemas
from server.api.dependencies import ServicesDep
from server.api.permissions import needs
from server.auth.roles import Role
from server.services.titles import download_name

router = APIRouter(prefix="/api/exports")


@router.get("")
def list_exports(services: ServicesDep) -> dict[str, Any]:
    """Every finished film, newest first."""
    return {"exports": [schemas.export(export) for export in services.film_archive.all()]}


@router.get("/{id}/file", response_class=FileResponse)
def file(services: ServicesDep, id: str, inline: bool = False) -> Response:
    """The film as a download or, with `inline`, to be played in the page."""
    container = containers()[services.film_archive.get(id)["format"]]
    title = str(services.film_archive.get(id).get("title", ""))
    name = download_name(title, f"latentwalk-{id}", container.extension)
    disposition = "inline" if inline else "attachment"
    path = services.film_archive.checked(id)
    return FileResponse(path, media_type=container.media_type, filename=name, content_disposition_type=disposition)


@router.get("/{id}/sidecar.json", response_class=FileResponse)
def sidecar(services: ServicesDep, id: str) -> Response:
    """The film's content credential, where its format cannot carry one."""
    title = str(services.film_archive.get(id).get("title", ""))
    name = download_name(title, f"latentwalk-{id}", "credential.json")
    return FileResponse(services.film_archive.sidecar(id), media_type="application/json", filename=name)


@router.get("/{id}/thumb.jpg", response_class=FileResponse)
def thumbnail(services: ServicesDep, id: str) -> Response:
    """The film's first frame, small."""
    services.film_archive.get(id)
    return FileResponse(services.film_archive.thumbnail(id), media_type="image/jpeg")


@router.delete("/{id}", status_code=204, dependencies=[needs(Role.ADMIN)])
def remove(services: ServicesDep, id: str) -> None:
    """Remove a film."""
    services.film_archive.remove(id)
