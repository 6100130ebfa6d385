"""The `latentwalk` command: assembles the commands, and prints refused requests as errors."""

from __future__ import annotations

from typing import Any

import click

from latentwalk.errors import LatentwalkError
from server.cli import output, stop_signals
from server.cli.bench.command import bench
from server.cli.commands import (
    directions,
    doctor,
    films,
    generators,
    learn,
    provenance,
    regressors,
    render,
    scenes,
    serve,
    token,
    train,
    workspace,
)
from server.engine import openmp

COMMANDS: tuple[click.Command, ...] = (
    serve.serve,
    generators.generators,
    generators.pull,
    generators.import_generator,
    render.render,
    render.grid,
    directions.directions,
    learn.learn,
    directions.discover,
    directions.measure,
    directions.sliders,
    regressors.regressors,
    films.export,
    films.walk,
    provenance.check_provenance,
    scenes.scenes,
    train.train,
    bench,
    workspace.workspace,
    token.token,
    doctor.doctor,
)


class CommandGroup(click.Group):
    """Prints an error as a message and a hint on stderr, with exit status 1; wrong usage is click's own 2."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except LatentwalkError as error:
            output.refuse(str(error), error.hint)
            return context.exit(1)


@click.group(
    cls=CommandGroup,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="latentwalk")
def main() -> None:
    """Steer image generators with sliders whose meaning was learned and measured."""
    openmp.set_spin_count()
    stop_signals.treat_termination_as_interrupt()


if __name__ == "__main__":
    main()
