"""`latentwalk doctor`: check the installation and the home, and repair the home."""

from __future__ import annotations

import click

from server.cli import output
from server.cli.options import as_json


@click.command()
@click.option("--repair", "repairing", is_flag=True, help="Repair the home first; stop the server before.")
@as_json
@click.pass_context
def doctor(context: click.Context, repairing: bool, as_json: bool) -> None:
    """Check this installation and its home.

    The exit status is 1 where something is broken. --repair moves what can no longer be used to the folder "damaged"
    in the home; it never deletes anything.
    """
    from server.ops.doctor import examine, repair

    repairs = repair() if repairing else []
    if repairs and not as_json:
        output.print_checks(repairs, True, as_json)
    checks = examine()
    healthy = all(check.state != "broken" for check in checks)
    output.print_checks(checks, healthy, as_json)
    context.exit(0 if healthy else 1)
