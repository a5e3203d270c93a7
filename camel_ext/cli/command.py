"""What every command shares: its common options, where the server is, and how its errors are shown.

A command is a plain function whose first parameter is `Here`; `command` gives it the common options
and ends it with a documented exit code. Typer is the only import at the top, because `--help` must be
quick: everything else is imported by the command that needs it.
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from camel_ext.cli.exits import Exit, Explained, Stop, explain

if TYPE_CHECKING:
    from camel_ext_client import Client
    from rich.console import Console

    from camel_ext.settings import Settings

OWNER_KEY = "owner.key"
ADDRESS = "server.url"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
CONNECTION = "Connection"

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The server. Default: CAMEL_EXT_URL, else the one on this machine.",
        rich_help_panel=CONNECTION,
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Your key. Default: CAMEL_EXT_KEY, else the local owner's.",
        rich_help_panel=CONNECTION,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="The data directory. Default: CAMEL_EXT_DATA_DIR, else ~/.local/share/camel-ext.",
        rich_help_panel=CONNECTION,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Answer in JSON, for machines.", rich_help_panel="Output"),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", help="Show a traceback with errors.", rich_help_panel="Output"),
]
COMMON = ("url", "key", "data_dir", "as_json", "debug")
_TYPES = {"url": Url, "key": Key, "data_dir": DataDirOption, "as_json": AsJson, "debug": Debug}


@dataclass(slots=True)
class Here:
    """How this command was called: which server, whose key, for a person or a machine."""

    url: str | None = None
    key: str | None = None
    data_dir: Path | None = None
    as_json: bool = False
    debug: bool = False

    @property
    def out(self) -> "Console":
        """The console of answers."""
        from camel_ext.cli.output import out_console

        return out_console()

    @property
    def err(self) -> "Console":
        """The console of progress, hints and errors."""
        from camel_ext.cli.output import err_console

        return err_console()

    def settings(self) -> "Settings":
        """Read the settings.

        Raises: Stop, naming the setting that is wrong.
        """
        from pydantic import ValidationError
        from pydantic_settings import SettingsError

        from camel_ext.settings import Settings

        try:
            return Settings() if self.data_dir is None else Settings(data_dir=self.data_dir)
        except ValidationError as error:
            first = error.errors()[0]
            name = "__".join(str(part) for part in first["loc"]).upper()
            raise Stop(
                Exit.USAGE,
                f"The setting CAMEL_EXT_{name} cannot be used: {first['msg']}.",
                "docs/settings.md lists every setting with its default.",
            ) from error
        except SettingsError as error:
            raise Stop(
                Exit.USAGE,
                f"A setting cannot be read: {error}.",
                "Lists are written as JSON, e.g. '[\"a\"]'; docs/settings.md lists every setting.",
            ) from error

    def connect(self, *, timeout_s: float = 30.0) -> "Client":
        """Return a client of the server that was meant."""
        from camel_ext_client import Client

        url, key = self.place()
        return Client(url, key, timeout_s=timeout_s)

    def place(self) -> tuple[str, str | None]:
        """Return the address of the server that was meant, and the key for it.

        The owner's key of the data directory is sent to this machine only, never elsewhere.
        """
        settings = self.settings()
        data_dir = settings.data_dir.expanduser()
        url = self.url or settings.url or local_url(settings, data_dir)
        key = self.key or (settings.key.get_secret_value() if settings.key else None)
        if key is None and urlsplit(url).hostname in LOOPBACK:
            key = _read(data_dir / OWNER_KEY)
        return url, key

    def answer(self, value: Any) -> None:
        """Print the answer for machines."""
        from camel_ext.cli.output import write_json

        write_json(value)

    def note(self, text: str) -> None:
        """Say something by the way, to people only."""
        if not self.as_json:
            self.err.print(f"[quiet]{text}[/]")


def local_url(settings: "Settings", data_dir: Path) -> str:
    """Return the address of the server on this data directory: where it runs, or would run."""
    running = _read(data_dir / ADDRESS)
    if running:
        return running
    host = settings.server.host
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - not bound here
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.server.port}"


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except OSError:
        return None


def command(
    app: typer.Typer,
    name: str | None = None,
    *,
    examples: Sequence[str],
    panel: str | None = None,
    common: Sequence[str] = COMMON,
) -> Callable[[Callable[..., Any]], None]:
    """Register a function whose first parameter is `Here` as a command."""

    def register(fn: Callable[..., Any]) -> None:
        app.command(name, epilog=_epilog(examples), rich_help_panel=panel)(_with_common(fn, common))

    return register


def group(
    app: typer.Typer,
    name: str,
    default: Callable[..., Any],
    *,
    words: str,
    examples: Sequence[str],
    panel: str | None = None,
) -> typer.Typer:
    """Register a group of commands; called by its bare name it does `default`, as does `list`."""
    made = typer.Typer(help=words, rich_markup_mode="rich", epilog=_epilog(examples))
    called = _with_common(default, COMMON, only_if_bare=True)
    made.callback(invoke_without_command=True, help=words, epilog=_epilog(examples))(called)
    command(made, "list", examples=[f"camel-ext {name} list"])(default)
    app.add_typer(made, name=name, rich_help_panel=panel)
    return made


def _with_common(
    fn: Callable[..., Any], common: Sequence[str], *, only_if_bare: bool = False
) -> Callable[..., None]:
    own = list(inspect.signature(fn, eval_str=True).parameters.values())[1:]

    def called(**values: Any) -> None:
        context: typer.Context | None = values.pop("context", None)
        if context is not None and context.invoked_subcommand is not None:
            return
        here = Here(**{each: values.pop(each) for each in common})
        run(here, lambda: fn(here, **values))

    keyword = inspect.Parameter.KEYWORD_ONLY
    whole = [each.replace(kind=keyword) for each in own]
    for each in common:
        default = False if each in ("as_json", "debug") else None
        whole.append(inspect.Parameter(each, keyword, default=default, annotation=_TYPES[each]))
    if only_if_bare:
        whole.append(inspect.Parameter("context", keyword, annotation=typer.Context))
    called.__signature__ = inspect.Signature(whole)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in whole}
    called.__doc__, called.__name__ = fn.__doc__, fn.__name__
    return called


def _epilog(examples: Sequence[str]) -> str:
    lines = [f"  [cyan]{example.replace('[', chr(92) + '[')}[/]" for example in examples]
    return "\n".join(["[dim]Examples[/]" if len(lines) > 1 else "[dim]Example[/]", *lines])


def run(here: Here, work: Callable[[], Any]) -> None:
    """Do a command's work; whatever goes wrong ends in a sentence and an exit code."""
    try:
        work()
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    except BrokenPipeError:  # `| head` has seen enough
        sys.stderr.close()
        raise typer.Exit(Exit.OK) from None
    except Exception as error:  # the last door before the terminal
        if here.debug:
            here.err.print_exception()
        raise typer.Exit(show_error(here, error)) from None


def show_error(here: Here, error: Exception) -> Exit:
    """Show an error and return its exit code."""
    explained = explain(error) or Explained(
        Exit.BUG,
        f"This is a bug of camel-ext: {type(error).__name__}: {error}",
        "The same command with --debug shows where; please report it.",
        "cli.bug",
    )
    if here.as_json:
        import json

        sys.stderr.write(json.dumps(explained.as_json(), ensure_ascii=False) + "\n")
        return explained.exit
    from rich.text import Text

    from camel_ext.cli.output import Indented

    err = here.err
    err.print(Text.assemble(("error  ", "bold red"), explained.message), soft_wrap=True)
    if explained.advice:
        err.print(Indented(Text(explained.advice, style="dim"), 7, blank_below=False))
    if explained.exit is Exit.BUG and explained.trace_id:
        err.print(Text(f"       trace id {explained.trace_id}", style="dim"))
    return explained.exit
