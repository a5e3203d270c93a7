"""The program: every command under its name, in the order a newcomer meets them.

Each `commands_*` module holds signatures and help; what a command does is imported when it is called.
"""

from typing import Annotated

import typer

from camel_ext.cli import (
    commands_annotations,
    commands_datasets,
    commands_evaluation,
    commands_experiments,
    commands_forks,
    commands_interactions,
    commands_jobs,
    commands_notifications,
    commands_queues,
    commands_runs,
    commands_schedules,
    commands_server,
    commands_settings,
    commands_training,
)

program = typer.Typer(
    name="camel-ext",
    help="Teams of LLM agents that measurably improve, on your own hardware.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="[dim]New here?[/]  [cyan]camel-ext demo[/] shows a team at work, "
    "[cyan]camel-ext up[/] starts the server.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from camel_ext import __version__

        typer.echo(f"camel-ext {__version__}")
        raise typer.Exit


@program.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Teams of LLM agents that measurably improve, on your own hardware."""


commands_server.register(program)
commands_jobs.register(program)
commands_runs.register(program)
commands_forks.register(program)
commands_interactions.register(program)
commands_schedules.register(program)
commands_notifications.register(program)
commands_annotations.register(program)
commands_queues.register(program)
commands_evaluation.register(program)
commands_experiments.register(program)
commands_training.register(program)
commands_datasets.register(program)
commands_settings.register(program)
