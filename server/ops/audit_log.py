"""The audit log: who signed in, what was refused and who changed something, each as one line of JSON."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from models.external_text import BIDIRECTIONAL, CONTROLS, SURROGATES

LOGGER = "latentwalk.audit"
# What is refused in text from outside, and beside it what would end a line, indent it, or reverse a neighbour's order.
UNSAFE = re.compile(f"[{SURROGATES}{BIDIRECTIONAL}{CONTROLS}\t\n\u061c\u200e\u200f]")


def note(event: str, **facts: Any) -> None:
    """Write one line. Never pass a secret, a query string or a picture."""
    present = {name: fact for name, fact in facts.items() if fact not in (None, "")}
    level = logging.WARNING if event == "refused" else logging.INFO
    logging.getLogger(LOGGER).log(level, event, extra={"facts": {"event": event, **present}})


def escaped(text: str) -> str:
    """The text with each unsafe character as its escape in JSON and Python, such as \\u009b."""
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """Formats a record as its level and message on one line; a traceback follows on lines of its own."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without the traceback."""
        return escaped(super().formatMessage(record).rstrip())


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, and the message or the facts of an audit line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for a record."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
        facts = getattr(record, "facts", None)
        line |= facts if facts is not None else {"message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return escaped(json.dumps(line, ensure_ascii=False, default=str))


class StartupErrorFilter(logging.Filter):
    """Reduces the traceback of an error meant for people, which uvicorn logs at start-up, to the error's message."""

    MESSAGE = re.compile(r"Traceback .*^(?:latentwalk|models)\.errors\.\w+: (?P<message>.*)", re.DOTALL | re.MULTILINE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record if it is such a traceback, and let every record pass."""
        if match := self.MESSAGE.match(record.getMessage()):
            record.msg, record.args = " ".join(match["message"].split()), ()
        return True


def logging_settings(as_json: bool, level: str = "INFO") -> dict[str, Any]:
    """The dictionary for logging.config: stderr from `level` on, audit lines always as JSON, others if `as_json`."""
    formatter = "json" if as_json else "text"
    formatters: dict[str, Any] = {"json": {"()": JsonFormatter}, "text": {"()": TextFormatter}}
    stream = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "filters": ["startup"]}
    handlers = {"default": {**stream, "formatter": formatter}, "audit": {**stream, "formatter": "json"}}
    default = {"handlers": ["default"], "level": level, "propagate": False}
    loggers: dict[str, Any] = {
        **{name: dict(default) for name in ("server", "latentwalk", "models", "uvicorn")},
        LOGGER: {"handlers": ["audit"], "level": level, "propagate": False},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"startup": {"()": StartupErrorFilter}},
        "formatters": formatters,
        "handlers": handlers,
        "loggers": loggers,
    }
