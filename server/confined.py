"""Files of strangers that a decoder must see are opened in a process of their own: little memory, little time, gone
afterwards whatever happened in it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from server.errors import Invalid

Task = Literal["listen", "look"]
SECONDS, MEMORY, FILE = 60, 2 * 2**30, 400 * 2**20
LARGEST_ANSWER = 2**20
ROOT = Path(__file__).parent.parent


def run(task: Task, *paths: Path) -> dict[str, Any]:
    """What the task says of the file at the first path; Invalid, with a sentence, where it cannot be read."""
    command = [sys.executable, "-m", "server.confined", task, *map(str, paths)]
    try:
        done = subprocess.run(
            command, check=False, cwd=ROOT, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Invalid("That file takes too long to read.", "Bring a shorter one.") from None
    except OSError as error:
        raise Invalid("That file could not be opened here.", "Try again in a moment.") from error
    answer: Any = None
    if done.returncode == 0 and len(done.stdout) <= LARGEST_ANSWER:
        with contextlib.suppress(ValueError):
            answer = json.loads(done.stdout)
    if not isinstance(answer, dict):
        raise Invalid("That file cannot be read: it is damaged, or not what it says.", "Bring another.")
    if "refused" in answer:
        raise Invalid(f"That file cannot be used: {str(answer['refused'])[:200]}.", "Bring another.")
    return answer


def _limit() -> None:
    try:
        import resource
    except ImportError:
        return  # not a system with limits; the time is limited from outside
    for kind, most in (
        (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_NOFILE, 64), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _main(task: str, paths: list[Path]) -> dict[str, Any]:
    _limit()
    try:
        if task == "listen":
            from server.films.sounds import listen

            return listen(*paths)
        from server.provenance.glance import glance

        return glance(*paths)
    except ValueError as error:
        return {"refused": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_main(sys.argv[1], [Path(name) for name in sys.argv[2:]])))
