"""`improve`: read improve.yaml, start the loop, and follow its stages to the end.

Leaving never ends it: it belongs to the server.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from camel_ext_client import ApiError, Client
from camel_ext_client.experiments import Improvement
from camel_ext_client.shapes import FINAL
from rich.text import Text

from camel_ext.cli.certificates import save_certificate, show_verdict
from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.improvements import find_improvement, what_next
from camel_ext.cli.output import plain, plural, short, write_json
from camel_ext.cli.stages import Progress, StagesView
from camel_ext.experiments import ImproveFile, files_named, read_improve
from camel_ext.workflows import LanguageError, Problem

GIVE_UP_S = 60.0  # a server that restarts is back before
CODES = {
    "succeeded": Exit.OK,
    "failed": Exit.FAILED,
    "cancelled": Exit.CANCELLED,
    "waiting": Exit.WAITING,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed after `improve`."""

    workflow: str
    file: Path
    seed: int | None
    priority: int
    output: Path | None


def improve(here: Here, wanted: Wanted, *, watching: bool, only_plan: bool) -> None:
    """Start an improvement, watch it unless only its start was wanted."""
    try:
        read = read_file(wanted.file)
    except LanguageError as error:
        if here.as_json:
            raise
        show_problems(here, wanted.file, error.problems)
        raise typer.Exit(Exit.USAGE) from None
    config = read.config.model_dump(mode="json")
    with here.connect() as client:
        with _placed(here, wanted.file, read):
            if only_plan:
                _show_plan(here, client.improvements.plan(wanted.workflow, config))
                return
            started = client.improvements.start(
                wanted.workflow, config, seed=wanted.seed, priority=wanted.priority
            )
        if not watching:
            _detached(here, started)
            return
        ended = follow_to_end(here, client, started)
        end(here, client, ended, wanted.output)


def watch_improvement(here: Here, which: str, output: Path | None) -> None:
    """Follow an improvement that is there."""
    with here.connect() as client:
        found = client.improvements.get(find_improvement(client, which))
        end(here, client, follow_to_end(here, client, found), output)


def read_file(path: Path) -> ImproveFile:
    """Read improve.yaml and the files of goals that it names, from beside it.

    Raises: Stop, LanguageError.
    """
    text = _text(path)
    others = {}
    for name in files_named(path.name, text):
        beside = path.parent / name
        if beside.is_file():
            others[name] = _text(beside)
    return read_improve(path.name, text, others)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise Stop(
            Exit.USAGE,
            f"Cannot read {path} ({error.strerror}).",
            "Name the file with -f; docs/guide/improve.md shows how to write one.",
        ) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise Stop(Exit.USAGE, f"{path}:{line}: this is not UTF-8 text.") from error


class _placed:  # noqa: N801 - reads as a word of the with statement
    """Show what the server finds wrong with the configuration at its line in the file."""

    def __init__(self, here: Here, path: Path, read: ImproveFile) -> None:
        self._here, self._path, self._read = here, path, read

    def __enter__(self) -> None:
        """Nothing happens before something is wrong."""

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if self._here.as_json or not isinstance(error, ApiError):
            return
        problems = [
            self._read.problem_at(tuple(each["loc"][2:]), each["msg"], each.get("fix", ""))
            for each in error.errors
            if each.get("loc", [])[:2] == ["body", "config"]
        ]
        if problems:
            show_problems(self._here, self._path, problems)
            raise typer.Exit(Exit.USAGE) from None


def show_problems(here: Here, path: Path, problems: list[Problem]) -> None:
    """Show each problem with its line, and a mark under its column."""
    for each in problems:
        file = path.parent / each.file
        place = f"{file}:{each.line}:{each.column}"
        here.err.print(Text.assemble((place, "bold"), ("  " + each.field, "dim")), soft_wrap=True)
        lines = file.read_text("utf-8").splitlines() if file.is_file() else []
        if 0 < each.line <= len(lines):
            here.err.print(Text(f"    {lines[each.line - 1]}", style="dim"), soft_wrap=True)
            here.err.print(Text("    " + " " * (each.column - 1) + "^", style="red"))
        here.err.print(Text.assemble(("  ", ""), (each.message, "red"), f" {each.fix}"),
                       soft_wrap=True)  # fmt: skip
    here.err.print(f"{plural(len(problems), 'problem')}: nothing was started.")


def follow_to_end(here: Here, client: Client, found: Improvement) -> Improvement:
    """Follow an improvement until nothing more happens by itself; show it as it goes."""
    if here.as_json:
        ended = found
        for ended, progress in follow(client, found):
            line = {"type": "improvement", "state": ended["state"], "stage": ended["stage"]}
            write_json(line if progress is None else {"type": "progress", **progress}, line=True)
        return ended
    return StagesView(here.out).show(found, follow(client, found))


def follow(client: Client, found: Improvement) -> Iterator[tuple[Improvement, Progress | None]]:
    """Yield the improvement at each change, and between them how far its stage is."""
    yield found, None
    if at_rest(found):
        return
    topics = [f"experiments:{found['id']}"]
    with closing(client.watch(topics, give_up_s=GIVE_UP_S)) as messages:
        for message in messages:
            if message["type"] == "frame":
                progress = _progress(message.get("text", ""))
                if progress is not None:
                    yield found, progress
                continue
            found = client.improvements.get(found["id"])
            yield found, None
            if at_rest(found):
                return


def at_rest(found: Improvement) -> bool:
    """Tell whether nothing more happens by itself."""
    return found["state"] in FINAL or found["state"] == "waiting"


def end(here: Here, client: Client, ended: Improvement, output: Path | None) -> None:
    """Show how it ended, write the certificate where one is wanted, and give the exit code."""
    certificate_id = ended["certificate_id"]
    shown = None if certificate_id is None else client.certificates.get(certificate_id)
    if output is not None and certificate_id is not None:
        save_certificate(client, certificate_id, output)
    if here.as_json:
        write_json({"type": "end", "improvement": ended, "certificate": shown}, line=True)
    else:
        if shown is not None:
            show_verdict(here.out, shown)
        if ended["error_detail"]:
            here.err.print(f"[bad]{plain(ended['error_detail'])}[/]", soft_wrap=True)
        if output is not None and shown is not None:
            here.out.print(f"  [quiet]written to[/] {output}/certificate.html, .md, .json",
                           soft_wrap=True)  # fmt: skip
        for line in what_next(ended):
            here.note(line)
    code = CODES[ended["state"]]
    if code is not Exit.OK:
        raise typer.Exit(code)


def _progress(text: str) -> Progress | None:
    last = text.strip().splitlines()[-1] if text.strip() else ""
    try:
        read = json.loads(last)
        return Progress(
            stage=read["stage"], done=read["done"], total=read["total"], words=read["words"]
        )
    except (ValueError, KeyError, TypeError):
        return None  # a frame that was cut: the next one is whole


def _detached(here: Here, started: Improvement) -> None:
    if here.as_json:
        here.answer(started)
        return
    here.out.print(f"Started: [id]{started['id']}[/]", soft_wrap=True)
    here.note(f"Watch it: camel-ext improvements watch {short(started['id'])}")


def _show_plan(here: Here, plan: dict[str, Any]) -> None:
    if here.as_json:
        here.answer(plan)
        return
    out, gain = here.out, plan["smallest_gain"]
    out.print(f"\n  [name]{plain(plan['agent'])}[/] in {plain(plan['workflow'])} is answered by "
              f"[id]{plain(plan['alias'])}[/] → {plain(plan['baseline'])}")  # fmt: skip
    out.print(f"  learn    {plural(plan['goals'], 'goal')}, "
              f"{plural(plan['candidates'], 'candidate answer')}")  # fmt: skip
    out.print(f"  prove    {plural(plan['heldout_goals'], 'held-out goal')} in "
              f"{plural(plan['heldout_topics'], 'topic')}")  # fmt: skip
    out.print(f"  power    a true gain of {100 * gain:.0f} points would be found with "
              f"{100 * plan['power']:.0f} %  [quiet]({plain(plan['assumed_from'])})[/]",
              soft_wrap=True)  # fmt: skip
    for warning in plan["warnings"]:
        out.print(f"  [warn]note[/]     {plain(warning)}", soft_wrap=True)
    budget = plan["budget"]
    out.print(f"  budget   look {plan['cycle']} may err with {100 * plan['alpha']:.2f} %; "
              f"{100 * budget['spent']:.2f} of {100 * budget['level']:g} % are spent\n")  # fmt: skip
