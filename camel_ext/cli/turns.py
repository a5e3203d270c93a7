"""How one turn looks: who, where in the workflow, and what was said, called or found.

Text of models and tools is never read as markup. Long output is cut for the eye; `camel-ext show`
with `--turn` prints all of it.
"""

import json
from typing import Any

from camel_ext_client.shapes import Turn
from rich.console import Group, RenderableType
from rich.text import Text

from camel_ext.cli.output import Indented, duration

PALETTE = ("cyan", "magenta", "green", "blue", "bright_yellow", "bright_cyan", "bright_magenta")
TOOL = "yellow"
MAX_LINES = 14
MAX_CHARS = 2_000
SPARED = 20  # so few letters more are shown rather than counted


class Colours:
    """A colour for each name, by first appearance, so that a role keeps its own."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._of: dict[str, str] = {}
        for name in names:
            self.of(name)

    def of(self, name: str) -> str:
        """Return the name's colour."""
        return self._of.setdefault(name, PALETTE[len(self._of) % len(PALETTE)])


def turn_shown(
    turn: Turn, answer: dict[str, Any] | None, colours: Colours, *, label: Text | None = None
) -> RenderableType:
    """Return a turn: a heading, and its content below, indented."""
    heading = Text() if label is None else Text.assemble("  ", label)
    heading.append(f"{turn['seq']:>3}  ", style="dim")
    if turn["kind"] == "model":
        heading.append(turn["name"], style=f"bold {colours.of(turn['name'])}")
    else:
        mark = "tool " if turn["kind"] == "tool" else "check "
        heading.append(mark, style="dim")
        heading.append(turn["name"], style=f"bold {TOOL}" if turn["kind"] == "tool" else "bold")
    heading.append(f"   {turn['step_key']} · {duration(turn['total_ms'])}", style="dim")
    heading.no_wrap, heading.overflow = True, "ellipsis"
    return Group(heading, Indented(_content(turn, answer)))


def _content(turn: Turn, answer: dict[str, Any] | None) -> RenderableType:
    if turn["kind"] == "model":
        return answer_shown(answer or {})
    if turn["kind"] == "tool":
        return _tool_shown(turn)
    return verdict_shown(turn["output"])


def answer_shown(message: dict[str, Any]) -> RenderableType:
    """Return what a model said: its text, or the calls that it asked for."""
    parts: list[RenderableType] = []
    text = str(message.get("content") or "").strip()
    if text:
        parts.append(_fields(text) or Text(cut(text)))
    for call in message.get("tool_calls") or ():
        function = call.get("function", {})
        parts.append(
            Text.assemble(
                ("calls ", "dim"), (str(function.get("name")), TOOL),
                (f" {cut(str(function.get('arguments', '')), 3, 300)}", "dim"),
            )
        )  # fmt: skip
    return Group(*parts) if parts else Text("(said nothing)", style="dim")


def _fields(text: str) -> Text | None:
    """Return a JSON object of plain values as readable lines; None where it is none."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or any(isinstance(v, dict | list) for v in value.values()):
        return None
    shown = Text()
    for name, each in value.items():
        if shown:
            shown.append("\n")
        shown.append(f"{name}: ", style="dim")
        style = {True: "green", False: "red"}.get(each, "") if isinstance(each, bool) else ""
        shown.append(cut(each if isinstance(each, str) else json.dumps(each)), style=style)
    return shown


def _tool_shown(turn: Turn) -> RenderableType:
    parts: list[RenderableType] = []
    given = turn["input"] if isinstance(turn["input"], dict) else {}
    for name, value in given.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if "\n" in text or name in ("code", "command"):
            parts.append(Text(_barred(cut(text)), style="dim"))
        else:
            parts.append(Text(f"{name}: {cut(text, 3, 300)}", style="dim"))
    output = turn["output"]
    said = output.get("text", "") if isinstance(output, dict) else output
    parts.append(Text(cut(str(said).strip()) or "(no output)"))
    return Group(*parts)


def _barred(text: str) -> str:
    return "\n".join(f"│ {line}" for line in text.splitlines())


def verdict_shown(verdict: Any) -> Text:
    """Return what a verifier found."""
    if not isinstance(verdict, dict):
        return Text(cut(str(verdict)))
    passed = bool(verdict.get("passed"))
    shown = Text("✓ passed" if passed else "✗ not passed", style="green" if passed else "red")
    if verdict.get("score") is not None:
        shown.append(f"   score {verdict['score']:g}", style="dim")
    if verdict.get("reason"):
        shown.append(f"   {cut(str(verdict['reason']), 4, 400)}", style="dim")
    return shown


def cut(text: str, lines: int = MAX_LINES, chars: int = MAX_CHARS) -> str:
    """Return text short enough to look at, saying what is missing; control characters are shown."""
    text = "".join(c if c.isprintable() or c in "\n\t" else "·" for c in text)
    kept = text[:chars].splitlines()[:lines]
    shown = "\n".join(kept)
    gone = len(text) - len(shown)
    return f"{shown} … ({gone:,} more letters)" if gone > SPARED else text
