"""`show`: a run with its turns afterwards, or one turn with all that was really sent and returned."""

import json
from collections.abc import Iterator
from typing import Any

from camel_ext_client import Client
from camel_ext_client.shapes import Run, Turn
from camel_ext_client.shapes_interactions import Interaction
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from camel_ext.cli.command import Here
from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.following import answer_of
from camel_ext.cli.live import show_ending
from camel_ext.cli.output import Indented, amount, cost, duration, plain
from camel_ext.cli.runs import find_run
from camel_ext.cli.turns import Colours, turn_shown

ROLES = {"system": "dim", "user": "cyan", "assistant": "magenta", "tool": "yellow"}


def show(here: Here, wanted: str, number: int | None) -> None:
    """Show a run, or one of its turns."""
    with here.connect() as client:
        run = client.runs.get(find_run(client, wanted))
        if number is None:
            _show_run(here, client, run)
        else:
            _show_turn(here, client, _find_turn(client, run, number))


def _show_run(here: Here, client: Client, run: Run) -> None:
    if here.as_json:
        here.answer({"run": run, "turns": list(client.runs.each_turn(run["id"]))})
        return
    out = here.out
    out.print(
        f"[name]{plain(run['workflow'])}[/]  [quiet]run[/] [id]{run['id']}[/]", soft_wrap=True
    )
    for label, text in _about(run):
        out.print(Text.assemble((f"  {label:9}", "dim"), text))
    out.print()
    colours = Colours()
    for turn in client.runs.each_turn(run["id"]):
        out.print(turn_shown(turn, answer_of(client, turn), colours))
    show_ending(out, run)


def _about(run: Run) -> Iterator[tuple[str, str]]:
    for name, value in run["input"].items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield name[:9], text[:500]
    yield "seed", str(run["seed"])
    if run["budgets"]:
        yield "budget", ", ".join(f"{name} {value:g}" for name, value in run["budgets"].items())
    for alias, resolved in sorted(run["resolved"].get("models", {}).items()):
        target = resolved.get("name") if isinstance(resolved, dict) else resolved
        yield "model", f"{alias} = {target}"
    if run["purpose"] != "run":
        yield "purpose", run["purpose"]
    if run["parent_run_id"]:
        yield "retries", f"{run['parent_run_id']}, from turn {run['prefix_seq']} on"
    if run["tags"]:
        yield "tags", ", ".join(run["tags"])
    yield "started", str(run["created_at"])


def _find_turn(client: Client, run: Run, number: int) -> Turn:
    found = client.runs.turns(run["id"], after=number - 1, limit=1)["items"]
    if not found or found[0]["seq"] != number:
        raise Stop(
            Exit.NOT_FOUND,
            f"The run has {run['turns']} turns, no turn {number}.",
            f"camel-ext show {run['id']} lists them.",
        )
    return found[0]


def _show_turn(here: Here, client: Client, turn: Turn) -> None:
    interaction = None
    if turn["interaction_id"] is not None:
        interaction = client.interactions.get(turn["interaction_id"])
    if here.as_json:
        here.answer({"turn": turn, "interaction": interaction})
        return
    out = here.out
    if interaction is None:
        _show_call(out, turn)
    else:
        show_interaction(out, interaction, title=f"turn {turn['seq']}  {turn['step_key']}")


def _show_call(out: Console, turn: Turn) -> None:
    """Show a tool's call or a check, whole."""
    out.print(f"[name]turn {turn['seq']}[/]  {turn['kind']} {plain(turn['name'])}  "
              f"[quiet]{plain(turn['step_key'])} · {duration(turn['total_ms'])}[/]")  # fmt: skip
    for title, value in (("given", turn["input"]), ("gave", turn["output"])):
        out.print(Rule(title, align="left", style="dim"))
        for name, each in value.items() if isinstance(value, dict) else [("", value)]:
            text = each if isinstance(each, str) else json.dumps(each, ensure_ascii=False, indent=2)
            if name:
                out.print(Text(name, style="dim"))
            out.print(Indented(Text(text), 2 if name else 0, blank_below=False))


def show_interaction(out: Console, found: Interaction, *, title: str) -> None:
    """Show one call of a model: every message as it was sent, the answer, and what it took."""
    out.print(f"[name]{plain(title)}[/]  [quiet]interaction {found['id']}[/]", soft_wrap=True)
    for name, value in _facts(found):
        out.print(Text.assemble((f"  {name:9}", "dim"), value))
    for message in found["messages"]:
        _show_message(out, message)
    for tool in found["tools"] or ():
        function = tool.get("function", {})
        out.print(Text.assemble(("tool offered  ", "dim"), (str(function.get("name")), "yellow")))
    if found["answer"] is not None:
        out.print(Rule("answer", align="left", style="bold magenta"))
        _show_content(out, found["answer"])
    if found["error_code"]:
        out.print(Rule("error", align="left", style="red"))
        out.print(Text(f"{found['error_code']}: {found['error_detail']}", style="red"))


def _facts(found: Interaction) -> Iterator[tuple[str, str]]:
    who = found["agent_id"] or found["source"]
    yield "asked by", f"{who}, for {found['purpose']}"
    model = [found["alias"], found["engine"], found["quantization"], found["engine_build"]]
    yield "model", " · ".join(part for part in model if part)
    params = ", ".join(f"{name} {value}" for name, value in found["params"].items())
    yield "sampling", params or "the engine's defaults"
    tokens = (
        f"{amount(found['prompt_tokens'] or 0)} in, {amount(found['completion_tokens'] or 0)} out"
    )
    first = f", first after {duration(found['ttft_ms'])}" if found["ttft_ms"] else ""
    price = cost(found["cost_usd_micros"])
    yield "took", f"{tokens} tokens · {duration(found['total_ms'])}{first} · {price}"
    if found["finish_reason"]:
        yield "ended by", str(found["finish_reason"])
    yield "at", str(found["created_at"])


def _show_message(out: Console, message: dict[str, Any]) -> None:
    role = str(message.get("role"))
    out.print(Rule(role, align="left", style=ROLES.get(role, "dim")))
    _show_content(out, message)


def _show_content(out: Console, message: dict[str, Any]) -> None:
    content = message.get("content")
    if content:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        out.print(Text(text), soft_wrap=True)
    for call in message.get("tool_calls") or ():
        function = call.get("function", {})
        out.print(
            Text.assemble(
                ("calls ", "dim"), (str(function.get("name")), "yellow"),
                f" {function.get('arguments', '')}",
            ),
            soft_wrap=True,
        )  # fmt: skip
