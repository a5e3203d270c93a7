"""What is wrong with a file, where, and what would be right; many at once in one error.

It is only the shape of a complaint: the finding is done by yaml_source, reading and checks.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from camel_ext.core.errors import Invalid

Path = tuple[str | int, ...]
MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the place, what it is, and what would be right."""

    file: str
    line: int
    column: int
    field: str
    message: str
    fix: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        where = f" {self.field}:" if self.field else ""
        return f"{place}:{where} {self.message}" + (f" {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can say it, for the wire."""
        return asdict(self)


class LanguageError(Invalid):
    """The files cannot be used: every problem is listed with its place and what would be right."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.file, p.line, p.column, p.field))
        count = len(self.problems)
        head = "1 problem was" if count == 1 else f"{count} problems were"
        lines = [f"- {problem}" for problem in self.problems[:MAX_SHOWN]]
        if count > MAX_SHOWN:
            lines.append(f"- and {count - MAX_SHOWN} more")
        detail = f"{head} found, so nothing was changed:\n" + "\n".join(lines)
        super().__init__(detail, problems=[p.as_dict() for p in self.problems])


def dotted(path: Path) -> str:
    """Return a path as people write it: `workflows.solve.steps[0].agent`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def suggest(wrong: str, known: Iterable[str], noun: str) -> str:
    """Return a sentence that says what was probably meant, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    if not names:
        return f"There is no {noun} here."
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    listed = ", ".join(f"`{name}`" for name in names[:12])
    return f"Known {noun}s: {listed}{more}."
