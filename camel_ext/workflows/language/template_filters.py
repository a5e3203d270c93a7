"""What values a template may build: a budget of work, a bound on size, and the filters there are.

Whatever builds a value (a list, a joined text) is measured, and each round of a loop pays for the
nodes in its body, so that no template of any length runs away. What syntax is allowed stands in
template_guard.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from itertools import islice
from typing import Any

from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import FILTERS
from jinja2.runtime import Undefined

MAX_OUTPUT_CHARS = 1_000_000
MAX_WORK = 200_000  # nodes executed inside loops; a prompt over 1,000 rounds needs about 20,000
MAX_INT_BITS = 1_024
TOO_LARGE = f"a value grows beyond {MAX_OUTPUT_CHARS:,} characters"
_JINJA_FILTERS = frozenset(
    {"abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items"}
    | {"last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse"}
    | {"select", "selectattr", "sort", "title", "trim", "truncate", "unique", "upper"}
    | {"wordcount"}
)


class TemplateRefused(TemplateRuntimeError):
    """The template asked for more than it may have."""


class Work:
    """The budget of one rendering."""

    def __init__(self) -> None:
        self.left = MAX_WORK

    def spend(self, amount: int) -> None:
        """Pay for work.

        Raises: TemplateRefused when the budget is used up.
        """
        self.left -= amount
        if self.left < 0:
            raise TemplateRefused(
                f"the template does too much work (more than {MAX_WORK:,} operations)"
            )


WORK: ContextVar[Work] = ContextVar("template_work")


def kept(value: Any) -> Any:
    """Return the value if it is not too large to be kept; measuring it is paid for too.

    Raises: TemplateRefused otherwise.
    """
    stack, left, entries = [value], MAX_OUTPUT_CHARS, 0
    while stack:
        entry = stack.pop()
        entries += 1
        left -= 1
        if isinstance(entry, str):
            left -= len(entry)
        elif isinstance(entry, Mapping):
            stack.extend(entry.keys())
            stack.extend(entry.values())
        elif isinstance(entry, list | tuple):
            left -= len(entry)
            stack.extend(entry if left >= 0 else ())
        if left < 0:
            raise TemplateRefused(TOO_LARGE)
    # About 0.1 us an entry and 0.1 ns a character copied: a whole budget is below a second.
    WORK.get().spend(entries // 2 + (MAX_OUTPUT_CHARS - left) // 10_000)
    return value


def to_text(value: Any) -> Any:
    """Return how a value stands in a prompt: null as nothing, what is not text as JSON."""
    if isinstance(value, str | Undefined):
        return value
    if value is None:
        return ""
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, bool | list | tuple | dict):
        return json.dumps(kept(value), ensure_ascii=False, default=_not_json)
    if isinstance(value, int | float):
        return str(value)
    raise TemplateRefused(f"a {type(value).__name__} cannot stand in a text")


def _not_json(value: Any) -> Any:
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    raise TemplateRefused(f"a {type(value).__name__} cannot stand in a text")


def check_operands(operator: str, left: Any, right: Any) -> None:
    """Refuse arithmetic that makes texts, lists or numbers explode."""
    for side in (left, right):
        if isinstance(side, int) and side.bit_length() > MAX_INT_BITS:
            raise TemplateRefused("a number grows too large")
    if operator in {"*", "%"} and not (_is_number(left) and _is_number(right)):
        raise TemplateRefused(f"`{operator}` is for numbers only")
    sized = isinstance(left, str | list) and isinstance(right, str | list)
    if operator == "+" and sized and len(left) + len(right) > MAX_OUTPUT_CHARS:
        raise TemplateRefused(TOO_LARGE)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if isinstance(result, Iterator):
            result = list(islice(result, MAX_OUTPUT_CHARS))
        return result if isinstance(result, Undefined) else kept(result)

    return call


def _each(values: Iterable[Any] | None, weight: int) -> Iterator[Any]:
    if values is None:
        raise TemplateRefused("null cannot be looped over; give it a default: `x or []`")
    work = WORK.get()
    for value in values:
        work.spend(max(weight, 1))  # map('_each', -9) must not earn
        yield value


def _join(values: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
    parts: list[str] = []
    size = 0
    for value in values:
        entry = value[attribute] if attribute is not None else value
        text = str(to_text(entry))
        size += len(text) + len(separator)
        if size > MAX_OUTPUT_CHARS:
            raise TemplateRefused(TOO_LARGE)
        parts.append(text)
    return separator.join(parts)


def _replace(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > MAX_OUTPUT_CHARS:
        raise TemplateRefused(TOO_LARGE)
    return text.replace(old, new)


def _tojson(value: Any, indent: int | None = None) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises, naming what is missing
    spaces = None if indent is None else min(max(indent, 0), 8)
    return json.dumps(kept(value), ensure_ascii=False, indent=spaces, default=_not_json)


def _indent(text: str, width: int = 4, first: bool = False) -> str:
    pad = " " * min(max(width, 0), 40)
    if len(text) + text.count("\n") * len(pad) > MAX_OUTPUT_CHARS:
        raise TemplateRefused(TOO_LARGE)
    return (pad if first else "") + text.replace("\n", "\n" + pad)


def _sum(values: Iterable[Any]) -> float:
    total: float = 0
    for value in values:
        if not _is_number(value):  # lists would be copied over and over
            raise TemplateRefused("sum is for numbers only")
        total += value
    return total


def _round(value: float, precision: int = 0) -> float:
    return round(float(value), min(max(precision, 0), 12))


def filters() -> dict[str, Callable[..., Any]]:
    """Return the filters there are, each bounded; the first three are the guard's own."""
    own: dict[str, Callable[..., Any]] = {
        "_each": _each,
        "_kept": kept,
        "_concat": lambda parts: _join(parts, ""),
        "join": _join,
        "replace": _replace,
        "tojson": _tojson,
        "indent": _indent,
        "round": _round,
        "sum": _sum,
        "string": to_text,
    }
    return own | {name: _listed(FILTERS[name]) for name in sorted(_JINJA_FILTERS)}


FILTER_NAMES = frozenset(name for name in filters() if not name.startswith("_"))
