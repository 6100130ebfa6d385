"""Host names and origins: protection against DNS rebinding and cross-site requests, with exact lists, no patterns."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from server.auth.authenticator import without_port

LOCAL = ("localhost", "127.0.0.1", "[::1]")
WILDCARDS = ("0.0.0.0", "[::]")
SAFE = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site: the server's own page, or a typed address


@dataclass(frozen=True, slots=True)
class HostRefusal:
    """A refusal: the response's status, its error, the reason for the metrics, and seconds until a retry."""

    status: int
    code: str
    message: str
    hint: str = ""
    reason: str = ""
    retry: int | None = None

    def view(self) -> dict[str, str]:
        """The error as JSON."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


UNKNOWN_HOST = HostRefusal(
    403,
    "forbidden",
    "This server does not answer to that host name.",
    "Use localhost, or add the name to LATENTWALK_ALLOWED_HOSTS.",
    "host",
)
SEVERAL_HOSTS = HostRefusal(
    400, "invalid", "The request has several Host headers.", "Send one; a proxy may add a second one.", "host"
)
OTHER_SITE = HostRefusal(
    403,
    "forbidden",
    "A page of another site may not do that.",
    "Open Latentwalk's own page. If this is its page behind a proxy, add the host name in the page's address, with its "
    "port if it has one, to LATENTWALK_ALLOWED_HOSTS.",
    "origin",
)


class HostPolicy:
    """The host names that this server answers to. A name with a port is valid with that port only."""

    def __init__(self, hosts: Iterable[str]) -> None:
        own = {_bracketed(name).lower() for name in hosts}
        self._names = own.union(LOCAL)
        # Pages of these hosts are ours. A local name is one only with its port: other ports are other programs' pages.
        self._sites = own.difference(LOCAL, WILDCARDS)
        self._any_address = not self._names.isdisjoint(WILDCARDS)

    def refusal(self, scope: Scope, headers: Headers) -> HostRefusal | None:
        """Why a request or handshake is refused, None if it is not.

        A missing Origin is allowed: browsers always send it with a socket or a write, so its absence means a program,
        which could send any header and needs a token like everyone else.
        """
        if len(headers.getlist("host")) > 1:  # a proxy may have checked one of them, and we another
            return SEVERAL_HOSTS
        host = headers.get("host", "").lower()
        if not self._is_known(host):
            return UNKNOWN_HOST
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE
        site = headers.get("sec-fetch-site", "none")
        if site not in OWN_SITES and (writes or headers.get("sec-fetch-mode") != "navigate"):
            return OTHER_SITE
        origin = headers.get("origin")
        if writes and origin is not None and not self._is_own_page(scope, host, origin.lower()):
            return OTHER_SITE
        return None

    def _is_own_page(self, scope: Scope, host: str, origin: str) -> bool:
        if origin in _origins(scope, host):
            return True
        # Most proxies put their own name for this server into Host, so that it differs from that in the browser.
        scheme, separator, site = origin.partition("://")
        if not separator or scheme not in ("http", "https"):
            return False
        return site in self._sites or without_port(site) in self._sites

    def _is_known(self, host: str) -> bool:
        name = without_port(host)
        # DNS rebinding needs a name. A server that listens on every address cannot know all of its addresses.
        return host in self._names or name in self._names or (self._any_address and _is_address(name))


def _origins(scope: Scope, host: str) -> tuple[str, ...]:
    # A proxy may add TLS, so that a plain request may come from an https page; the reverse is another site.
    secure = scope["scheme"] in ("https", "wss")
    return (f"https://{host}",) if secure else (f"http://{host}", f"https://{host}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _bracketed(name: str) -> str:
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
