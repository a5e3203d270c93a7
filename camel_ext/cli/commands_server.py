"""Commands that start processes or look at this machine: up, api, worker, scheduler, gui, doctor, ..."""

from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import CONNECTION, Here, command

PANEL = "The platform"
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65535,
        help="Answer /metrics and /health on this port of this machine. Default: on none.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "up", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=["camel-ext up", "camel-ext up --port 9000 --data-dir ./var/data"],
    )(up)  # fmt: skip
    command(app, "open", panel=PANEL, examples=["camel-ext open", "camel-ext open --link"])(open_)
    command(
        app, "api", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=[
            "CAMEL_EXT_DATABASE__URL=postgresql://localhost/camel camel-ext api",
            "camel-ext api --host 0.0.0.0 --port 8001",
        ],
    )(api)  # fmt: skip
    command(
        app, "worker", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=[
            "CAMEL_EXT_DATABASE__URL=postgresql://localhost/camel camel-ext worker",
            "camel-ext worker --queues training",
        ],
    )(worker)  # fmt: skip
    command(
        app, "scheduler", panel=PANEL, common=("data_dir", "as_json", "debug"),
        examples=["CAMEL_EXT_DATABASE__URL=postgresql://localhost/camel camel-ext scheduler"],
    )(scheduler)  # fmt: skip
    command(
        app, "migrate", panel=PANEL, common=("as_json", "debug"),
        examples=[
            "camel-ext migrate --from sqlite:///var/data/camel-ext.db "
            "--to postgresql://owner@db/camel",
        ],
    )(migrate)  # fmt: skip
    command(
        app, "engine", panel=PANEL, common=("data_dir", "debug"),
        examples=["camel-ext engine", "camel-ext engine --host 10.0.0.7 --port 8100"],
    )(engine)  # fmt: skip
    command(
        app, "demo", panel=PANEL, common=("debug",),
        examples=["camel-ext demo", "camel-ext demo --dir /tmp/demo --seed 7"],
    )(demo)  # fmt: skip
    command(
        app, "gui", panel=PANEL, common=("key", "data_dir", "debug"),
        examples=["camel-ext gui", "camel-ext gui --server https://camel.example.org"],
    )(gui)  # fmt: skip
    command(app, "status", panel=PANEL, examples=["camel-ext status", "camel-ext status --json"])(
        status
    )
    command(app, "doctor", panel=PANEL, examples=["camel-ext doctor"])(doctor)
    command(
        app, "version", panel=PANEL, common=("as_json", "debug"), examples=["camel-ext version"]
    )(version)


Host = Annotated[
    str | None, typer.Option("--host", help="Address to listen on. Default: this machine only.")
]
Port = Annotated[
    int | None,
    typer.Option("--port", "-p", min=0, max=65535, help="Port to listen on; 0 takes a free one."),
]


def up(
    here: Here,
    host: Host = None,
    port: Port = None,
    engine_threads: Annotated[
        int | None,
        typer.Option(
            "--engine-threads",
            min=0,
            max=256,
            help="Threads of the local model; fewer than cores where others compute, too.",
        ),
    ] = None,
    open_browser: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            help="Open the web app, signed in. Default: on a terminal with a screen.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the server: web app, API, worker and local model in one process."""
    from camel_ext.cli.server import serve

    serve(here, host, port, engine_threads, open_browser=open_browser)


def api(
    here: Here,
    host: Host = None,
    port: Port = None,
    local_model: Annotated[
        bool,
        typer.Option(
            "--local-model",
            help="Run the local model here, too. Default: ask `camel-ext engine`, if there is one.",
        ),
    ] = False,
) -> None:
    """Serve web app and API beside others on PostgreSQL; jobs are workers', clocks schedulers'.

    Start as many as you like, behind any balancer: each shows the same feed. Whoever comes first brings
    the database up to date.
    """
    from camel_ext.cli.server import serve_api

    serve_api(here, host, port, local_model=local_model)


def open_(
    here: Here,
    link_only: Annotated[
        bool, typer.Option("--link", help="Only print the link, for another browser.")
    ] = False,
) -> None:
    """Open the web app of a running server, signed in; the link works once."""
    from camel_ext.cli import browsing

    browsing.show_web(here, link_only=link_only)


def worker(
    here: Here,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues",
            "-q",
            metavar="NAMES",
            help="Only jobs of these queues, with commas: `workflows,evaluation`. Default: all.",
        ),
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Run jobs of a server on PostgreSQL from another process, without HTTP.

    It ends when it is told to, or once `camel-ext workers drain` was said and it holds no job.
    """
    from camel_ext.cli.server import work

    work(here, queues, metrics_port)


def scheduler(here: Here, metrics_port: MetricsPort = None) -> None:
    """Fire schedules of a server on PostgreSQL from another process; of several, one leads."""
    from camel_ext.cli.server import fire_schedules

    fire_schedules(here, metrics_port)


def migrate(
    here: Here,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="URL", help="The database that is moved; it stays as it is."
        ),
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="URL", help="An empty database; a password: ~/.pgpass.")
    ],
) -> None:
    """Move an installation to another database: SQLite to PostgreSQL, or back.

    All or nothing: it is committed once both sides were read and found equal. Stop the server
    before. Files stay in the data directory: start with the same one and the new
    CAMEL_EXT_DATABASE__URL.
    """
    from camel_ext.cli.moving import migrate as move

    move(here, source, target)


def engine(
    here: Here,
    host: Host = None,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="Port to listen on.")
    ] = 8100,
) -> None:
    """Serve this machine's local model to the platform's processes on others, behind a key.

    They ask it where CAMEL_EXT_SERVING__ENGINE_URL is set. Adapters come by themselves: whoever has
    one that is missing here sends it, once, under its sha256.
    """
    from camel_ext.cli.server import serve_engine

    serve_engine(here, host, port)


def demo(
    here: Here,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where the demo and its results live.")
    ] = Path("var/demo"),
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Draw all sampling of the loop from this.")
    ] = 1,
) -> None:
    """See a team of agents at work, and one of them get measurably better, or honestly not.

    It starts a server of its own, fetches the model where it is missing (98 MB, once), gives a team
    of proposer, executor and reviewer some goals, then trains an adapter for one agent and proves it
    on held-out goals. Transcripts, logs and the certificate stay in the folder.
    """
    from camel_ext.cli.demo import demo as play

    play(here, folder, seed)


def gui(
    here: Here,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            "--url",
            metavar="URL",
            help="The server. Default: CAMEL_EXT_URL, else the one on this machine.",
            rich_help_panel=CONNECTION,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", "-p", min=1, max=65535, help="Port of the GUI. Default: a free one."
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser.")
    ] = True,
) -> None:
    """Open the GUI in a browser: run, look, judge, train, compare, configure, as in a notebook.

    It listens on this machine only, and talks to a server here or elsewhere. A key is best given
    as CAMEL_EXT_KEY: other users of this machine can read what is typed on a command line.
    """
    from camel_ext.cli.gui import open_gui

    here.url = server
    open_gui(here, port, open_browser=open_browser)


def status(here: Here) -> None:
    """Say what a running server depends on: what works, what does not, and since when."""
    from camel_ext.cli.status import show_status

    show_status(here)


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
