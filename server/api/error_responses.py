"""Errors as HTTP responses: one table from error classes to status codes, and one JSON shape for all of them."""

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
from models.errors import first_problem

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
MESSAGES = {
    400: "The request is malformed.",
    401: "You may not do that.",
    403: "You may not do that.",
    404: "There is nothing at this address.",
    405: "This address does not support that method.",
    408: "The request came too slowly.",
    413: "The request is too large.",
}
RETRY_AFTER = 2  # seconds; for an overloaded server


class ErrorBody(BaseModel):
    """An error: a code for programs, a message for people, and a hint what to do next, which may be empty."""

    code: str
    message: str
    hint: str


class ErrorResponse(BaseModel):
    """The JSON shape of every error."""

    error: ErrorBody


_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}
REFUSED = "The request was refused."
UNABLE = "The server, a model or the disk failed."
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse, "description": REFUSED},
    "5XX": {"model": ErrorResponse, "description": UNABLE},
}
# For routes with another media type, which FastAPI would otherwise declare for their errors too.
PLAIN_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"content": _ERROR, "description": REFUSED},
    "5XX": {"content": _ERROR, "description": UNABLE},
}


def answer(error: LatentwalkError) -> Response:
    """The response for an error."""
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    retry = error.seconds if isinstance(error, TooMuch) else RETRY_AFTER if isinstance(error, Overloaded) else None
    return shaped(status, error.view(), None if retry is None else {"retry-after": str(retry)})


def shaped(status: int, view: dict[str, str], headers: Any = None) -> Response:
    """A response with the JSON shape of errors."""
    return JSONResponse({"error": view}, status, headers)


def install(app: FastAPI) -> None:
    """Register handlers that give every error of the application the same JSON shape."""

    @app.exception_handler(LatentwalkError)
    async def refused(request: Request, error: LatentwalkError) -> Response:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return answer(
            Invalid(validation_message(error.errors()), "GET /openapi.json describes what this address expects.")
        )

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        message = MESSAGES.get(error.status_code, str(error.detail))
        view = {"code": f"http_{error.status_code}", "message": message, "hint": ""}
        return shaped(error.status_code, view, error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        view = {
            "code": "internal",
            "message": "An unexpected error occurred in the server.",
            "hint": "Its log has the details.",
        }
        return shaped(500, view)


def validation_message(errors: Any) -> str:
    """The first validation error as a message."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return "The request is not valid JSON."
    location = [part for part in first["loc"] if part not in ("body", "query", "path")]
    place, reason = first_problem([{**first, "loc": location}])
    if first["type"] == "missing":
        return f"The request lacks {place}." if place else "The request has no body."
    if first["type"] == "extra_forbidden":
        return f"The request has no “{place}”."
    return f"The request's {place or 'body'} is wrong: {reason}."
