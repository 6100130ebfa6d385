"""Names and origins: under which names we are reached, and whose pages may write to us. Exact lists, no patterns."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

LOCAL = ("localhost", "127.0.0.1", "[::1]")
WILDCARDS = ("0.0.0.0", "[::]")
SAFE = ("GET", "HEAD", "OPTIONS")
OURS = ("same-origin", "none")  # of Sec-Fetch-Site: our own page, or somebody who typed the address


@dataclass(frozen=True, slots=True)
class HostRefusal:
    """Why somebody is turned away: an answer's status, the one shape of errors, and a word for the metrics."""

    status: int
    code: str
    message: str
    hint: str = ""
    reason: str = ""
    retry: int | None = None

    def view(self) -> dict[str, str]:
        """The one shape."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


FOREIGN_NAME = HostRefusal(
    403,
    "forbidden",
    "This server is not known under that name.",
    "Use localhost, or add the name to LATENTWALK_ALLOWED_HOSTS.",
    "host",
)
FOREIGN_PAGE = HostRefusal(
    403, "forbidden", "Another site's page may not do that.", "Open Latentwalk's own page.", "origin"
)


class HostPolicy:
    """The names that this server answers to. A name may come with a port, and is then known with that one alone."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._names = {name.lower() for name in (*LOCAL, *(_bracketed(name) for name in hosts))}
        self._anywhere = not self._names.isdisjoint(WILDCARDS)

    def refusal(self, scope: Scope, headers: Headers) -> HostRefusal | None:
        """Why this request or handshake is none of ours; None where it is.

        A missing Origin is let through: browsers always send it with a socket or a write, so its absence means a
        program, which could write any header it likes and needs the token like everybody.
        """
        host = headers.get("host", "").lower()
        if not self._knows(host):
            return FOREIGN_NAME
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE
        site = headers.get("sec-fetch-site", "none")
        if site not in OURS and (writes or headers.get("sec-fetch-mode") != "navigate"):
            return FOREIGN_PAGE
        origin = headers.get("origin")
        if writes and origin is not None and origin.lower() not in _origins(scope, host):
            return FOREIGN_PAGE
        return None

    def _knows(self, host: str) -> bool:
        name = _without_port(host)
        # Rebinding needs a name; whoever listens on every address is reached under addresses that it does not know.
        return host in self._names or name in self._names or (self._anywhere and _is_address(name))


def _origins(scope: Scope, host: str) -> tuple[str, ...]:
    # A proxy may speak https for us; but a page that came over https is not ours where its plain sister asks.
    secure = scope["scheme"] in ("https", "wss")
    return (f"https://{host}",) if secure else (f"http://{host}", f"https://{host}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _bracketed(name: str) -> str:
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
