"""Conditions, scores and outputs: CEL expressions over the run's values. Data, never eval.

The CEL engine is Rust, cannot be interrupted and holds the interpreter while it runs, so an
expression's work is bounded before it starts: by its length, by how its comprehensions nest and
multiply, and by the size of what it is given. It renders no text (templates does).
"""

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from camel_ext.core.errors import Invalid
from camel_ext.workflows.language.problems import suggest
from camel_ext.workflows.language.references import ROOTS, Reference
from camel_ext.workflows.language.schema import MAX_EXPRESSION_CHARS

if TYPE_CHECKING:
    import cel

MAX_STEPS = 200_000  # a comprehension's body takes about 0.4 us: less than 0.1 s
MAX_CHARS = 64_000_000  # characters an expression may touch or copy
MAX_DEPTH = 64  # nesting of given values; the engine's recursion overflows far above that
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})
_MAX_REPEAT = 1_000
_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<string>[rRbB]{0,2}(?:'''(?:.|\n)*?'''|\"\"\"(?:.|\n)*?\"\"\""
    r"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9][0-9A-Za-z_.]*)"
    r"|(?P<mark>.)",
    re.DOTALL,
)
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_MISSING_NAME = re.compile(r"Undefined variable or function: '([^']*)'")
FUNCTIONS = frozenset(
    {"size", "has", "contains", "startsWith", "endsWith", "matches", "int", "uint", "double"}
    | {"string", "bool", "type", "timestamp", "duration", "bytes", "dyn", "max", "min", *_MACROS}
)


class ConditionWrong(Invalid):
    """An expression cannot be read or evaluated; line and column count within it."""

    def __init__(self, detail: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(detail, line=line, column=column)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Compiled:
    """A checked expression: the program, what it names, and how it can multiply its input."""

    program: "cel.Program"
    references: tuple[Reference, ...]
    roots: frozenset[str]
    power: int
    growth: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int


@lru_cache(maxsize=4_096)
def compile_condition(source: str) -> Compiled:
    """Read and check an expression.

    Raises: ConditionWrong on bad syntax and on what could run away.
    """
    if len(source) > MAX_EXPRESSION_CHARS:
        raise ConditionWrong(f"an expression has at most {MAX_EXPRESSION_CHARS:,} characters.")
    import cel  # its own command line comes with it, 0.1 s: only when an expression is read

    try:
        program = cel.compile(source)
        names = program.variables()
    except ValueError as error:
        raise _syntax_error(str(error)) from None
    tokens = _tokens(source)
    _check_patterns(tokens)
    bound = _bound_names(tokens)
    references = tuple(_references(tokens, bound))
    power, growth = _multiplies(tokens)
    roots = frozenset(name for name in names if name not in bound)
    return Compiled(program, references, roots, power, growth)


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """Return the JSON value of an expression.

    Raises: ConditionWrong, which says what was missing or did not fit.
    """
    compiled = compile_condition(source)
    given = {name: context[name] for name in compiled.roots if name in context}
    _refuse_runaway(compiled, given)
    try:
        return _as_json(compiled.program.execute(given), 0)
    except (KeyError, IndexError, TypeError, RuntimeError, ArithmeticError, ValueError) as error:
        found = _dead_end(compiled.references, given) if isinstance(error, TypeError) else ""
        raise ConditionWrong(found or _explain(error, given, context)) from None


def is_true(source: str, context: Mapping[str, Any]) -> bool:
    """Return whether a condition holds.

    Raises: ConditionWrong, also when it gives something else than true or false.
    """
    value = evaluate(source, context)
    if not isinstance(value, bool):
        raise ConditionWrong(
            f"a condition must give true or false, this one gave {_kind(value)}. "
            "Compare it: `x == ...`, `x != null`, `size(x) > 0`."
        )
    return value


def score(source: str, context: Mapping[str, Any]) -> float:
    """Return the number an expression gives; true is 1 and false is 0.

    Raises: ConditionWrong, also when it gives something else than a number.
    """
    value = evaluate(source, context)
    if not isinstance(value, bool | int | float):
        raise ConditionWrong(
            f"a score must be a number, this one is {_kind(value)}. "
            "Give what has none a value: `x == null ? 0.0 : x`."
        )
    return float(value)


# -- reading the source --------------------------------------------------------------------------


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    line, start = 1, 0
    for match in _TOKEN.finditer(source):
        kind, text = str(match.lastgroup), match.group()
        if kind != "space":
            tokens.append(_Token(kind, text, line, match.start() - start + 1))
        if "\n" in text:
            line += text.count("\n")
            start = match.start() + text.rindex("\n") + 1
    return tokens


def _is(tokens: list[_Token], at: int, *texts: str) -> bool:
    return 0 <= at < len(tokens) and tokens[at].kind != "string" and tokens[at].text in texts


def _is_macro(tokens: list[_Token], at: int) -> bool:
    """Tell whether the token opens a comprehension: the `(` of `.map(`."""
    if not _is(tokens, at, "(") or at < 2:
        return False
    return tokens[at - 1].text in _MACROS and _is(tokens, at - 2, ".")


def _bound_names(tokens: list[_Token]) -> frozenset[str]:
    return frozenset(
        tokens[at + 1].text
        for at in range(len(tokens) - 1)
        if _is_macro(tokens, at) and tokens[at + 1].kind == "name"
    )


def _multiplies(tokens: list[_Token]) -> tuple[int, int]:
    """Return how an expression can multiply its input: (power, growth), steps <= (n growth)^power.

    A comprehension inside another, or a map after a map, multiplies the length again; each `+` and
    each comma of a literal can lengthen a list once more. Both are counted high, never low.
    """
    opened: list[str] = []
    deepest = maps = growth = 0
    for at, token in enumerate(tokens):
        if token.kind == "string":
            continue
        if token.text in "([{":
            macro = _is_macro(tokens, at)
            maps += macro and tokens[at - 1].text == "map"
            opened.append("macro" if macro else token.text)
            deepest = max(deepest, opened.count("macro"))
        elif token.text in ")]}" and opened:
            opened.pop()
        elif token.text == "+" or (token.text == "," and opened and opened[-1] in "[{"):
            growth += 1
    return max(deepest, maps), growth + 1


def _check_patterns(tokens: list[_Token]) -> None:
    """Allow only literal, small patterns: a computed one could take minutes to compile."""
    for at, token in enumerate(tokens):
        if token.text != "matches" or not _is(tokens, at + 1, "("):
            continue
        last = _closing(tokens, at + 1) - 1
        literal = tokens[last].kind == "string" and _is(tokens, last - 1, "(", ",")
        if not literal or last <= at + 1:
            raise ConditionWrong(
                "the pattern of matches() must be written out, as `x.matches('^yes')`; "
                "use a `verify: regex` step for a computed one.",
                line=token.line,
                column=token.column,
            )
        counted = re.findall(r"\{\s*(\d{1,9})\s*(?:,\s*(\d{0,9}))?\s*\}", tokens[last].text)
        repeats = [max(int(low), int(high or 0), 1) for low, high in counted]
        if len(tokens[last].text) > 300 or math.prod(repeats) > _MAX_REPEAT:
            raise ConditionWrong(
                f"the pattern is too large: at most 300 characters and {_MAX_REPEAT} repeats.",
                line=token.line,
                column=token.column,
            )


def _closing(tokens: list[_Token], at: int) -> int:
    """Return where the bracket opened at a token closes."""
    depth = 0
    for here in range(at, len(tokens)):
        if _is(tokens, here, "(", "[", "{"):
            depth += 1
        elif _is(tokens, here, ")", "]", "}"):
            depth -= 1
            if depth == 0:
                return here
    return len(tokens)


def _references(tokens: list[_Token], bound: frozenset[str]) -> Iterator[Reference]:
    for at, token in enumerate(tokens):
        starts = token.kind == "name" and not _is(tokens, at - 1, ".") and token.text not in bound
        called = _is(tokens, at + 1, "(") or (
            _is(tokens, at - 1, "{", ",") and _is(tokens, at + 1, ":")
        )
        if starts and not called and token.text not in {"true", "false", "null", "in"}:
            optional = _is(tokens, at - 1, "(") and _is(tokens, at - 2, "has")
            yield Reference(tuple(_chain(tokens, at)), token.line, optional)


def _chain(tokens: list[_Token], at: int) -> Iterator[str | None]:
    yield tokens[at].text
    at += 1
    while True:
        if _is(tokens, at, ".") and at + 1 < len(tokens) and not _is(tokens, at + 2, "("):
            yield tokens[at + 1].text
            at += 2
        elif _is(tokens, at, "["):
            end = _closing(tokens, at)
            lone = tokens[at + 1] if end == at + 2 else None
            yield lone.text.strip("'\"") if lone is not None and lone.kind == "string" else None
            at = end + 1
        else:
            return


# -- before and after evaluation -----------------------------------------------------------------


def _refuse_runaway(compiled: Compiled, given: Mapping[str, Any]) -> None:
    longest, chars = _measure(given)
    steps = (max(longest, 1) * compiled.growth) ** compiled.power
    if compiled.power and steps > MAX_STEPS:
        raise ConditionWrong(
            f"this could take more than {MAX_STEPS:,} steps: its all/exists/map/filter multiply "
            f"a list of {longest:,} entries. Use fewer of them, or a shorter list."
        )
    rounds = longest if compiled.power else 1
    if (chars + 1) * compiled.growth * max(rounds, 1) > MAX_CHARS * (1 if compiled.power else 4):
        raise ConditionWrong(
            f"this would go over {chars:,} characters again and again. "
            "Compare shorter fields, as `score` or `parsed`."
        )


def _measure(given: Mapping[str, Any]) -> tuple[int, int]:
    """Return the length of the longest list or mapping, and all characters together."""
    longest = chars = 0
    level: list[Any] = list(given.values())
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                chars += len(value)
            elif isinstance(value, Mapping):
                longest = max(longest, len(value)) if value else longest
                below.extend(value.values())
            elif isinstance(value, list | tuple):
                longest = max(longest, len(value))
                below.extend(value)
        if not below:
            return longest, chars + len(level)
        level = below
    raise ConditionWrong(f"a value is nested more than {MAX_DEPTH} levels deep.")


def _as_json(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ConditionWrong(f"the result is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        return {_text_key(key): _as_json(entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(entry, depth + 1) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ConditionWrong("the result is not a finite number.")
    if value is None or isinstance(value, str | int | float):
        return value
    raise ConditionWrong(f"the result is {_kind(value)}, which JSON cannot say; use string(x).")


def _text_key(key: Any) -> str:
    if not isinstance(key, str):
        raise ConditionWrong("a mapping in the result needs texts as keys.")
    return key


def _kind(value: Any) -> str:
    kinds = {
        bool: "true or false", int: "a number", float: "a number", str: "a text",
        list: "a list", dict: "a mapping", type(None): "null", bytes: "bytes",
    }  # fmt: skip
    return kinds.get(type(value), f"a {type(value).__name__}")


def _syntax_error(message: str) -> ConditionWrong:
    match = _SYNTAX.search(message)
    if match is None or "Recursion limit" in message:
        deep = "Recursion limit" in message
        return ConditionWrong("it is nested too deep." if deep else "not a CEL expression.")
    line, column, what = int(match[1]), int(match[2]), match[3]
    what = re.split(r" expecting | (?=at input)", what)[0].replace(
        "mismatched input '<EOF>'", "it ends too early"
    )
    what = re.sub(r"^Incomplete .*", "it is incomplete", what)
    what = re.sub(r"^token recognition error at: '(.*)'$", r"`\1` cannot be read", what)
    return ConditionWrong(f"not a CEL expression: {what}.", line=line, column=column)


def _explain(error: Exception, given: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    if isinstance(error, KeyError):
        name = str(error.args[0]) if error.args else "?"
        names = {key for key, _ in _fields(given)}
        return f"there is no `{name}` here. {suggest(name, names, 'field')}"
    if isinstance(error, IndexError):
        return f"there is no such entry: {error}. Ask size(x) first."
    if isinstance(error, TypeError):
        return (
            "the types do not fit: CEL mixes no text, number, true/false and null, and adds no "
            "integer to a decimal. Convert with double(x), int(x) or string(x); ask `x == null`."
        )
    if isinstance(error, ZeroDivisionError):
        return "division by zero."
    if isinstance(error, RuntimeError) and (match := _MISSING_NAME.match(str(error))):
        if match[1] in FUNCTIONS:
            return f"`{match[1]}` does not fit here. Call it on a value: `x.{match[1]}(...)`."
        meant = difflib.get_close_matches(match[1], FUNCTIONS, n=1)
        known = meant or [name for name in (*ROOTS, "event") if name in context]
        return f"`{match[1]}` is not defined here. {suggest(match[1], known, 'name')}"
    return f"this cannot be computed: {str(error).splitlines()[0]}"


def _dead_end(references: tuple[Reference, ...], given: Mapping[str, Any]) -> str:
    """Return which chain asks a field of something that has none: most often of null."""
    for reference in references:
        value: Any = given
        for done, name in enumerate(reference.chain):
            if not isinstance(value, Mapping) or name not in value:
                break
            value = value[name]
            rest = reference.chain[done + 1 :]
            if rest and rest[0] is not None and not isinstance(value, Mapping):
                place = str(Reference(reference.chain[: done + 1]))
                what = f"`{place}` is {_kind(value)} here, so it has no `{rest[0]}`."
                return f"{what} Ask first: `{place} != null && ...`." if value is None else what
    return ""


def _fields(value: Any, depth: int = 4) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and depth:
        for key, entry in value.items():
            yield str(key), entry
            yield from _fields(entry, depth - 1)
