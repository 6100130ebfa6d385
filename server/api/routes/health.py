"""Signs of life: whether the server lives, whether it wants people, and its figures for Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from server.api.dependencies import ServicesDep
from server.ops.metrics import MEDIA_TYPE

router = APIRouter()


@router.get("/healthz")
async def healthz(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Whether the server lives, and what it holds in memory, where it is known who asks."""
    if request.scope["person"] is None:
        return {"status": "ok"}
    return {
        "status": "ok",
        "version": services.version,
        "device": services.backend.device,
        "generators": list(services.backend.loaded()),
    }


@router.get("/readyz", responses={503: {"description": "Starting, without workers, or finishing what is in hand."}})
async def readyz(services: ServicesDep) -> Response:
    """Whether people should be sent here: 503 while it starts, while all its workers are lost, and once it stops."""
    state = services.lifecycle.state
    if state == "ready" and not services.backend.workers():
        state = "without workers"
    return JSONResponse({"status": state}, 200 if state == "ready" else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def metrics(services: ServicesDep) -> Response:
    """Everything that is counted here, in Prometheus' text format; where a token is asked for, it needs one too."""
    return Response(services.metrics.text(), media_type=MEDIA_TYPE)
