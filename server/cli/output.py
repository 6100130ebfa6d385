"""How the command speaks: tables, cards and JSON on stdout, progress and refusals on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:  # the command must answer --help without torch, which these need
    from latentwalk.directions.direction import Direction
    from latentwalk.progress import Progress
    from server.ops.check import Check


MOST_TENSORS = 12  # of an inventory, before it is cut


def refuse(message: str, hint: str = "") -> None:
    """A refusal: its sentence, and below it what to do next."""
    click.echo(f"Error: {message}", err=True)
    if hint:
        click.echo(f"       {hint}", err=True)


def plain(value: Any) -> None:
    """JSON, as programs want it."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in columns as wide as they need; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, row in enumerate(rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def answer(figures: Mapping[str, Any], as_json: bool) -> None:
    """Figures as JSON or for people."""
    (plain if as_json else card)(figures)


def generators(found: Iterable[Mapping[str, Any]]) -> None:
    """Generators in the shape the server shows them."""
    rows = [("name", "title", "size", "installed", "licence")]
    for one in found:
        installed = "yes" if one["installed"] else "no"
        rows.append((one["name"], one["title"], f"{one['resolution']} px", installed, one["card"]["licence"]))
    table(rows)


def directions(found: Iterable[Direction]) -> None:
    """Directions with the spans that were measured."""
    rows = [("id", "group", "from", "to", "verdict", "note")]
    for one in found:
        low, high = (one.unit.describe(end) for end in one.range)
        rows.append((one.id, one.group, low, high, one.verdict, one.note))
    table(rows)


def regressors(found: Iterable[Mapping[str, Any]]) -> None:
    """Judges in the shape the server shows them."""
    rows = [("name", "title", "kind", "origin", "ready", "measures")]
    for one in found:
        ready = "fetch it" if not one["installed"] else "fill in its card" if one["missing"] else "yes"
        rows.append((one["name"], one["title"], one["kind"], one["origin"], ready, one["card"]["measures"][:60]))
    table(rows)


def passport(found: Mapping[str, Any]) -> None:
    """What a stranger's checkpoint holds, the inventory last and cut to its first lines."""
    sizes, tensors = found["sizes"], found["tensors"]
    click.echo(f"{found['format']}: a {found['family']} of {sizes['width']} x {sizes['height']} px.")
    lines = {
        "channels": sizes["channels"],
        "classes": sizes["classes"] or "none",
        "latent": f"z of {sizes['z']}" + (f", w of {sizes['w']} on {sizes['layers']} layers" if sizes["w"] else ""),
        "file": f"{found['bytes']:,} bytes, sha256 {found['sha256']}",
        "weights": f"{found['numbers']:,} numbers in {len(tensors)} tensors",
        "golden": found["golden"],
        "licence": found["licence"] or "not told",
        "names": f"{len(found['names'])} named, none imported, {len(found['inert'])} made inert",
    }
    table([("passport", ""), *((name, str(value)) for name, value in lines.items())])
    for name in found["inert"]:
        click.echo(f"  inert: {name}")
    for name, sum in found["sources"].items():
        click.echo(f"  source of {name}, not run: sha256 {sum}")
    for note in found["notes"]:
        click.echo(f"  {note}")
    for tensor in tensors[:MOST_TENSORS]:
        click.echo(f"  {tensor['name']}  {tensor['dtype']} {list(tensor['shape'])}")
    if len(tensors) > MOST_TENSORS:
        click.echo(f"  and {len(tensors) - MOST_TENSORS} more; --json names all.")


def checks(found: Sequence[Check], healthy: bool, as_json: bool) -> None:
    """What the doctor found, what is broken last and on stderr."""
    if as_json:
        return plain({"ok": healthy, "checks": [asdict(check) for check in found]})
    table([("check", "state", "found"), *((check.name, check.state, check.found) for check in found)])
    for check in found:
        if check.state == "broken":
            refuse(f"{check.name}: {check.found}", check.hint)
    return None


def card(figures: Mapping[str, Any]) -> None:
    """A report card: one figure a line, nested ones indented."""
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
    """A reporter: one line that rewrites itself in a terminal, a line for each tenth elsewhere."""
    live = sys.stderr.isatty()
    shown = -1

    def show(now: Progress) -> None:
        nonlocal shown
        step = int(now.share * (100 if live else 10))
        if step == shown:
            return
        shown = step
        line = f"{now.share:4.0%}  {now.message}"
        click.echo(f"\r{line:<70}" if live else line, err=True, nl=not live or now.share >= 1)

    return show


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(_short(inner) for inner in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
