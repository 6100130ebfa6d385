"""Runs Firefox for Playwright and answers the one WebDriver BiDi command that the extended-support release lacks.

    python bidi_relay.py FIREFOX ARGUMENTS…

Playwright starts this in place of Firefox. `emulation.setMediaFeaturesOverride`, with which it sets a colour scheme in
every new tab, is newer than that release; nothing here depends on the scheme.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

MISSING = "emulation.setMediaFeaturesOverride"


async def run(firefox: str, arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(firefox, *arguments, stderr=asyncio.subprocess.PIPE)
    assert process.stderr
    address = None
    while address is None and (line := await process.stderr.readline()):
        address = re.search(r"WebDriver BiDi listening on (ws://\S+)", line.decode(errors="replace"))
    if address is None:
        sys.exit("Firefox ended before it listened.")

    async def relay(playwright: ServerConnection) -> None:
        assert playwright.request
        async with connect(address[1] + playwright.request.path, max_size=None) as browser:

            async def asked() -> None:
                async for message in playwright:
                    command = json.loads(message)
                    if command["method"] == MISSING:
                        await playwright.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
                    else:
                        await browser.send(message)

            async def answered() -> None:
                async for message in browser:
                    await playwright.send(message)

            both = [asyncio.create_task(asked()), asyncio.create_task(answered())]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in both:
                task.cancel()

    async def ignored() -> None:
        assert process.stderr
        while await process.stderr.readline():
            pass

    async with serve(relay, "127.0.0.1", 0, max_size=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        print(f"WebDriver BiDi listening on ws://127.0.0.1:{port}", file=sys.stderr, flush=True)
        await asyncio.gather(ignored(), process.wait())


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2:]))
