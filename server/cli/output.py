"""The output of commands: tables, figures and JSON on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # these import torch, without which --help must answer
    from latentwalk.directions.direction import Direction
    from latentwalk.progress import Progress
    from server.ops.check import Check


MOST_TENSORS = 12  # listed before the rest is left out


def refuse(message: str, hint: str = "") -> None:
    """Print an error on stderr: its message and, below it, its hint."""
    click.echo(f"Error: {message}", err=True)
    if hint:
        click.echo(f"       {hint}", err=True)


def print_json(value: Any) -> None:
    """Print JSON for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def print_figures(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print figures as JSON, or as lines for people."""
    (print_json if as_json else print_card)(figures)


def print_generators(views: Iterable[Mapping[str, Any]]) -> None:
    """Print generators, given as the JSON views that the server sends."""
    rows = [("name", "title", "size", "installed", "licence")]
    for view in views:
        installed = "yes" if view["installed"] else "no"
        rows.append((view["name"], view["title"], f"{view['resolution']} px", installed, view["card"]["licence"]))
    print_table(rows)


def print_directions(directions: Iterable[Direction]) -> None:
    """Print directions with their measured ranges."""
    rows = [("id", "group", "from", "to", "verdict", "note")]
    for direction in directions:
        low, high = (direction.unit.describe(end) for end in direction.range)
        rows.append((direction.id, direction.group, low, high, direction.verdict, direction.note))
    print_table(rows)


def print_regressors(views: Iterable[Mapping[str, Any]]) -> None:
    """Print regressors, given as the JSON views that the server sends."""
    rows = [("name", "title", "kind", "origin", "ready", "measures")]
    for view in views:
        status = "download it" if not view["installed"] else "fill in its card" if view["missing"] else "yes"
        rows.append((view["name"], view["title"], view["kind"], view["origin"], status, view["card"]["measures"][:60]))
    print_table(rows)


def _graph_lines(graph: Mapping[str, Any] | None) -> dict[str, str]:
    # How an ONNX graph is taken; nothing for other files.
    if graph is None:
        return {}
    source = "as given" if graph["is_range_given"] else "guessed"
    evidence = f"{source}; values seen: {graph['low']:.3g} to {graph['high']:.3g} in {graph['samples']} images"
    inputs = ", ".join(f"{name} = {role} ({dtype} {shape})" for name, role, dtype, shape in graph["inputs"])
    return {"range": f"{graph['range']} ({evidence}); change it with --range", "inputs": inputs}


def print_passport(passport: Mapping[str, Any]) -> None:
    """Print what a checkpoint holds, the list of tensors last and shortened."""
    sizes, tensors = passport["sizes"], passport["tensors"]
    click.echo(f"{passport['format']}: a {passport['family']} of {sizes['width']} x {sizes['height']} px.")
    lines = {
        "channels": sizes["channels"],
        "classes": sizes["classes"] or "none",
        "latent": f"z of {sizes['z']}" + (f", w of {sizes['w']} on {sizes['layers']} layers" if sizes["w"] else ""),
        "file": f"{passport['bytes']:,} bytes, sha256 {passport['sha256']}",
        "weights": f"{passport['numbers']:,} numbers in {len(tensors)} tensors",
        "golden hash": passport["golden"],
        "licence": passport["licence"] or "not stated",
        **_graph_lines(passport.get("graph")),
        "pickle": f"{len(passport['names'])} names, none imported, {len(passport['inert'])} replaced by placeholders",
    }
    print_table([("passport", ""), *((name, str(value)) for name, value in lines.items())])
    for name in passport["inert"]:
        click.echo(f"  placeholder for {name}")
    for name, sum in passport["sources"].items():
        click.echo(f"  source of {name}, not executed: sha256 {sum}")
    for note in passport["notes"]:
        click.echo(f"  {note}")
    for tensor in tensors[:MOST_TENSORS]:
        click.echo(f"  {tensor['name']}  {tensor['dtype']} {list(tensor['shape'])}")
    if len(tensors) > MOST_TENSORS:
        click.echo(f"  and {len(tensors) - MOST_TENSORS} more; --json lists all.")


def print_checks(checks: Sequence[Check], healthy: bool, as_json: bool) -> None:
    """Print the results of the doctor, those that are broken again on stderr."""
    if as_json:
        return print_json({"ok": healthy, "checks": [asdict(check) for check in checks]})
    print_table([("check", "state", "found"), *((check.name, check.state, check.found) for check in checks)])
    for check in checks:
        if check.state == "broken":
            refuse(f"{check.name}: {check.found}", check.hint)
    return None


def print_card(figures: Mapping[str, Any]) -> None:
    """Print a report card: one figure per line, nested ones indented."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            click.echo(f"{name}:" if value else f"{name}: -")
            for inner, figure in value.items():
                click.echo(f"  {inner}: {_short(figure)}")
        elif name in ("reached", "raw", "oracle") and value:
            click.echo(f"{name}:")
            for row in value:
                click.echo("  " + "  ".join(f"{number:9.4g}" for number in row))
        else:
            click.echo(f"{name}: {_short(value)}")


def progress() -> Callable[[Progress], None]:
    """A progress bar on stderr: one line that rewrites itself in a terminal, a line for each tenth elsewhere."""
    live = sys.stderr.isatty()
    printed = -1

    def show(progress: Progress) -> None:
        nonlocal printed
        step = int(progress.share * (100 if live else 10))
        if step == printed:
            return
        printed = step
        line = f"{progress.share:4.0%}  {progress.message}"
        click.echo(f"\r{line:<70}" if live else line, err=True, nl=not live or progress.share >= 1)

    return show


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(_short(inner) for inner in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
