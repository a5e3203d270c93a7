"""Commands about runs: run, watch, show, logs, and the group `runs`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.call_filters import (
    ByAlias,
    Failed,
    OfAgent,
    OfRun,
    OfSession,
    Since,
    WithTag,
    WithText,
    chosen,
)
from camel_ext.cli.command import Here, command, group

PANEL = "Runs"

RunId = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Its id, the last letters of it, or `last`."),
]
Budget = Annotated[
    list[str] | None,
    typer.Option(
        "--budget", "-b", metavar="NAME=VALUE",
        help="A limit: max_turns, max_tokens, max_seconds or max_cost_usd. Repeatable.",
    ),
]  # fmt: skip
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Draw all sampling from this.")]


class StateName(StrEnum):
    """States to filter by."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PurposeName(StrEnum):
    """Why a run is made."""

    RUN = "run"
    SAMPLE = "sample"
    EVAL = "eval"


class Word(StrEnum):
    """What a person knows about an interrupted call."""

    HAPPENED = "happened"
    REPEAT = "repeat"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "run", panel=PANEL,
        examples=[
            'camel-ext run solve "Name three rivers of Europe."',
            "camel-ext run solve --input goal=@goal.txt --budget max_turns=20",
            "camel-ext run solve --input-file inputs.yaml --detach --json",
            "camel-ext run solve 'Name three rivers.' --model thinker=bundled/brief@2",
        ],
    )(run)  # fmt: skip
    command(app, "watch", panel=PANEL, examples=["camel-ext watch last"])(watch)
    command(
        app, "show", panel=PANEL,
        examples=["camel-ext show last", "camel-ext show 3f9a01bc --turn 4"],
    )(show)  # fmt: skip
    command(
        app, "logs", panel=PANEL,
        examples=[
            "camel-ext logs --run last", "camel-ext logs --follow",
            "camel-ext logs --failed --since 2h --json > failed.jsonl",
        ],
    )(logs)  # fmt: skip
    runs = group(
        app, "runs", list_, panel=PANEL, words="List runs; pause, resume, cancel, retry them.",
        examples=["camel-ext runs --state failed", "camel-ext runs retry last"],
    )  # fmt: skip
    command(runs, "pause", examples=["camel-ext runs pause last"])(pause)
    command(
        runs, "resume", examples=["camel-ext runs resume last --budget max_turns=100"],
    )(resume)  # fmt: skip
    command(runs, "step", examples=["camel-ext runs step last"])(step)
    command(runs, "cancel", examples=["camel-ext runs cancel last"])(cancel)
    command(
        runs, "retry",
        examples=["camel-ext runs retry last", "camel-ext runs retry last --from 'rounds[1]/execute'"],
    )(retry)  # fmt: skip
    command(
        runs, "decide",
        examples=[
            "camel-ext runs decide last repeat",
            "camel-ext runs decide last happened --result 'sent, receipt 77'",
        ],
    )(decide)  # fmt: skip


def run(
    here: Here,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow to run.")],
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="Its input, where it takes exactly one."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="NAME=VALUE",
            help="One input; `NAME=@FILE` takes the file's text. Repeatable.",
        ),
    ] = None,
    input_file: Annotated[
        Path | None,
        typer.Option("--input-file", metavar="FILE", help="Inputs as YAML or JSON; - is stdin."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch/--detach", help="Watch it to its end, or only start it.")
    ] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the output alone.")] = False,
    seed: Seed = None,
    budget: Budget = None,
    single_step: Annotated[bool, typer.Option("--step", help="Pause after each turn.")] = False,
    priority: Annotated[
        int, typer.Option("--priority", min=-100, max=100, help="Higher runs first.")
    ] = 0,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="A word to find it by. Repeatable.")
    ] = None,
    session: Annotated[str | None, typer.Option("--session", help="Groups runs.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="ALIAS=TARGET",
            help="What an alias stands for in this run: a model, `model/adapter@2`, or a version's "
            "id. Repeatable.",
        ),
    ] = None,
    purpose: Annotated[
        PurposeName, typer.Option("--purpose", help="Why: nothing is learnt from `eval`.")
    ] = PurposeName.RUN,
) -> None:
    """Start a run of a workflow and watch it, turn by turn, to its output.

    The exit code tells how it ended: 0 succeeded, 1 failed, 7 waits for you, 8 cancelled.
    Ctrl-C only leaves: the run goes on, and `camel-ext watch` comes back to it.
    """  # fmt: skip
    from camel_ext.cli import running

    wanted = running.Wanted(
        workflow, text, given or [], input_file, seed, budget or [], single_step, priority,
        tag or [], session, model or [], purpose,
    )  # fmt: skip
    running.run(here, wanted, watching=watch, quiet=quiet)


def watch(here: Here, run_id: RunId) -> None:
    """Watch a run from its first turn to its end; it may be over already."""
    from camel_ext.cli import running

    running.watch(here, run_id)


def show(
    here: Here,
    run_id: RunId,
    turn: Annotated[
        int | None,
        typer.Option("--turn", "-t", min=1, help="This turn: the exact prompt and answer."),
    ] = None,
) -> None:
    """Show a run with its turns, or one turn with all that was sent and returned."""
    from camel_ext.cli import showing

    showing.show(here, run_id, turn)


def logs(
    here: Here,
    run_id: OfRun = None,
    agent: OfAgent = None,
    alias: ByAlias = None,
    session: OfSession = None,
    tag: WithTag = None,
    text: WithText = None,
    since: Since = None,
    failed: Failed = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="At most so many, the newest.")
    ] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new ones as they come.")
    ] = False,
) -> None:
    """Show the log of model calls: who asked what, what came back. With --json: one line a call."""
    from camel_ext.cli import log

    filters = chosen(agent, alias, session, tag, text, failed=failed)
    log.show(here, run_id, filters, since=since, limit=limit, follow=follow)


def list_(
    here: Here,
    state: Annotated[
        StateName | None, typer.Option("--state", "-s", help="Only in this state.")
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", "-w", help="Only of this workflow.")
    ] = None,
    purpose: Annotated[
        PurposeName | None, typer.Option("--purpose", help="Only made for this.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List runs, newest first."""
    from camel_ext.cli import runs

    runs.list_runs(here, {"state": state, "workflow": workflow, "purpose": purpose}, limit)


def pause(here: Here, run_id: RunId) -> None:
    """Stop a run before its next turn."""
    from camel_ext.cli import runs

    runs.act(here, run_id, "pause", lambda client, found: client.runs.pause(found))


def resume(here: Here, run_id: RunId, budget: Budget = None) -> None:
    """Let a waiting run go on, with a limit raised where it asked for that."""
    from camel_ext.cli import inputs, runs

    raised = inputs.budgets(budget or [])
    runs.act(
        here, run_id, "resume",
        lambda client, found: client.runs.resume(found, budgets=raised, single_step=False),
    )  # fmt: skip


def step(here: Here, run_id: RunId) -> None:
    """Let a waiting run do one turn, and pause again."""
    from camel_ext.cli import runs

    runs.act(
        here, run_id, "step", lambda client, found: client.runs.resume(found, single_step=True)
    )


def cancel(here: Here, run_id: RunId) -> None:
    """Stop a run for good; what it did stays in the log."""
    from camel_ext.cli import runs

    runs.act(here, run_id, "cancel", lambda client, found: client.runs.cancel(found))


def retry(
    here: Here,
    run_id: RunId,
    step_key: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Do this step and all after it anew."),
    ] = None,
    seed: Seed = None,
) -> None:
    """Start a new run from a finished one's turns; the old one stays as it is."""
    from camel_ext.cli import runs

    runs.act(
        here, run_id, "retry",
        lambda client, found: client.runs.retry(found, step_key=step_key, seed=seed),
    )  # fmt: skip


def decide(
    here: Here,
    run_id: RunId,
    word: Annotated[
        Word,
        typer.Argument(help="`happened`: it did, take --result. `repeat`: it did not, call it."),
    ],
    step_key: Annotated[
        str | None,
        typer.Option("--at", metavar="STEP", help="The call. Default: the one that it waits for."),
    ] = None,
    result: Annotated[str, typer.Option("--result", help="What the tool answered.")] = "",
) -> None:
    """Say whether a call happened that was in flight when the run was interrupted."""
    from camel_ext.cli import runs

    runs.decide(here, run_id, word.value, step_key, result)
