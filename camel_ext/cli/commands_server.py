"""Commands that start processes or look at this machine: up, worker, version."""

from typing import Annotated

import typer

from camel_ext.cli.command import Here, command

PANEL = "The platform"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "up", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=["camel-ext up", "camel-ext up --port 9000 --data-dir ./var/data"],
    )(up)  # fmt: skip
    command(
        app, "worker", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=["CAMEL_EXT_DATABASE__URL=postgresql://localhost/camel camel-ext worker"],
    )(worker)  # fmt: skip
    command(app, "doctor", panel=PANEL, examples=["camel-ext doctor"])(doctor)
    command(
        app, "version", panel=PANEL, common=("as_json", "debug"), examples=["camel-ext version"]
    )(version)


def up(
    here: Here,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. Default: this machine only.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", "-p", min=0, max=65535, help="Port to listen on; 0 takes a free one."
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the API's pages in a browser.")
    ] = False,
) -> None:
    """Start the server: API, worker and local model in one process."""
    from camel_ext.cli.server import serve

    serve(here, host, port, open_browser=open_browser)


def worker(here: Here) -> None:
    """Run jobs of a server on PostgreSQL from another process, without HTTP."""
    from camel_ext.cli.server import work

    work(here)


def doctor(here: Here) -> None:
    """Check that everything is here that the platform needs, by really trying it."""
    from camel_ext.cli.doctor import doctor as examine

    examine(here)


def version(here: Here) -> None:
    """Say the version."""
    from camel_ext import __version__

    if here.as_json:
        here.answer({"version": __version__})
    else:
        typer.echo(f"camel-ext {__version__}")
