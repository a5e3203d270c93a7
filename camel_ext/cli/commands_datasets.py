"""Commands about datasets: the group `dataset`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Learning"

Target = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="`NAME` (its newest frozen version), `NAME@3`, `NAME@` and the beginning of its hash, "
        "or an id.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset.")]
SplitBy = Annotated[
    str | None,
    typer.Option(
        "--split-by", metavar="topic|prompt", help="What never stands on both sides of the split."
    ),
]
EvalRatio = Annotated[
    float | None,
    typer.Option("--eval-ratio", min=0, max=0.9, help="Share that only watches the training."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Draws what is held out.")]
Runs = Annotated[
    list[str] | None, typer.Option("--run", metavar="RUN", help="This run. Repeatable.")
]
Judges = Annotated[
    list[str] | None,
    typer.Option(
        "--judge", metavar="NAME", help="This judge, by name; a person by id, too. Repeatable."
    ),
]


class FileFormat(StrEnum):
    """How a file is written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


class OneSplit(StrEnum):
    """What pairs are for."""

    TRAIN = "train"
    EVAL = "eval"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    datasets = group(
        app, "dataset", list_, panel=PANEL,
        words="Preference pairs from judged answers, frozen into versions.",
        examples=["camel-ext dataset build brief --tag train", "camel-ext dataset show brief"],
    )  # fmt: skip
    command(
        datasets, "build",
        examples=[
            "camel-ext dataset build brief --tag train --by length",
            "camel-ext dataset build brief --run last --strategy best_vs_rest --per-prompt 2",
            "camel-ext dataset build brief --rules rules.yaml --detach",
        ],
    )(build)  # fmt: skip
    command(datasets, "versions", examples=["camel-ext dataset versions brief"])(versions)
    command(
        datasets, "show", examples=["camel-ext dataset show brief", "camel-ext dataset show brief@2 -n 5"],
    )(show)  # fmt: skip
    command(datasets, "cancel", examples=["camel-ext dataset cancel brief@3"])(cancel)
    command(
        datasets, "diff", examples=["camel-ext dataset diff brief@1 brief@2"]
    )(diff)  # fmt: skip
    command(
        datasets, "lineage",
        examples=["camel-ext dataset lineage brief", "camel-ext dataset lineage --run last"],
    )(lineage)  # fmt: skip
    command(
        datasets, "without",
        examples=[
            "camel-ext dataset without brief --run 3f9a01bc --dry-run",
            "camel-ext dataset without brief --judge ada",
        ],
    )(without)  # fmt: skip
    command(
        datasets, "export",
        examples=[
            "camel-ext dataset export brief -o brief.jsonl",
            "camel-ext dataset export brief@2 -o train.parquet --split train",
        ],
    )(export)  # fmt: skip
    command(
        datasets, "import",
        examples=[
            "camel-ext dataset import theirs.jsonl --name theirs",
            "camel-ext dataset import theirs.parquet --name theirs --eval-ratio 0.2",
        ],
    )(import_)  # fmt: skip


def list_(
    here: Here,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List datasets, newest first, each with its newest version."""
    from camel_ext.cli import datasets

    datasets.list_datasets(here, limit)


def build(
    here: Here,
    name: Name,
    tag: Annotated[str | None, typer.Option("--tag", help="Answers with this tag.")] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Answers of this run.")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Answers of this agent.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Answers since: 30m, 2h, 3d or a time.")
    ] = None,
    answers: Annotated[
        list[str] | None,
        typer.Option(
            "--of", metavar="ANSWER", help="This answer: an id, or RUN:N for a turn. Repeatable."
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="JUDGE", help="Only this judge's word counts: NAME or NAME@VERSION. Repeatable."
        ),
    ] = None,
    combine: Annotated[
        str | None, typer.Option("--combine", metavar="mean|min", help="How several scores become one.")
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy", metavar="best_vs_worst|best_vs_rest|all",
            help="Which of a prompt's graded answers are paired.",
        ),
    ] = None,
    min_margin: Annotated[
        float | None, typer.Option("--min-margin", min=0, max=1, help="Smallest difference of scores.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option("--min-score", min=0, max=1, help="The better one scores at least this.")
    ] = None,
    per_prompt: Annotated[
        int | None, typer.Option("--per-prompt", min=1, help="At most so many pairs of a prompt.")
    ] = None,
    per_run: Annotated[
        int | None, typer.Option("--per-run", min=1, help="At most so many pairs of a run.")
    ] = None,
    length_ratio: Annotated[
        float | None, typer.Option("--length-ratio", min=1, help="Longest answer over shortest, at most.")
    ] = None,
    length_balance: Annotated[
        float | None,
        typer.Option(
            "--length-balance", min=0.5, max=1,
            help="At most this share of pairs prefers the longer, or the shorter, answer.",
        ),
    ] = None,
    near_duplicates: Annotated[
        float | None,
        typer.Option("--near-duplicates", min=0, max=1, help="Pairs as alike as this stay once; 0: off."),
    ] = None,
    eval_ratio: EvalRatio = None,
    split_by: SplitBy = None,
    seed: Seed = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="FILE", help="Rules as YAML or JSON; options come on top."),
    ] = None,
    exclude_run: Annotated[
        list[str] | None, typer.Option("--exclude-run", metavar="RUN", help="Not this run. Repeatable.")
    ] = None,
    exclude_judge: Annotated[
        list[str] | None, typer.Option("--exclude-judge", metavar="NAME", help="Not this judge's word. Repeatable.")
    ] = None,
    at_most: Annotated[
        int | None, typer.Option("--at-most", "-n", min=2, help="Look at so many answers, the newest.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch/--detach", help="Wait until it is frozen, or only start it.")
    ] = True,
) -> None:  # fmt: skip
    """Build a dataset's next version from judged answers of purpose run or sample.

    The exit code tells how it ended: 0 frozen, 1 failed (it says why), 8 cancelled.
    """
    from camel_ext.cli import datasets_building
    from camel_ext.cli.batches import Chosen

    given = {
        "judges": by, "combine": combine, "strategy": strategy, "min_margin": min_margin,
        "min_chosen_score": min_score, "per_prompt_max": per_prompt, "per_source_max": per_run,
        "length_ratio_max": length_ratio, "length_balance": length_balance,
        "near_duplicates": near_duplicates, "eval_ratio": eval_ratio, "split_by": split_by,
        "seed": seed,
    }  # fmt: skip
    wanted = datasets_building.Wanted(
        name, Chosen(tag, run, agent, None, since), answers or [], rules, given,
        exclude_run or [], exclude_judge or [], at_most,
    )  # fmt: skip
    datasets_building.build(here, wanted, waiting=watch)


def versions(
    here: Here,
    name: Name,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List a dataset's versions, newest first."""
    from camel_ext.cli import datasets

    datasets.list_versions(here, name, limit)


def show(
    here: Here,
    target: Target,
    pairs: Annotated[
        int, typer.Option("--pairs", "-n", min=0, help="Show so many of its pairs.")
    ] = 0,
) -> None:
    """Show what a version holds, how it was made, and what a careful reader should know."""
    from camel_ext.cli import datasets

    datasets.show(here, target, pairs)


def cancel(here: Here, target: Target) -> None:
    """Stop the building of a version for good."""
    from camel_ext.cli import datasets_building

    datasets_building.cancel(here, target)


def diff(
    here: Here,
    before: Annotated[str, typer.Argument(metavar="VERSION", help="The one version.")],
    after: Annotated[str, typer.Argument(metavar="VERSION", help="The other.")],
) -> None:
    """Show how two versions differ, pair by pair and rule by rule."""
    from camel_ext.cli import datasets_tracing

    datasets_tracing.diff(here, before, after)


def lineage(
    here: Here,
    target: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="As `dataset show` takes it.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="Instead: every version that rests on this run."),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option("--judge", metavar="NAME", help="Instead: every version that rests on its word."),
    ] = None,
) -> None:  # fmt: skip
    """Show what a version's pairs rest on, or which versions rest on a run or judge."""
    from camel_ext.cli import datasets_tracing

    datasets_tracing.lineage(here, target, run, judge)


def without(
    here: Here,
    target: Target,
    run: Runs = None,
    judge: Judges = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what it would touch.")
    ] = False,
) -> None:
    """Show what leaves with some runs and judges, and build the next version without them.

    The version itself stays as it is: what was trained on it can still be explained.
    """
    from camel_ext.cli import datasets_building

    datasets_building.without(here, target, run or [], judge or [], dry_run=dry_run)


def export(
    here: Here,
    target: Target,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file. Left out: standard output."),
    ] = None,
    file_format: Annotated[
        FileFormat | None,
        typer.Option("--format", help="Left out: by the file's name, else jsonl."),
    ] = None,
    split: Annotated[OneSplit | None, typer.Option("--split", help="Only these pairs.")] = None,
) -> None:
    """Write a frozen version as a file that TRL reads and `dataset import` reads back exactly."""
    from camel_ext.cli import datasets_files

    datasets_files.export(here, target, output, file_format, split)


def import_(
    here: Here,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines, or Parquet by its name.")
    ],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The dataset.")],
    eval_ratio: EvalRatio = None,
    split_by: SplitBy = None,
    seed: Seed = None,
) -> None:
    """Freeze a file's pairs as a dataset's next version: TRL's conversational preference format.

    A file without the column `split` is split here. What is wrong is said with line and field, and
    then nothing of the file is kept.
    """
    from camel_ext.cli import datasets_files

    given = {"eval_ratio": eval_ratio, "split_by": split_by, "seed": seed}
    datasets_files.import_file(here, file, name, given)
