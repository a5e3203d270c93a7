"""Commands about judging by hand and by verifiers: the group `annotate`."""

from enum import StrEnum
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Judging"

Answer = Annotated[
    str,
    typer.Argument(
        metavar="ANSWER",
        help="A call's id, its last letters, or RUN:N for turn N of a run (`last:2`).",
    ),
]
Batch = Annotated[str, typer.Argument(metavar="BATCH", help="Its id, its last letters, or `last`.")]
Why = Annotated[str | None, typer.Option("--why", help="The reason, kept with it.")]
Guideline = Annotated[
    str | None, typer.Option("--guideline", metavar="VERSION", help="Version of your rules.")
]
Tag = Annotated[str | None, typer.Option("--tag", help="Answers with this tag.")]
OfRun = Annotated[str | None, typer.Option("--run", metavar="RUN", help="Answers of this run.")]
OfAgent = Annotated[str | None, typer.Option("--agent", help="Answers of this agent.")]
Purpose = Annotated[
    str | None, typer.Option("--purpose", help="Answers made for this: run, sample, eval.")
]
Since = Annotated[str | None, typer.Option("--since", help="Answers since: 30m, 2h, 3d or a time.")]
AtMost = Annotated[
    int | None, typer.Option("--at-most", "-n", min=1, help="At most so many answers, the newest.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")]


class Thumb(StrEnum):
    """Good or not."""

    UP = "up"
    DOWN = "down"


class Better(StrEnum):
    """Which of two."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    judging = group(
        app, "annotate", list_, panel=PANEL,
        words="Judge answers: by hand, or by a verifier over many of them.",
        examples=["camel-ext annotate thumbs last:2 up", "camel-ext annotate list --judge length"],
    )  # fmt: skip
    _by_hand(judging)
    _in_batches(judging)


def _by_hand(judging: typer.Typer) -> None:
    command(judging, "thumbs", examples=["camel-ext annotate thumbs last:2 up"])(thumbs)
    command(
        judging, "rate", examples=["camel-ext annotate rate 3f9a01bc 4 --why 'a little long'"]
    )(rate)  # fmt: skip
    command(judging, "label", examples=["camel-ext annotate label 3f9a01bc rude long"])(label)
    command(
        judging, "correct",
        examples=[
            "camel-ext annotate correct 3f9a01bc 'The Danube.'",
            "camel-ext annotate correct last:2 @better.txt",
        ],
    )(correct)  # fmt: skip
    command(
        judging, "choose", examples=["camel-ext annotate choose 3f9a01bc 77d0c2e1 first"]
    )(choose)  # fmt: skip
    command(
        judging, "rank",
        examples=["camel-ext annotate rank 3f9a01bc 77d0c2e1 0b6e5a90 --order '2 > 1 = 3'"],
    )(rank)  # fmt: skip
    command(
        judging, "withdraw", examples=["camel-ext annotate withdraw last"]
    )(withdraw)  # fmt: skip


def _in_batches(judging: typer.Typer) -> None:
    command(
        judging, "batch",
        examples=[
            "camel-ext annotate batch length -p unit=words -p max=40 --tag train --dry-run",
            "camel-ext annotate batch contains -p 'any=[\"Danube\", \"Rhine\"]' --run last",
        ],
    )(batch)  # fmt: skip
    command(judging, "batches", examples=["camel-ext annotate batches"])(batches_)
    command(judging, "watch", examples=["camel-ext annotate watch last"])(watch)
    command(judging, "cancel", examples=["camel-ext annotate cancel last"])(cancel)
    command(judging, "undo", examples=["camel-ext annotate undo last"])(undo)


def list_(
    here: Here,
    answer: Annotated[
        str | None, typer.Option("--of", metavar="ANSWER", help="Only of this answer.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    judge: Annotated[str | None, typer.Option("--judge", help="Only by this judge.")] = None,
    batch_id: Annotated[
        str | None, typer.Option("--batch", metavar="BATCH", help="Only made by this batch.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Superseded and withdrawn ones, too.")
    ] = False,
    limit: Limit = 20,
) -> None:
    """List judgements that count, newest first."""
    from camel_ext.cli import annotating

    annotating.list_annotations(
        here, answer, batch_id, {"kind": kind, "judge": judge}, current=not every, limit=limit
    )


def thumbs(
    here: Here,
    answer: Answer,
    thumb: Annotated[Thumb, typer.Argument(help="`up`: good. `down`: not.")],
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Say that an answer is good, or not."""
    from camel_ext.cli import annotating

    value = {"up": thumb == Thumb.UP}
    annotating.judge(here, "thumbs", [answer], value, why=why, guideline=guideline)


def rate(
    here: Here,
    answer: Answer,
    rating: Annotated[float, typer.Argument(metavar="NUMBER", help="More is better.")],
    low: Annotated[float, typer.Option("--low", help="The worst there is.")] = 1,
    high: Annotated[float, typer.Option("--high", help="The best there is.")] = 5,
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Give an answer a number on a scale."""
    from camel_ext.cli import annotating

    value = {"rating": rating, "low": low, "high": high}
    annotating.judge(here, "rating", [answer], value, why=why, guideline=guideline)


def label(
    here: Here,
    answer: Answer,
    labels: Annotated[list[str], typer.Argument(metavar="LABEL...", help="What applies.")],
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Say which words apply to an answer."""
    from camel_ext.cli import annotating

    value = {"labels": labels}
    annotating.judge(here, "labels", [answer], value, why=why, guideline=guideline)


def correct(
    here: Here,
    answer: Answer,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The better answer; @FILE, - is stdin.")
    ],
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Give the answer as it should have been; in training it is preferred to the old one."""
    from camel_ext.cli import annotating, inputs

    value = {"text": inputs.text_of(text, "TEXT")}
    annotating.judge(here, "correction", [answer], value, why=why, guideline=guideline)


def choose(
    here: Here,
    first: Annotated[str, typer.Argument(metavar="FIRST", help="An answer, as above.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another one.")],
    better: Annotated[Better, typer.Argument(help="Which is better.")],
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Say which of two answers is better, or that neither is."""
    from camel_ext.cli import annotating

    value = {"choice": better.value}
    annotating.judge(here, "choice", [first, second], value, why=why, guideline=guideline)


def rank(
    here: Here,
    answers: Annotated[
        list[str], typer.Argument(metavar="ANSWER ANSWER...", help="Two or more answers.")
    ],
    order: Annotated[
        str, typer.Option("--order", help="By their places above, the best first: `2 > 1 = 3`.")
    ],
    why: Why = None,
    guideline: Guideline = None,
) -> None:
    """Put several answers in order; `=` stands between those that are equally good."""
    from camel_ext.cli import annotating

    annotating.rank(here, answers, order, why=why, guideline=guideline)


def withdraw(
    here: Here,
    annotation: Annotated[
        str, typer.Argument(metavar="ANNOTATION", help="Its id, its last letters, or `last`.")
    ],
) -> None:
    """Take a judgement back, with all that it superseded."""
    from camel_ext.cli import annotating

    annotating.withdraw(here, annotation)


def batch(
    here: Here,
    verifier: Annotated[str, typer.Argument(metavar="VERIFIER", help="Which check.")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            help="A parameter; read as JSON where it is JSON, else as text. Repeatable.",
        ),
    ] = None,
    prompt_as: Annotated[
        str | None,
        typer.Option("--prompt-as", metavar="NAME", help="This parameter is each answer's prompt."),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option("--of", metavar="ANSWER", help="These answers, not a filter. Repeatable."),
    ] = None,
    tag: Tag = None,
    run: OfRun = None,
    agent: OfAgent = None,
    purpose: Purpose = None,
    since: Since = None,
    at_most: AtMost = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look and count, and write no verdict.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--detach", help="Wait for its end, or only start it.")
    ] = True,
) -> None:
    """Let a verifier judge many answers, and show how far it is.

    The exit code tells how it ended: 0 done, 1 failed, 8 cancelled. What a check finds is no failure
    of the batch. Ctrl-C only leaves: the batch goes on, and `camel-ext annotate watch` comes back.
    """
    from camel_ext.cli import batches

    wanted = batches.Wanted(
        verifier, param or [], prompt_as, answer or [], batches.Chosen(tag, run, agent, purpose, since),
        at_most, dry_run,
    )  # fmt: skip
    batches.start(here, wanted, waiting=wait)


def batches_(here: Here, limit: Limit = 20) -> None:
    """List batches, newest first."""
    from camel_ext.cli import batches

    batches.list_batches(here, limit)


def watch(here: Here, batch_id: Batch = "last") -> None:
    """Come back to a batch, and wait for its end."""
    from camel_ext.cli import batches

    batches.watch(here, batch_id)


def cancel(here: Here, batch_id: Batch = "last") -> None:
    """Stop a batch; its verdicts until now stay."""
    from camel_ext.cli import batches

    batches.cancel(here, batch_id)


def undo(here: Here, batch_id: Batch) -> None:
    """Take back all verdicts of a batch; what they superseded counts again."""
    from camel_ext.cli import batches

    batches.undo(here, batch_id)
