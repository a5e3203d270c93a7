"""Commands about asking a logged call again: `fork`, and the group `forks`."""

from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group
from camel_ext.cli.commands_runs import PANEL, Seed

ForkId = Annotated[str, typer.Argument(metavar="FORK", help="Its id, its last letters, or `last`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "fork", panel=PANEL,
        examples=[
            "camel-ext fork last -k 8",
            "camel-ext fork last --turn 2 --temperature 0.3 --temperature 1.0",
            "camel-ext fork 3f9a01bc --model bundled --model bundled/brief@2 --json",
        ],
    )(fork)  # fmt: skip
    forks = group(
        app, "forks", list_, panel=PANEL, words="List forks; show, watch or cancel one.",
        examples=["camel-ext forks", "camel-ext forks show last"],
    )  # fmt: skip
    command(forks, "show", examples=["camel-ext forks show last"])(show)
    command(forks, "watch", examples=["camel-ext forks watch last"])(watch)
    command(forks, "cancel", examples=["camel-ext forks cancel last"])(cancel)


def fork(
    here: Here,
    call: Annotated[
        str,
        typer.Argument(
            metavar="RUN|CALL",
            help="A run's id, its last letters or `last`; a call's id; or RUN:N for turn N.",
        ),
    ],
    turn: Annotated[
        int | None,
        typer.Option("--turn", "-t", min=1, help="This turn of the run. Default: its last answer."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", "-k", min=1, max=64, help="Answers of each way to ask.")
    ] = 4,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="TARGET",
            help="Who is asked: a model, `model/adapter@2`, or a version's id. Default: as it was. "
            "Repeatable: each is a way to ask.",
        ),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(
            "--temperature",
            min=0,
            max=2,
            help="Randomness; 0 is greedy. Default: as it was. Repeatable: each is a way to ask.",
        ),
    ] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", max=1, help="Nucleus. Default: as it was.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, help="The longest answer.")
    ] = None,
    seed: Seed = None,
    priority: Annotated[
        int, typer.Option("--priority", min=-100, max=100, help="Higher is asked first.")
    ] = 0,
    wait: Annotated[
        bool, typer.Option("--wait/--detach", help="Wait for its end, or only start it.")
    ] = True,
) -> None:
    """Ask a logged call again, from the identical prompt, and show the answers side by side.

    No tool is called. Several models and temperatures make every pair of them a way to ask. The exit
    code tells how it ended: 0 done, 1 failed, 8 cancelled. Ctrl-C only leaves.
    """  # fmt: skip
    from camel_ext.cli import forks

    ways = forks.ways(model or [], temperature or [], top_p, max_tokens)
    wanted = forks.Wanted(call, turn, samples, ways, seed, priority)
    forks.start(here, wanted, waiting=wait)


def list_(
    here: Here,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List forks, newest first."""
    from camel_ext.cli import forks

    forks.list_forks(here, limit)


def show(here: Here, fork_id: ForkId = "last") -> None:
    """Show a fork with the call's own answer and the further ones."""
    from camel_ext.cli import forks

    forks.show(here, fork_id)


def watch(here: Here, fork_id: ForkId = "last") -> None:
    """Come back to a fork, and wait for its end."""
    from camel_ext.cli import forks

    forks.watch(here, fork_id)


def cancel(here: Here, fork_id: ForkId = "last") -> None:
    """Stop a fork; its answers until now stay."""
    from camel_ext.cli import forks

    forks.cancel(here, fork_id)
