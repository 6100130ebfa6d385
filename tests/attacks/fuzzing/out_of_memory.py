"""Runs one reader while the n-th memory allocation fails, for n from 1 on, and prints what became of each run.

`_testcapi.set_nomemory` makes CPython's allocators fail (SQLite's tests call the method "out-of-memory errors at every
allocation"). Each run is a process of its own, forked, because a failure may end it.
"""

from __future__ import annotations

import _testcapi
import json
import os
import sys
from collections import Counter
from typing import Any

from tests.attacks.fuzzing import seeds, targets

DONE, OUT_OF_MEMORY, BROKEN = 0, 3, 4  # exit statuses
# What the C code of CPython, csv, ctypes, NumPy, torch and safetensors raises instead of a MemoryError.
MEMORY_MESSAGES = (
    "allocate", "MemoryError", "without exception set", "with an exception set", "NULL without", "null pointer",
    "pointer is null", "lineterminator must be set",
)  # fmt: skip


def run(target: Any, data: bytes, number: int) -> int:
    """The exit status of a process in which the allocation `number` fails, and all allocations after it do not."""
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            _testcapi.set_nomemory(number, number + 1)
            try:
                target(data)
            finally:
                _testcapi.remove_mem_hooks()
            code = DONE
        except MemoryError:
            code = OUT_OF_MEMORY
        except BaseException as error:
            code = OUT_OF_MEMORY if any(message in str(error) for message in MEMORY_MESSAGES) else BROKEN
            if code == BROKEN:
                os.write(2, f"allocation {number}: {type(error).__name__}: {error}\n".encode()[:300])
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(reader: str, count: int, step: int) -> None:
    """Print, as JSON, how often each exit status occurred over `count` allocations: 1, 1 + step, ..."""
    target = targets.TARGETS[reader]
    data = max(seeds.whole_files(reader), key=len)
    target(data)
    target(data)  # imports and caches are warm: a run that succeeds allocates what the reader itself needs
    counts: Counter[int] = Counter()
    for number in range(1, 1 + step * count, step):
        counts[run(target, data, number)] += 1
    sys.stdout.write(json.dumps(counts) + "\n")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
