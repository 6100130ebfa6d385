"""Audit lines: who came in, who was turned away and who changed something, each as one JSON object in the log."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

LOGGER = "latentwalk.audit"


def note(event: str, **facts: Any) -> None:
    """Write a line. No secret, no query string and no picture belongs into one."""
    said = {name: fact for name, fact in facts.items() if fact not in (None, "")}
    level = logging.WARNING if event == "refused" else logging.INFO
    logging.getLogger(LOGGER).log(level, event, extra={"facts": {"event": event, **said}})


class JsonFormatter(logging.Formatter):
    """Any record as one line of JSON: time, level, logger, message, and the facts that came along."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "logger": record.name}
        facts = getattr(record, "facts", None)
        line |= facts if facts is not None else {"message": record.getMessage()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainFormatter(logging.Filter):
    """A start that was refused for a reason is told as that reason, not as the way the program took to it."""

    REASON = re.compile(r"Traceback .*^server\.errors\.\w+: (?P<reason>.*)", re.DOTALL | re.MULTILINE)

    def filter(self, record: logging.LogRecord) -> bool:
        if found := self.REASON.match(record.getMessage()):
            record.msg, record.args = " ".join(found["reason"].split()), ()
        return True


def logging_settings(as_json: bool, level: str = "INFO") -> dict[str, Any]:
    """logging.config's dictionary: from `level` on to stderr; audit lines as JSON always, the rest where `as_json`."""
    usual = "json" if as_json else "words"
    formatters: dict[str, Any] = {"json": {"()": JsonFormatter}, "words": {"format": "%(levelname)s: %(message)s"}}
    handlers = {
        name: {"class": "logging.StreamHandler", "formatter": how, "stream": "ext://sys.stderr", "filters": ["plain"]}
        for name, how in (("usual", usual), ("audit", "json"))
    }
    loggers: dict[str, Any] = {
        "server": {"handlers": ["usual"], "level": level, "propagate": False},
        "uvicorn": {"handlers": ["usual"], "level": level, "propagate": False},
        LOGGER: {"handlers": ["audit"], "level": level, "propagate": False},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"plain": {"()": PlainFormatter}},
        "formatters": formatters,
        "handlers": handlers,
        "loggers": loggers,
    }
