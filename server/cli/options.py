"""Options and parameter types that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

MOST_SEEDS = 64  # in one range
F = TypeVar("F", bound=Callable[..., Any])


class NameNumber(click.ParamType[tuple[str, float]]):
    """NAME=NUMBER."""

    name = "NAME=NUMBER"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, float]:
        """The name and the number."""
        name, equals, number = str(value).partition("=")
        try:
            if not name or not equals:
                raise ValueError
            return name, float(number)
        except ValueError:
            self.fail(f"“{value}” is not a name, an equals sign and a number", parameter, context)


class NameLayers(click.ParamType[tuple[str, tuple[int, int]]]):
    """NAME=A-B: the layers from A up to, but not including, B."""

    name = "NAME=A-B"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, tuple[int, int]]:
        """The name and the two layers."""
        name, equals, text = str(value).partition("=")
        layers = parse_layers(text)
        if not name or not equals or layers is None:
            self.fail(f"“{value}” is not a name, an equals sign and layers such as 4-8", parameter, context)
        return name, layers


class SeedList(click.ParamType[list[int]]):
    """Seeds and ranges of seeds, both ends included: 1-9,12."""

    name = "A-B,C"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> list[int]:
        """The seeds in the order given, each once."""
        seeds: dict[int, None] = {}
        for part in str(value).split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()):
                self.fail(f"“{value[:40]}” is not a list of seeds such as 1-9,12", parameter, context)
            stop = int(last) if dash else int(first)
            if not 0 <= stop - int(first) < MOST_SEEDS:
                self.fail(f"“{part[:40]}” is not a range of 1 to {MOST_SEEDS} seeds", parameter, context)
            seeds.update(dict.fromkeys(range(int(first), stop + 1)))
        return list(seeds)


def parse_layers(text: str) -> tuple[int, int] | None:
    """ "4-8" as (4, 8); None for any other text."""
    first, dash, stop = text.partition("-")
    return (int(first), int(stop)) if dash and first.isdecimal() and stop.isdecimal() else None


generator = click.option(
    "--generator", required=True, metavar="G", help="Name of a generator; see `latentwalk generators`."
)
default_generator = click.option(
    "--generator", default="avatars", show_default=True, metavar="G", help="Name of a generator."
)
device = click.option("--device", metavar="D", help="auto, cpu, mps or cuda:N.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
out_folder = click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write the result to a folder instead of the library."
)


def path_option(*names: str, **more: Any) -> Callable[[F], F]:
    """An option that takes a path."""
    return click.option(*names, type=click.Path(path_type=Path), **more)


def path_argument(name: str) -> Callable[[F], F]:
    """An argument that is a path."""
    return click.argument(name, type=click.Path(path_type=Path))


def text_options(parts: dict[str, str]) -> Callable[[F], F]:
    """An option that takes a text, for each key of `parts`; the values are their help."""
    return combined(*(click.option(f"--{part}", metavar="TEXT", help=help) for part, help in parts.items()))


def combined(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several decorators as one; `--help` lists options in this order."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate
