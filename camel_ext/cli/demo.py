"""`demo`: the main job in one command, on real goals with the real model, live in the terminal.

A model that answers badly is shown as it is; the demo fails only where the platform did: a server
that did not start, a run that was lost, a call that is not in the log.
"""

import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, TypedDict

import typer
from camel_ext_client import Client, Unreachable
from rich.text import Text

from camel_ext import __version__
from camel_ext.cli.command import Here
from camel_ext.cli.demo_artefacts import Result, collect, write_summary
from camel_ext.cli.demo_loop import close_the_loop
from camel_ext.cli.demo_platform import Platform, bring_model, running
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.following import RunSeen, Seen, follow
from camel_ext.cli.live import LiveView, output_shown
from camel_ext.cli.output import amount, duration, plain, plural, short, table
from camel_ext.cli.turns import PALETTE, Colours, cut

ROLES = ("proposer", "executor", "reviewer", "programmer")
FILES = ("agents.yaml", "workflows.yaml", "models.yaml")
MODEL_SILENT_S = 120.0
LOST_S = 15.0


class Goal(TypedDict):
    """One entry of goals.yaml."""

    workflow: str
    input: dict[str, Any]


def demo(here: Here, folder: Path, seed: int) -> None:
    """Play the demo in a folder: a team at work, then the loop that makes one of it better."""
    folder = folder.expanduser().absolute()
    data_dir = folder / "data"
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Stop(
            Exit.USAGE, f"Cannot write to {folder} ({error.strerror}).", "Take another: --dir DIR"
        ) from error
    here.out.print(f"\n[bold]CAMEL Extensions[/] {__version__}  [quiet]demo in {folder}[/]\n")
    bring_model(here, data_dir, cache=folder.parent)
    with running(data_dir, folder / "server.log") as platform:
        with Client(platform.url, platform.key) as client:
            broken = _play(here, client, platform, folder)
            broken = close_the_loop(here, client, platform, folder, seed) or broken
            _show_where(here, folder, platform.data_dir)
        if not broken and here.out.is_terminal:
            _offer_to_stay(here, platform)
    if broken:
        raise typer.Exit(Exit.FAILED)


def _play(here: Here, client: Client, platform: Platform, folder: Path) -> bool:
    out, began_s = here.out, time.monotonic()
    goals = _apply(client)
    out.print(
        f"  The platform runs at [id]{platform.url}[/]; the team and its workflows are applied."
    )
    out.print(f"  {plural(len(goals), 'goal')} at once, each for a team: proposes → does → is "
              "checked → is reviewed.\n")  # fmt: skip
    labels, started = {}, []
    for number, goal in enumerate(goals, start=1):
        run = client.runs.start(goal["workflow"], goal["input"], seed=number, tags=["demo"])
        started.append(run["id"])
        labels[run["id"]] = Text(f" {number} ", f"reverse {PALETTE[(number - 1) % len(PALETTE)]}")
        out.print(Text.assemble("  ", labels[run["id"]], f"  {goal['input']['goal']}"))
    out.print()
    view = LiveView(out, labels, Colours(ROLES))
    view.show(_guarded(follow(client, started, give_up_s=LOST_S), platform))
    results = collect(client, folder, started)
    write_summary(folder, results, time.monotonic() - began_s)
    _show_results(here, results, labels, time.monotonic() - began_s)
    return _show_problems(here, results)


def team_files() -> dict[str, str]:
    """Return the demo's configuration: file names and their texts."""
    there = files("camel_ext.cli") / "demo_files"
    return {name: (there / name).read_text("utf-8") for name in FILES}


def _apply(client: Client) -> list[Goal]:
    from ruamel.yaml import YAML

    there = files("camel_ext.cli") / "demo_files"
    client.configurations.apply(team_files(), name="demo")
    goals: list[Goal] = YAML(typ="safe", pure=True).load((there / "goals.yaml").read_text())[
        "goals"
    ]
    return goals


def _guarded(seen: Iterator[Seen], platform: Platform) -> Iterator[Seen]:
    """Pass on what is seen; stop where the platform died or its model never answers.

    Raises: Stop.
    """
    silent_s: dict[str, float] = {}
    try:
        for each in seen:
            if isinstance(each, RunSeen):
                run = each.run
                if run["waiting_for"] == "provider":
                    since_s = silent_s.setdefault(run["id"], time.monotonic())
                    if time.monotonic() - since_s > MODEL_SILENT_S:
                        what = str(run["waiting_detail"])
                        raise Stop(Exit.FAILED, what, f"The server's log: {platform.log}")
                else:
                    silent_s.pop(run["id"], None)
            yield each
    except Unreachable as error:
        if platform.alive:
            raise
        words = platform.last_words()
        raise Stop(Exit.FAILED, f"The demo's server ended: {words}", f"{platform.log}") from error


def _show_results(
    here: Here, results: list[Result], labels: dict[str, Text], seconds: float
) -> None:
    right: dict[str, Any] = {"justify": "right", "no_wrap": True}
    made = table(
        "", ("goal", {"ratio": 3}), ("turns", right), ("time", right), ("verifier", {"no_wrap": True}),
        ("reviewer", {"no_wrap": True}), ("answer", {"ratio": 4}),
    )  # fmt: skip
    for result in results:
        made.add_row(
            labels[result.run_id],
            plain(result.goal),
            str(result.turns),
            duration(result.seconds * 1000),
            _verdict(result.verifier_passed, "passed"),
            _verdict(result.reviewer_approved, "approved"),
            plain(cut(_answer(result), 3, 160)),
        )
    here.out.print(made)
    tokens = sum(result.tokens for result in results)
    turns = sum(result.turns for result in results)
    passed = sum(bool(result.verifier_passed) for result in results)
    here.out.print(
        f"\n  {passed} of {len(results)} answers passed the verifier  [quiet]· {turns} turns · "
        f"{amount(tokens)} tokens · {duration(seconds * 1000)}[/]"
    )
    here.out.print(
        "  [quiet]The model has 135 million parameters: its verdicts and many answers are poor, and "
        "are shown as they are.[/]\n"
    )


def _verdict(value: bool | None, word: str) -> str:
    if value is None:
        return "[quiet]none[/]"
    return f"[ok]✓[/] {word}" if value else "[bad]✗[/] no"


def _answer(result: Result) -> str:
    if result.state != "succeeded":
        return f"({result.state}) {result.error or ''}"
    value = result.output
    if isinstance(value, dict) and "printed" in value:
        return f"{value.get('code', '')} → {value['printed']}".replace("\n", " ")
    return " ".join(output_shown(value).split())


def _show_where(here: Here, folder: Path, data_dir: Path) -> None:
    out = here.out
    out.print(f"  [quiet]transcripts[/]   {folder / 'transcripts'}", soft_wrap=True)
    out.print(f"  [quiet]everything[/]    {folder}/runs.json, interactions.jsonl, summary.json, "
              "server.log\n", soft_wrap=True)  # fmt: skip
    out.print("  Look around:", soft_wrap=True)
    option = f"--data-dir {data_dir}"
    lines = [
        [f"    camel-ext up {option}", "starts this server again"],
        [f"    camel-ext runs {option}", "lists the runs"],
        [f"    camel-ext show last {option} --turn 1", "the exact prompt and answer"],
        [f"    camel-ext logs {option}", "every call of the model"],
        [f"    camel-ext certificate {option}", "what was proven"],
    ]
    for command, why in lines:
        out.print(f"[id]{command}[/]   [quiet]{why}[/]", soft_wrap=True)
    out.print()


def _show_problems(here: Here, results: list[Result]) -> bool:
    problems = [(result, problem) for result in results for problem in result.problems]
    for result, problem in problems:
        here.err.print(f"[bad]✗[/] run {short(result.run_id)}: {plain(problem)}", soft_wrap=True)
    return bool(problems)


def _offer_to_stay(here: Here, platform: Platform) -> None:
    try:
        if not typer.confirm("  Keep the server up to look around?", default=False):
            return
        with Client(platform.url, platform.key) as client:
            link = client.sign_ins.link()
        here.out.print(f"\n  [id]{link}[/]\n  [quiet]Ctrl-C stops it.[/]\n", soft_wrap=True)
        platform.process.wait()
    except (KeyboardInterrupt, typer.Abort):
        here.out.print()
