"""Curves on the terminal: a training's loss, margin and accuracy as they grow, and how far it is.

It shows numbers that it is given; where they come from, and when it is over, is `training`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from camel_ext_client.training import Metric, Training
from rich.console import Group, RenderableType
from rich.text import Text

from camel_ext.cli.output import duration, plain, short, size

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH, BAR = 48, 24
CURVES = (
    ("loss", "loss", "what is optimised"),
    ("margin", "margin", "nats by which the chosen answer is ahead"),
    ("accuracy", "accuracy", "pairs of which the chosen answer is ahead"),
    ("chosen_logps", "chosen", "log-probability of the chosen answers"),
)
PHASES = {
    "device": "waits for a device",
    "convert": "reads the base",
    "tokenize": "reads the pairs",
    "load": "loads the base",
    "reference": "asks the base",
    "train": "trains",
    "evaluate": "looks",
    "export": "writes the adapter",
}


@dataclass(slots=True)
class Seen:
    """All that is known of a training while it is watched."""

    training: Training
    steps: list[Metric] = field(default_factory=list)
    looks: list[Metric] = field(default_factory=list)


def sparkline(values: Sequence[float], width: int = WIDTH) -> str:
    """Return values as a row of blocks; of more than fit, the means of equal stretches."""
    if not values:
        return ""
    if len(values) > width:
        edges = [round(index * len(values) / width) for index in range(width + 1)]
        parts = [values[start:end] for start, end in pairwise(edges)]
        values = [sum(part) / len(part) for part in parts]
    low, high = min(values), max(values)
    if high == low:
        return BLOCKS[3] * len(values)
    scale = (len(BLOCKS) - 1) / (high - low)
    return "".join(BLOCKS[round((value - low) * scale)] for value in values)


def picture(seen: Seen) -> RenderableType:
    """Return how a training stands: a line of progress, its curves, its alarms."""
    return Group(progress_line(seen.training), *curves(seen), *alarms(seen.training))


def progress_line(training: Training) -> Text:
    """Return phase, steps, time left, speed and memory in one line."""
    progress = training["progress"]
    line = Text.assemble("  ", (f"{_name(training)}  ", "bold"))
    if training["state"] == "queued":
        return line.append("queued", style="dim")
    steps, step = int(progress.get("steps") or 0), int(progress.get("step") or 0)
    phase = str(progress.get("phase", "starts"))
    line.append(f"{PHASES.get(phase, phase)}  ", style="cyan")
    if steps:
        filled = round(BAR * step / steps)
        line.append("━" * filled, style="green")
        line.append("━" * (BAR - filled), style="dim")
        line.append(f"  step {step}/{steps}")
    said = [
        f"{duration(progress['eta_s'] * 1000)} left" if progress.get("eta_s") else "",
        f"{progress['tokens_per_s']:.0f} tokens/s" if progress.get("tokens_per_s") else "",
        size(progress["rss_bytes"]) if progress.get("rss_bytes") else "",
    ]
    line.append("".join(f"  ·  {each}" for each in said if each), style="dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def curves(seen: Seen) -> list[Text]:
    """Return a line for each curve: its shape, the newest value, and what was held out."""
    lines = []
    look = seen.looks[-1]["values"] if seen.looks else {}
    for key, word, meaning in CURVES:
        values = [float(each["values"][key]) for each in seen.steps if _is_number(each, key)]
        if not values:
            continue
        line = Text.assemble("  ", (f"{word:<9}", "dim"), (sparkline(values), "cyan"))
        line.append(f"  {values[-1]:.3f}")
        if isinstance(look.get(key), int | float):
            word = "held out" if look.get("split", "eval") == "eval" else "all pairs"
            line.append(f"  {word} {look[key]:.3f}", style="green")
        line.append(f"  {meaning}", style="dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        lines.append(line)
    return lines


def alarms(training: Training) -> list[Text]:
    """Return a line for each alarm."""
    return [
        Text.assemble("  ", (f"! {each['code']}  ", "yellow"), each["words"])
        for each in training["alarms"]
    ]


def step_line(metric: Metric) -> str:
    """Return a step in one line, for a pipe."""
    values = metric["values"]
    numbers = [
        f"{name} {values[name]:.4f}"
        for name in ("loss", "margin", "accuracy")
        if _is_number(metric, name)
    ]
    return f"  step {metric['step']}/{values.get('steps', '?')}  {'  '.join(numbers)}"


def _is_number(metric: Metric, key: str) -> bool:
    return isinstance(metric["values"].get(key), int | float)


def _name(training: Training) -> str:
    return f"{training['base'].partition('@')[0]}/{training['name']}"


def title(training: Training) -> str:
    """Return a training's name and id, as markup."""
    return f"[name]{plain(_name(training))}[/]  [id]{short(training['id'])}[/]"
