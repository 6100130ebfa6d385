"""A progress bar of one line of text, for terminals and notebooks."""

from __future__ import annotations

import sys

from latentwalk.progress import Progress

WIDTH = 30
LONGEST_MESSAGE = 48


def text_bar(progress: Progress) -> None:
    """Show progress as one line on standard error. Pass it as `progress=lw.text_bar`."""
    done = min(max(progress.share, 0.0), 1.0)
    bar = "#" * round(WIDTH * done)
    message = progress.message[:LONGEST_MESSAGE].ljust(LONGEST_MESSAGE)
    end = "\n" if done >= 1 else ""
    print(f"\r[{bar.ljust(WIDTH)}] {done:4.0%} {message}", end=end, file=sys.stderr, flush=True)
