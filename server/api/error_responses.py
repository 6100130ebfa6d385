"""Errors on their way out: one table from meanings to status codes, and one shape for all of them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from latentwalk.errors import (
    Cancelled,
    Conflict,
    Forbidden,
    Invalid,
    LatentwalkError,
    ModelFailed,
    NotFound,
    Overloaded,
    StorageFailed,
    TooMuch,
)

STATUS: dict[type[LatentwalkError], int] = {
    NotFound: 404,
    Invalid: 422,
    Conflict: 409,
    Cancelled: 409,
    Forbidden: 403,
    TooMuch: 429,
    Overloaded: 503,
    ModelFailed: 502,
    StorageFailed: 507,
}
WORDS = {
    400: "The request cannot be read.",
    401: "You may not do that.",
    403: "You may not do that.",
    404: "There is nothing at this address.",
    405: "This address cannot be used that way.",
    408: "That came too slowly.",
    413: "That is too large.",
}
RETRY = 2  # seconds after which an overloaded server is worth asking again


class ErrorBody(BaseModel):
    """What went wrong: a word for programs, a sentence and an advice for people."""

    code: str
    message: str
    hint: str


class ErrorResponse(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


_FAILURE = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
REFUSED = "Refused, with the reason."
UNABLE = "The server, a model or the disk could not do it; with the reason."
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse, "description": REFUSED},
    "5XX": {"model": ErrorResponse, "description": UNABLE},
}
# For routes whose answers have a media type of their own, which FastAPI would claim for their errors too.
PLAIN_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _FAILURE, "description": REFUSED},
    "5XX": {"content": _FAILURE, "description": UNABLE},
}


def answer(error: LatentwalkError) -> Response:
    """An error as an answer."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    retry = error.seconds if isinstance(error, TooMuch) else RETRY if isinstance(error, Overloaded) else None
    return shaped(status, error.view(), None if retry is None else {"retry-after": str(retry)})


def shaped(status: int, view: dict[str, str], headers: Any = None) -> Response:
    """The one shape."""
    return JSONResponse({"error": view}, status, headers)


def install(app: FastAPI) -> None:
    """Give every kind of failure the one shape."""

    @app.exception_handler(LatentwalkError)
    async def refused(request: Request, error: LatentwalkError) -> Response:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return answer(Invalid(sentence(error.errors()), "See /openapi.json for what this address expects."))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        message = WORDS.get(error.status_code, str(error.detail))
        view = {"code": f"http_{error.status_code}", "message": message, "hint": ""}
        return shaped(error.status_code, view, error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        view = {"code": "internal", "message": "Something went wrong in the server.", "hint": "Its log says what."}
        return shaped(500, view)


def sentence(errors: Any) -> str:
    """The first of pydantic's complaints as a sentence."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return "The request is not JSON."
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))[:80]
    if first["type"] == "missing":
        return f"The request does not say its {place}." if place else "The request has no body."
    if first["type"] == "extra_forbidden":
        return f"The request has no “{place}”."
    reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"The request's {place or 'body'} is wrong: {reason[0].lower()}{reason[1:]}."
