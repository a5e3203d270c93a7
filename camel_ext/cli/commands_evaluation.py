"""Commands about examinations: the groups `suite` and `eval`, and `compare`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Learning"

Suite = Annotated[
    str, typer.Argument(metavar="SUITE", help="`NAME`, or `NAME@2` for one of its versions.")
]
Id = Annotated[
    str,
    typer.Argument(metavar="EVALUATION", help="Its id, the last letters of it, or `last`."),
]
Workflow = Annotated[
    str | None, typer.Option("--workflow", "-w", metavar="NAME", help="The workflow that answers.")
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only-model", metavar="MODEL", help="Instead of a workflow: a model or alias by itself."
    ),
]
Pinned = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="ALIAS=MODEL",
        help="What an alias stands for: a model, adapter or version id. Repeatable.",
    ),
]  # fmt: skip
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Draws all sampling; the same for both sides.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]
Policy = Annotated[
    Path | None,
    typer.Option("--policy", "-p", metavar="FILE", help="A YAML file with the gate's policy."),
]
Primary = Annotated[
    str | None, typer.Option("--primary", metavar="SCORER", help="What shall improve.")
]
Guards = Annotated[
    list[str] | None,
    typer.Option(
        "--guard", metavar="MEASURE=MARGIN",
        help="What may not get worse by more: relevant=0.1, error=0.05, latency_ms=20%. Repeatable.",
    ),
]  # fmt: skip
Alpha = Annotated[
    float | None,
    typer.Option("--alpha", min=0, max=0.5, help="Error that this verdict may make."),
]


class Least(StrEnum):
    """What a verdict must be for exit code 0."""

    ANY = "any"
    NOT_WORSE = "not_worse"
    BETTER = "better"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    suites = group(
        app, "suite", list_suites, panel=PANEL,
        words="Examinations: cases in topics, and scorers.",
        examples=["camel-ext suite define brief.yaml", "camel-ext suite show brief-answers"],
    )  # fmt: skip
    command(suites, "define", examples=["camel-ext suite define brief.yaml"])(define)
    command(
        suites, "show", examples=["camel-ext suite show brief-answers", "camel-ext suite show brief-answers@1 -n 50"],
    )(show_suite)  # fmt: skip
    command(suites, "versions", examples=["camel-ext suite versions brief-answers"])(versions)
    evals = group(
        app, "eval", list_, panel=PANEL,
        words="Answer and score a suite with a workflow or a model.",
        examples=[
            "camel-ext eval start brief-answers --workflow answer",
            "camel-ext eval start brief-answers -w answer --model small=bundled/brief",
        ],
    )  # fmt: skip
    command(
        evals, "plan",
        examples=["camel-ext eval plan brief-answers -w answer --guard relevant=0.1"],
    )(plan)  # fmt: skip
    command(
        evals, "start",
        examples=[
            "camel-ext eval start brief-answers --workflow answer",
            "camel-ext eval start brief-answers --only-model bundled --detach",
        ],
    )(start)  # fmt: skip
    command(evals, "watch", examples=["camel-ext eval watch last"])(watch)
    command(evals, "show", examples=["camel-ext eval show last"])(show)
    command(
        evals, "cases",
        examples=["camel-ext eval cases last --fails brief", "camel-ext eval cases last --json"],
    )(cases)  # fmt: skip
    command(evals, "cancel", examples=["camel-ext eval cancel last"])(cancel)
    command(
        evals, "judge", examples=["camel-ext eval judge 3f9a01bc 77b0c2d4 --scorer helpful"],
    )(judge)  # fmt: skip
    command(evals, "verdicts", examples=["camel-ext eval verdicts"])(verdicts)
    command(
        evals, "verdict", examples=["camel-ext eval verdict last", "camel-ext eval verdict 5c1e --json"],
    )(verdict)  # fmt: skip
    command(
        app, "compare", panel=PANEL,
        examples=[
            "camel-ext compare 3f9a01bc last --primary brief --guard relevant=0.1",
            "camel-ext compare 3f9a01bc 77b0c2d4 --policy gate.yaml --require better",
        ],
    )(compare)  # fmt: skip


def list_suites(here: Here, limit: Limit = 20) -> None:
    """List suites, newest first."""
    from camel_ext.cli import suites

    suites.list_suites(here, limit)


def define(
    here: Here,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The suite as YAML; - is stdin.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name; left out, the file's `name`.")
    ] = None,
) -> None:
    """Define a suite, or its next version; the same content again changes nothing."""
    from camel_ext.cli import suites

    suites.define(here, file, name)


def show_suite(here: Here, suite: Suite, limit: Limit = 10) -> None:
    """Show a suite: its scorers, its topics and the first cases."""
    from camel_ext.cli import suites

    suites.show(here, suite, limit)


def versions(
    here: Here, name: Annotated[str, typer.Argument(metavar="SUITE", help="The suite.")]
) -> None:
    """List the versions of a suite, newest first."""
    from camel_ext.cli import suites

    suites.list_versions(here, name)


def list_(
    here: Here,
    limit: Limit = 20,
    suite: Annotated[str | None, typer.Option("--suite", help="Only of this suite.")] = None,
) -> None:
    """List evaluations, newest first."""
    from camel_ext.cli import evaluations

    evaluations.list_evaluations(here, limit, suite)


def plan(
    here: Here,
    suite: Suite,
    workflow: Workflow = None,
    only_model: Only = None,
    model: Pinned = None,
    policy: Policy = None,
    primary: Primary = None,
    guard: Guards = None,
    alpha: Alpha = None,
    seed: Seed = 0,
) -> None:
    """Say what comparing two evaluations could show, and what one would take; starts nothing."""
    from camel_ext.cli import evaluation_plans
    from camel_ext.cli.evaluations import Target
    from camel_ext.cli.policies import Given

    target = Target(suite, workflow, only_model, model or [], seed)
    evaluation_plans.plan(here, target, Given(policy, primary, guard or [], alpha))


def start(
    here: Here,
    suite: Suite,
    workflow: Workflow = None,
    only_model: Only = None,
    model: Pinned = None,
    seed: Seed = 0,
    parallel: Annotated[
        int, typer.Option("--parallel", min=1, max=256, help="Cases answered at a time.")
    ] = 16,
    reuse: Annotated[
        bool, typer.Option("--reuse/--afresh", help="Take equal answers of earlier evaluations.")
    ] = True,
    watch: Annotated[
        bool, typer.Option("--watch/--detach", help="Watch it to its end, or only start it.")
    ] = True,
) -> None:
    """Answer and score a suite's cases.

    Exit codes: 0 it succeeded (or was started), 1 it failed, 8 it was cancelled.
    """
    from camel_ext.cli import evaluations

    target = evaluations.Target(suite, workflow, only_model, model or [], seed)
    evaluations.start(here, target, parallel=parallel, reuse=reuse, waiting=watch)


def watch(here: Here, evaluation: Id) -> None:
    """Watch an evaluation to its end."""
    from camel_ext.cli import evaluations

    evaluations.watch(here, evaluation)


def show(here: Here, evaluation: Id) -> None:
    """Show an evaluation: what answered, and how it did."""
    from camel_ext.cli import evaluations

    evaluations.show(here, evaluation)


def cases(
    here: Here,
    evaluation: Id,
    limit: Limit = 20,
    fails: Annotated[
        str | None, typer.Option("--fails", metavar="SCORER", help="Only what does not pass it.")
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only of this topic.")] = None,
) -> None:
    """Show cases with answers and scores."""
    from camel_ext.cli import evaluations

    evaluations.show_cases(here, evaluation, limit, fails, topic)


def cancel(here: Here, evaluation: Id) -> None:
    """Stop an evaluation; what it found stays."""
    from camel_ext.cli import evaluations

    evaluations.cancel(here, evaluation)


def judge(
    here: Here,
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help="The evaluation before.")],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The evaluation after.")],
    scorer: Annotated[
        str, typer.Option("--scorer", metavar="NAME", help="A judge of the suite that sees both.")
    ],
    seed: Seed = 0,
) -> None:
    """Let a judge look at both answers of each case, in both orders.

    Exit codes: 0 it succeeded, 1 it failed, 8 it was cancelled.
    """
    from camel_ext.cli import comparing

    comparing.judge(here, baseline, candidate, scorer, seed)


def compare(
    here: Here,
    baseline: Annotated[str, typer.Argument(metavar="BASELINE", help="The evaluation before.")],
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="The evaluation after.")],
    policy: Policy = None,
    primary: Primary = None,
    guard: Guards = None,
    alpha: Alpha = None,
    require: Annotated[
        Least, typer.Option("--require", help="What the verdict must be for exit code 0.")
    ] = Least.ANY,
) -> None:
    """Compare two evaluations case by case, and write the verdict down.

    Exit codes: 0 the verdict is as required, 1 it is not.
    """
    from camel_ext.cli import comparing
    from camel_ext.cli.policies import Given

    given = Given(policy, primary, guard or [], alpha)
    comparing.compare(here, baseline, candidate, given, require.value)


def verdicts(here: Here, limit: Limit = 20) -> None:
    """List verdicts, newest first."""
    from camel_ext.cli import comparing

    comparing.list_comparisons(here, limit)


def verdict(
    here: Here,
    comparison: Annotated[
        str,
        typer.Argument(metavar="VERDICT", help="Its id, the last letters of it, or `last`."),
    ],
) -> None:
    """Show a verdict with all that it rests on."""
    from camel_ext.cli import comparing

    comparing.show(here, comparison)
