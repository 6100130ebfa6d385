"""Coverage-guided fuzzing of one reader with atheris: `python -m tests.attacks.fuzzing.fuzz READER FOLDER --seconds N`.

FOLDER keeps the inputs that reach new code from run to run; an input that breaks the reader is written there as
crash-*, timeout-* or oom-*, and the exit status is not zero.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

OUR_CODE = ["models", "latentwalk", "server"]
MEGABYTES = 1024  # that the whole process may take; torch's libraries are a third of it


def main() -> None:
    """Fuzz the reader that the command line names."""
    from tests.attacks.fuzzing import seeds, targets

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=sorted(targets.TARGETS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    target = targets.TARGETS[arguments.reader]
    with atheris.instrument_imports(include=OUR_CODE):  # for what these two import
        inputs = [*seeds.kept(arguments.reader), *seeds.whole_files(arguments.reader)]
        target(b"")
    for data in inputs:
        (arguments.folder / hashlib.sha256(data).hexdigest()[:32]).write_bytes(data)
    options = [
        f"-max_total_time={arguments.seconds}", f"-max_len={targets.LARGEST}", f"-timeout={targets.SECONDS:.0f}",
        f"-rss_limit_mb={MEGABYTES}", "-use_value_profile=1", "-print_final_stats=1", "-detect_leaks=0",
        f"-artifact_prefix={arguments.folder}/",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(arguments.folder)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
