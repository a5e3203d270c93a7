"""Commands about training adapters: the group `train`."""

from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Learning"

TrainingId = Annotated[
    str, typer.Argument(metavar="TRAINING", help="Its id, its last letters, or `last`.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Same seed, same pairs: same adapter.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    training = group(
        app, "train", list_, panel=PANEL,
        words="Train adapters on preference pairs: start, watch, stop and go on.",
        examples=[
            "camel-ext train start brief --base bundled --dataset brief-pairs",
            "camel-ext train watch last",
        ],
    )  # fmt: skip
    command(
        training, "setup",
        examples=[
            "camel-ext train setup --dry-run",
            "camel-ext train setup --torch-index https://download.pytorch.org/whl/cpu",
        ],
        common=("data_dir", "as_json", "debug"),
    )(setup)  # fmt: skip
    command(
        training, "start",
        examples=[
            "camel-ext train start brief --base bundled --dataset brief-pairs --preset quick",
            "camel-ext train start brief --base bundled --dataset brief-pairs@2 --set beta=0.2 --dry-run",
        ],
    )(start)  # fmt: skip
    command(training, "watch", examples=["camel-ext train watch last"])(watch)
    command(
        training, "show",
        examples=["camel-ext train show last", "camel-ext train show 3f9a01bc --card > README.md"],
    )(show)  # fmt: skip
    command(training, "cancel", examples=["camel-ext train cancel last"])(cancel)
    command(training, "resume", examples=["camel-ext train resume last"])(resume)
    command(training, "presets", examples=["camel-ext train presets"])(presets)
    command(
        training, "hyper", examples=["camel-ext train hyper", "camel-ext train hyper beta"]
    )(hyper)  # fmt: skip


def list_(
    here: Here,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="Only in this state: running, failed, ...")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
) -> None:
    """List trainings, newest first."""
    from camel_ext.cli import training

    training.list_trainings(here, state, limit)


def setup(
    here: Here,
    torch_index: Annotated[
        str | None,
        typer.Option(
            "--torch-index",
            metavar="URL",
            help="Take PyTorch from this index, such as https://download.pytorch.org/whl/cpu, which "
            "has it without CUDA.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be fetched and how large it is.")
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Make it again, also where training works already.")
    ] = False,
) -> None:
    """Install PyTorch and TRL beside the platform, on this machine: run it where the server is.

    What this interpreter has already is not installed twice.
    """  # fmt: skip
    from camel_ext.cli import training_setup

    training_setup.setup(here, torch_index, dry_run=dry_run, anew=anew)


def start(
    here: Here,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the adapter: it becomes `BASE/NAME`.")
    ],
    base: Annotated[
        str, typer.Option("--base", metavar="MODEL", help="The model, a version, or an alias.")
    ],
    dataset: Annotated[
        str,
        typer.Option("--dataset", metavar="DATASET", help="`name`, `name@3`, or a version's id."),
    ],
    preset: Annotated[
        str | None, typer.Option("--preset", "-p", help="`camel-ext train presets` lists them.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="One hyper-parameter; `camel-ext train hyper` explains them. Repeatable.",
        ),
    ] = None,
    seed: Seed = 0,
    priority: Annotated[
        int, typer.Option("--priority", min=-100, max=100, help="Higher is trained first.")
    ] = 0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only look: memory, time, the first batch, warnings."),
    ] = False,
    watching: Annotated[
        bool, typer.Option("--watch/--detach", help="Watch it to its end, or only start it.")
    ] = True,
) -> None:
    """Train a LoRA adapter on preference pairs, and watch its curves.

    The exit code tells how it ended: 0 succeeded, 1 failed, 8 cancelled.
    Ctrl-C only leaves: it goes on, and `camel-ext train watch` comes back to it.
    """  # fmt: skip
    from camel_ext.cli import training

    wanted = training.Wanted(name, base, dataset, preset, given or [], seed, priority, dry_run)
    training.start(here, wanted, watching=watching)


def watch(here: Here, training_id: TrainingId = "last") -> None:
    """Watch a training's curves to its end. With --json: one line a step."""
    from camel_ext.cli import training

    training.watch(here, training_id)


def show(
    here: Here,
    training_id: TrainingId = "last",
    card: Annotated[bool, typer.Option("--card", help="Print the model card alone.")] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="The first batch as the model sees it, too.")
    ] = False,
) -> None:
    """Show a training: what it is made from, its curves, what came of it, or why it failed."""
    from camel_ext.cli import training

    training.show(here, training_id, card=card, batch=batch)


def cancel(here: Here, training_id: TrainingId) -> None:
    """Stop a training; it leaves a checkpoint, from which `resume` goes on."""
    from camel_ext.cli import training

    training.cancel(here, training_id)


def resume(
    here: Here,
    training_id: TrainingId,
    watching: Annotated[
        bool, typer.Option("--watch/--detach", help="Watch it to its end, or only start it.")
    ] = True,
) -> None:
    """Go on with a training that failed or was cancelled, from its last checkpoint."""
    from camel_ext.cli import training

    training.resume(here, training_id, watching=watching)


def presets(here: Here) -> None:
    """List the presets, and what they set."""
    from camel_ext.cli import training_tables

    training_tables.presets(here)


def hyper(
    here: Here,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this one, in full.")
    ] = None,
) -> None:
    """Explain the hyper-parameters: meaning, default, what they may be, and the paper."""
    from camel_ext.cli import training_tables

    training_tables.hyper(here, name)
