"""A progress bar of one line of text, for terminals and notebooks."""

from __future__ import annotations

import sys

from latentwalk.progress import Progress

WIDTH = 30
LONGEST_MESSAGE = 48


class TextBar:
    """Shows the progress of one piece of work as one line on standard error: `progress=lw.TextBar()`."""

    def __init__(self) -> None:
        self._line = ""

    def __call__(self, progress: Progress) -> None:
        """Draw the bar anew if it changed. It ends with a line break at 100 %."""
        done = min(max(progress.share, 0.0), 1.0)
        bar = "#" * round(WIDTH * done)
        message = "Done" if done >= 1 else progress.message[:LONGEST_MESSAGE]
        line = f"[{bar.ljust(WIDTH)}] {done:4.0%} {message.ljust(LONGEST_MESSAGE)}"
        if line != self._line:
            self._line = line
            print(f"\r{line}", end="\n" if done >= 1 else "", file=sys.stderr, flush=True)
