"""The stages of a loop on the terminal: what is done, what runs and how far it is.

On a terminal the list is alive; in a pipe each stage is a line when it ends.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypedDict

from camel_ext_client.experiments import Improvement, Stage
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from camel_ext.cli.output import duration, plain, plural

BAR = 24
WORDS = {
    "sample": "run the training goals",
    "fork": "ask each prompt again",
    "judge": "verifiers judge",
    "pair": "build preference pairs",
    "train": "train an adapter",
    "baseline": "held-out goals, before",
    "candidate": "held-out goals, after",
    "gate": "compare, paired",
    "promote": "decide",
    "verify_live": "run it live",
}


class Progress(TypedDict):
    """How far a stage is."""

    stage: str
    done: float
    total: float
    words: str


@dataclass(slots=True)
class StagesView:
    """Shows an improvement's stages while they go on."""

    console: Console
    progress: Progress | None = None
    found: Improvement | None = None
    _told: set[str] = field(default_factory=set)
    _since_s: float = field(default_factory=time.monotonic)
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots", style="cyan"))

    def show(
        self,
        found: Improvement,
        happenings: Iterable[tuple[Improvement, Progress | None]],
    ) -> Improvement:
        """Show all that happens until it is at rest; return how it is then."""
        self.found = found
        if not self.console.is_terminal:
            for each in self._taken(happenings):
                self._print_ended(each)
            return self.found
        live = Live(
            get_renderable=self._status, console=self.console, refresh_per_second=8, transient=True
        )
        with live:
            for each in self._taken(happenings):
                self._print_ended(each)
        return self.found

    def _taken(
        self, happenings: Iterable[tuple[Improvement, Progress | None]]
    ) -> Iterator[Improvement]:
        for found, progress in happenings:
            if progress is not None:
                self.progress = progress
            else:
                if self.found is None or found["stage"] != self.found["stage"]:
                    self._since_s, self.progress = time.monotonic(), None
                self.found = found
            yield found

    def _print_ended(self, found: Improvement) -> None:
        for stage in found.get("stages", []):
            if stage["state"] == "running" or stage["name"] in self._told:
                continue
            self._told.add(stage["name"])
            self.console.print(stage_line(stage))

    def _status(self) -> RenderableType:
        found = self.found
        if found is None or found["stage"] is None or found["stage"] in self._told:
            return Group()
        frame = self._spinner.render(time.monotonic())
        line = Text.assemble("  ", frame if isinstance(frame, Text) else "", " ")
        line.append(f"{found['stage']:<12}", style="bold")
        line.append(f"{WORDS.get(found['stage'], ''):<26}", style="dim")
        if self.progress is not None and self.progress["stage"] == found["stage"]:
            line.append_text(_bar(self.progress))
        line.append(f"  {time.monotonic() - self._since_s:.0f} s", style="dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def stage_line(stage: Stage) -> Text:
    """Return a stage that is over, in one line: what came of it and how long it took."""
    marks = {"succeeded": ("✓", "green"), "failed": ("✗", "red"), "cancelled": ("·", "dim")}
    mark = marks.get(stage["state"], ("●", "yellow"))
    line = Text.assemble("  ", mark, " ", (f"{stage['name']:<12}", "bold"))
    line.append(f"{came_of(stage):<58}")
    if stage["wall_s"] is not None:
        line.append(duration(stage["wall_s"] * 1000), style="dim")
    return line


def came_of(stage: Stage) -> str:
    """Return what came of a stage, in words."""
    result = stage["result"]
    if result is None:
        return WORDS.get(stage["name"], "")
    words = _RESULTS.get(stage["name"])
    return plain(words(result)) if words else ""


def _evaluated(result: dict[str, Any]) -> str:
    scores = ", ".join(f"{name} {100 * mean:.0f} %" for name, mean in result["means"].items())
    return f"{plural(result['cases'], 'goal')}: {scores}"


def _judged(result: dict[str, Any]) -> str:
    return (f"{plural(result['judgements'], 'verdict')} on "
            f"{plural(result['candidates'], 'candidate')}")  # fmt: skip


def _gated(result: dict[str, Any]) -> str:
    low, high = result["interval"]
    effect = f"{100 * result['effect']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"{result['verdict']}: {effect}"


_RESULTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "sample": lambda r: plural(r["runs"], "run") + (f", {r['failed']} failed" if r["failed"] else ""),
    "fork": lambda r: plural(r["samples"], "further answer"),
    "judge": _judged,
    "pair": lambda r: plural(r["pairs"], "preference pair"),
    "train": lambda r: plural(r["steps"], "step"),
    "baseline": _evaluated,
    "candidate": _evaluated,
    "gate": _gated,
    "promote": lambda r: str(r["kind"]),
    "verify_live": lambda r: "the adapter answers" if r.get("live") else r.get("skipped") or "moved",
}  # fmt: skip


def _bar(progress: Progress) -> Text:
    total = progress["total"] or 1
    share = max(0.0, min(1.0, progress["done"] / total))
    filled = round(BAR * share)
    bar = Text.assemble(("━" * filled, "cyan"), ("─" * (BAR - filled), "dim"))
    bar.append(f" {progress['done']:.0f}/{total:.0f}", style="dim")
    if progress["words"]:
        bar.append(f"  {progress['words']}", style="dim")
    return bar
