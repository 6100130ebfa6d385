"""A W3C WebDriver client: as much of the protocol as one journey through the page needs."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

KEYS = {"PageUp": "\ue00e", "Delete": "\ue017", "Enter": "\ue007"}


class WebDriver:
    """One session of a browser whose driver listens at an address."""

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self._address = address
        self._session = ""
        created = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{created['sessionId']}"

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self._address}{self._session}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            told = json.load(error)["value"]
            raise AssertionError(f"{path}: {told['error']}: {told['message']}") from None

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def close(self) -> None:
        self._ask("DELETE", "")

    def resize(self, width: int, height: int) -> None:
        self._ask("POST", "/window/rect", {"width": width, "height": height})

    def run(self, script: str, *values: Any) -> Any:
        """What a function body returns in the page; its arguments are `arguments`."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(values)})

    def wait(self, script: str, *values: Any, seconds: float = 60) -> Any:
        """What a function body returns once that is true."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script, *values)):
            assert time.monotonic() < deadline, f"still not: {script} {values}"
            time.sleep(0.1)
        return found

    def press(self, *keys: str) -> None:
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, *places: tuple[float, float]) -> None:
        """Press at the first place, move through the others, let go at the last; one place is a click."""
        moves = [{"type": "pointerMove", "duration": 60, "x": round(x), "y": round(y)} for x, y in places]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self._ask("POST", "/actions", {"actions": [mouse]})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))
