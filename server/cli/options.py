"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Span(click.ParamType[tuple[str, tuple[int, int]]]):
    """NAME=A-B: the layers from A up to, and without, B."""

    name = "NAME=A-B"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, tuple[int, int]]:
        name, equals, span = str(value).partition("=")
        found = span_of(span)
        if not name or not equals or found is None:
            self.fail(f"“{value}” is not a name, an equals sign and layers such as 4-8", parameter, context)
        return name, found


def span_of(text: str) -> tuple[int, int] | None:
    """ "4-8" as (4, 8); None where it is no such text."""
    first, dash, stop = text.partition("-")
    return (int(first), int(stop)) if dash and first.isdecimal() and stop.isdecimal() else None


on = click.option("--generator", required=True, metavar="G", help="Name of a generator; see `latentwalk generators`.")
device = click.option("--device", metavar="D", help="auto, cpu, mps or cuda:N.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def path(*names: str, **more: Any) -> Callable[[F], F]:
    """An option that names a file or folder."""
    return click.option(*names, type=click.Path(path_type=Path), **more)


def texts(parts: dict[str, str]) -> Callable[[F], F]:
    """An option that takes a text for each of the parts, whose values are what its help says."""

    def decorate(function: F) -> F:
        for part, help in reversed(parts.items()):
            function = click.option(f"--{part}", metavar="TEXT", help=help)(function)
        return function

    return decorate
