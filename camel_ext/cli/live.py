"""Runs on the terminal while they run: each turn as it commits, text while it is made.

On a terminal the last lines are alive: who is at work in which run, and the end of what is being
written. In a pipe there are only the turns. It shows; what happens is told by `following`.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from camel_ext_client.shapes import Run
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from camel_ext.cli.following import RunSeen, Seen, TextSeen, TurnSeen
from camel_ext.cli.output import Indented, amount, cost, duration, plain, plural, short, state_shown
from camel_ext.cli.turns import Colours, turn_shown

TAIL_LINES = 6
MARKS = {"succeeded": "[ok]✓[/]", "failed": "[bad]✗[/]", "cancelled": "[quiet]·[/]"}


@dataclass(slots=True)
class _Busy:
    """What is known of a run that is not at rest."""

    since_s: float
    state: str = "queued"
    text: str = ""
    stream: str = ""
    step: str = ""


@dataclass(slots=True)
class LiveView:
    """Shows what is seen; `labels` names the runs where there are several."""

    console: Console
    labels: dict[str, Text] = field(default_factory=dict)
    colours: Colours = field(default_factory=Colours)
    runs: dict[str, Run] = field(default_factory=dict)
    _busy: dict[str, _Busy] = field(default_factory=dict)
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def show(self, happenings: Iterable[Seen]) -> None:
        """Show all that happens until it ends."""
        if not self.console.is_terminal:
            for seen in happenings:
                self.take(seen)
            return
        live = Live(
            get_renderable=self._status, console=self.console, refresh_per_second=8, transient=True
        )
        with live:
            for seen in happenings:
                self.take(seen)

    def take(self, seen: Seen) -> None:
        """Show one thing."""
        if isinstance(seen, TextSeen):
            self._hear(seen)
        elif isinstance(seen, TurnSeen):
            busy = self._at(seen.run_id)
            busy.text, busy.step, busy.since_s = "", "", time.monotonic()
            label = self.labels.get(seen.run_id)
            self.console.print(turn_shown(seen.turn, seen.answer, self.colours, label=label))
        elif isinstance(seen, RunSeen):
            self._note_state(seen.run)

    def _hear(self, seen: TextSeen) -> None:
        busy = self._at(seen.run_id)
        if seen.stream != busy.stream:
            busy.stream, busy.text = seen.stream, ""
            busy.step = "/".join(seen.stream.split("/")[1:-1])  # run, step key, call
        busy.text += seen.text

    def _note_state(self, run: Run) -> None:
        self.runs[run["id"]] = run
        if run["state"] in ("queued", "running") or run["waiting_for"] in ("provider", "schedule"):
            busy = self._at(run["id"])
            word = state_shown(run["state"], run["waiting_for"])
            if run["state"] == "waiting" and busy.state != word:
                detail = plain(run["waiting_detail"] or "")
                self.console.print(f"     {word}  [quiet]{detail}[/]\n")
            busy.state = word
            return
        self._busy.pop(run["id"], None)
        if run["id"] in self.labels:
            styled = self.console.render_str(f"  {ending(run)}\n")
            self.console.print(Text.assemble("  ", self.labels[run["id"]], styled))

    def _at(self, run_id: str) -> _Busy:
        return self._busy.setdefault(run_id, _Busy(time.monotonic()))

    def _status(self) -> RenderableType:
        parts: list[RenderableType] = []
        for run_id, busy in list(self._busy.items())[: 1 if len(self.labels) < 2 else 12]:
            frame = self._spinner.render(time.monotonic())
            line = Text.assemble("  ", frame if isinstance(frame, Text) else "", " ")
            if run_id in self.labels:
                line.append_text(self.labels[run_id])
                line.append("  ")
            line.append_text(Text.from_markup(plain(busy.step) or busy.state, style="dim"))
            line.append(f"  {time.monotonic() - busy.since_s:.0f} s", style="dim")
            if self.labels and busy.text:
                line.append("  " + " ".join(busy.text.split())[-60:], style="dim")
            line.no_wrap, line.overflow = True, "ellipsis"
            parts.append(line)
            if not self.labels and busy.text:
                parts.append(self._tail(busy.text))
        return Group(*parts)

    def _tail(self, text: str) -> RenderableType:
        width = max(20, self.console.width - 6)
        lines = Text(text, style="dim").wrap(self.console, width)
        return Indented(Group(*lines[-TAIL_LINES:]), blank_below=False)


def ending(run: Run) -> str:
    """Return how a run ended, and what it took, in one line of markup."""
    mark = MARKS.get(run["state"], "[warn]●[/]")
    tokens = run["prompt_tokens"] + run["completion_tokens"]
    facts = [
        plural(run["turns"], "turn"),
        f"{amount(tokens)} tokens",
        duration(run["running_ms"]),
        cost(run["cost_usd_micros"]),
    ]
    state = state_shown(run["state"], run["waiting_for"])
    return f"{mark} {state}  [quiet]{' · '.join(facts)}[/]"


def given_shown(run: Run) -> str:
    """Return what a run was asked for, in one line: its first text, or what there is."""
    values = list(run["input"].values())
    texts = [value for value in values if isinstance(value, str)] or [str(v) for v in values]
    return " ".join(texts[0].split())[:300] if texts else ""


def output_shown(value: Any) -> str:
    """Return a run's output as text: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, indent=2)


def show_ending(out: Console, run: Run) -> None:
    """Show a run's output or what went wrong, and what it took."""
    if run["state"] == "succeeded" and run["output"] is not None:
        out.print(Text("output", style="dim"))
        out.print(Indented(Text(output_shown(run["output"]))))
    if run["state"] == "failed":
        what = Text.assemble((str(run["error_detail"] or run["error_code"]), "red"))
        out.print(Indented(what))
    if run["state"] == "waiting":
        out.print(Indented(Text(str(run["waiting_detail"] or ""))))
    out.print(f"{ending(run)}  [quiet]· run[/] [id]{run['id']}[/]", soft_wrap=True)
    for line in what_next(run):
        out.print(f"[quiet]{line}[/]", soft_wrap=True)


def what_next(run: Run) -> list[str]:
    """Return what a person can do now with a run, as commands."""
    name = short(run["id"])
    if run["state"] == "waiting":
        return {
            "person": [
                f"It happened: camel-ext runs decide {name} happened --result TEXT",
                f"It did not:  camel-ext runs decide {name} repeat",
            ],
            "budget": [f"Go on: camel-ext runs resume {name} --budget {_raised(run)}"],
            "pause": [f"Go on: camel-ext runs resume {name}, or camel-ext runs step {name}"],
        }.get(str(run["waiting_for"]), [f"Watch it: camel-ext watch {name}"])
    if run["state"] == "failed":
        return [f"Look: camel-ext show {name}   Try again: camel-ext runs retry {name}"]
    if run["state"] in ("queued", "running"):
        return [f"Watch it: camel-ext watch {name}"]
    return [f"Look again: camel-ext show {name}"]


def _raised(run: Run) -> str:
    """Return the limit that was reached, doubled, as an option; its detail begins `NAME is NUMBER,`."""
    name, _, rest = (run["waiting_detail"] or "").partition(" is ")
    number = rest.partition(",")[0]
    try:
        return f"{name}={2 * float(number):g}"
    except ValueError:
        return "max_turns=100"
