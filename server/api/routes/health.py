"""Health: liveness, readiness, and the metrics for Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from server.api.dependencies import ServicesDep
from server.ops.metrics import MEDIA_TYPE

router = APIRouter()


@router.get("/healthz")
async def healthz(request: Request, services: ServicesDep) -> dict[str, Any]:
    """Liveness; signed-in callers also get the version, the device and the loaded generators."""
    if request.scope["person"] is None:
        return {"status": "ok"}
    return {
        "status": "ok",
        "version": services.version,
        "device": services.backend.device,
        "generators": list(services.backend.loaded()),
    }


@router.get("/readyz", responses={503: {"description": "Starting, without workers, or draining."}})
async def readyz(services: ServicesDep) -> Response:
    """Readiness: 503 while the server starts, while it has no workers, and once it drains."""
    state = services.lifecycle.state
    if state == "ready" and not services.backend.workers():
        state = "without workers"
    return JSONResponse({"status": state}, 200 if state == "ready" else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
async def metrics(services: ServicesDep) -> Response:
    """All metrics in the text format of Prometheus. Where the server requires a token, this route does too."""
    return Response(services.metrics.text(), media_type=MEDIA_TYPE)
