"""Reads every file of a folder in an audited process: how it is refused, how long that takes, and what it touches."""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import time
import traceback
from pathlib import Path

WATCHED_EVENTS = (
    "import",
    "exec",
    "compile",
    "open",
    "pickle.find_class",
    "marshal.loads",
    "code.__new__",
    "function.__new__",
)
WATCHED_PREFIXES = ("os", "subprocess", "socket", "shutil", "ctypes", "tempfile", "glob")


def main(folder: str, megabytes: int) -> None:
    """Print one JSON line: by file name, the refusal (or what went wrong), the seconds, and every audit event."""
    from models.importing.limits import FileRefused, Limits
    from models.importing.read_in_sandbox import read

    warm_up = b"\x80\x04N."
    with contextlib.suppress(FileRefused):
        read(memoryview(warm_up))
    files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    events: list[str] = []

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in WATCHED_EVENTS or event.partition(".")[0] in WATCHED_PREFIXES:
            events.append(f"{event} {str(arguments)[:80]}")

    status = Path("/proc/self/status").read_text() if sys.platform == "linux" else "VmSize: 2000000 kB"
    address_space = int(status.partition("VmSize:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (address_space + megabytes * 2**20,) * 2)
    sys.addaudithook(audit)
    verdicts = {}
    for name, data in files.items():
        events.clear()
        start = time.monotonic()
        try:
            read(memoryview(data), limits=Limits(opcodes=500_000))
            verdict = ["read", "", ""]
        except FileRefused as error:
            verdict = ["refused", str(error), error.hint]
        except BaseException as error:
            verdict = ["failed", type(error).__name__, traceback.format_exc()[-600:]]
        verdicts[name] = [*verdict, time.monotonic() - start, list(events)]
    events.clear()
    sys.stdout.write(json.dumps(verdicts))


main(sys.argv[1], int(sys.argv[2]))
