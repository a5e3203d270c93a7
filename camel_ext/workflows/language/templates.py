"""Prompts: Jinja in a sandbox of allow-lists, strict about what is missing, bounded in work.

Only plain JSON values go in and only text (or, for a lone `{{ x }}`, a JSON value) comes out. No
macros, no includes, no files, no clock, no randomness: the same context gives the same prompt, so
that a replayed run matches its log. What is allowed stands in template_guard.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, TypeVar

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from camel_ext.core.errors import Invalid
from camel_ext.workflows.language.problems import suggest
from camel_ext.workflows.language.references import Reference
from camel_ext.workflows.language.schema import MAX_TEMPLATE_CHARS
from camel_ext.workflows.language.template_filters import (
    MAX_OUTPUT_CHARS,
    WORK,
    TemplateRefused,
    Work,
    check_operands,
    filters,
    kept,
    to_text,
)
from camel_ext.workflows.language.template_guard import (
    LOOP_FIELDS,
    METHOD_MARK,
    METHODS,
    guard,
)

T = TypeVar("T")
_REWORDED = {"'end of print statement'": "`}}`", "'end of statement block'": "`%}`"}
_FOUND = re.compile(r"'(\w+)' is undefined")


class TemplateWrong(Invalid):
    """A template cannot be read or filled in; `line` counts from its first line."""

    def __init__(self, detail: str, *, line: int = 1) -> None:
        super().__init__(detail, line=line)
        self.line = line


class _Sandbox(ImmutableSandboxedEnvironment):
    """Field access by key on JSON values, the listed methods, and nothing else."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()
        if isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, list | tuple | str) and isinstance(argument, int | slice):
            return self._entry(obj, argument)
        if isinstance(obj, LoopContext) and argument in LOOP_FIELDS:
            return getattr(obj, argument)
        if isinstance(argument, str) and argument.startswith(METHOD_MARK):
            return self._method(obj, argument.removeprefix(METHOD_MARK))
        return self.undefined(hint=_missing(obj, argument))

    def _entry(self, values: Any, index: int | slice) -> Any:
        try:
            return values[index]
        except IndexError:
            what = "text" if isinstance(values, str) else "list"
            hint = f"there is no entry [{index}]: the {what} has {len(values)}."
            return self.undefined(hint=hint)

    def _method(self, obj: Any, name: str) -> Any:
        if any(isinstance(obj, kind) and name in listed for kind, listed in METHODS.items()):
            return getattr(obj, name)
        return self.undefined(hint=_missing(obj, f"{name}()"))

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()
        if not callable(obj):
            raise SecurityError("this value cannot be called.")
        return context.call(
            obj, *args, **kwargs
        )  # the guard let only listed methods and range() through

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        check_operands(operator, left, right)
        return super().call_binop(context, operator, left, right)


def _missing(obj: Any, argument: Any) -> str:
    if isinstance(obj, Mapping):
        return f"there is no `{argument}` here. {suggest(str(argument), map(str, obj), 'field')}"
    kind = {str: "a text", list: "a list", type(None): "null"}.get(type(obj), "a value")
    return f"`{argument}` was asked of {kind}, which has no such field."


def _bounded_range(*bounds: int) -> range:
    steps = range(*bounds)
    if len(steps) > 1_000:
        raise TemplateRefused(f"range() gives at most 1,000 numbers, here {len(steps):,}")
    return steps


def _environment() -> Environment:
    sandbox = _Sandbox(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=to_text,
        cache_size=0,
        optimized=False,
    )
    sandbox.globals.clear()
    sandbox.globals["range"] = _bounded_range
    sandbox.filters.clear()
    sandbox.filters.update(filters())
    return sandbox


_SANDBOX = _environment()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A checked template: the text it makes, its value if it is a lone expression, its names."""

    text: Template
    value: Template | None
    references: tuple[Reference, ...]


@lru_cache(maxsize=4_096)
def compile_template(source: str) -> Compiled:
    """Read and check a template.

    Raises: TemplateWrong on bad syntax and on whatever the sandbox has not.
    """
    if len(source) > MAX_TEMPLATE_CHARS:
        raise TemplateWrong(f"a template has at most {MAX_TEMPLATE_CHARS:,} characters.")
    return _guarded(lambda: _compile(source))


def render_template(source: str, context: Mapping[str, Any]) -> str:
    """Fill a template in.

    Raises: TemplateWrong, which says what was missing or refused, and in which line.
    """
    text = compile_template(source).text
    return _guarded(lambda: _whole("".join(_bounded(text.generate(dict(context))))))


def render_value(value: Any, context: Mapping[str, Any]) -> Any:
    """Fill in every text of a JSON value; a lone `{{ x }}` gives x itself, so a number stays one.

    Raises: TemplateWrong.
    """
    if isinstance(value, dict):
        return {key: render_value(entry, context) for key, entry in value.items()}
    if isinstance(value, list):
        return [render_value(entry, context) for entry in value]
    if not isinstance(value, str):
        return value
    lone = compile_template(value).value
    if lone is None:
        return render_template(value, context)
    return _guarded(lambda: _evaluate(lone, context))


def texts_in(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text inside a JSON value with its path: those are templates too."""
    if isinstance(value, str):
        yield (), value
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, entry in entries:
        for path, text in texts_in(entry):
            yield (key, *path), text


def _compile(source: str) -> Compiled:
    tree = _SANDBOX.parse(source)
    references = guard(tree)
    lone = _lone_expression(tree)
    value = _SANDBOX.from_string(_assigning(lone)) if lone is not None else None
    return Compiled(_SANDBOX.from_string(tree), value, references)


def _lone_expression(tree: nodes.Template) -> nodes.Expr | None:
    body = tree.body
    if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
        return None
    only = body[0].nodes[0]
    return None if isinstance(only, nodes.TemplateData) else only


def _assigning(expression: nodes.Expr) -> nodes.Template:
    target = nodes.Name("result", "store", lineno=1)
    tree = nodes.Template([nodes.Assign(target, expression, lineno=1)], lineno=1)
    tree.set_environment(_SANDBOX)
    return tree


def _evaluate(template: Template, context: Mapping[str, Any]) -> Any:
    scope = template.new_context(dict(context))
    for _ in template.root_render_func(scope):
        pass
    result = scope.vars["result"]
    if isinstance(result, Undefined):
        result._fail_with_undefined_error()
    if isinstance(result, Iterator | range):
        result = list(result)
    to_text(result)  # refuses what is not JSON
    return kept(result)


def _bounded(chunks: Iterator[str]) -> Iterator[str]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_OUTPUT_CHARS:
            raise TemplateRefused(f"the text grows beyond {MAX_OUTPUT_CHARS:,} characters")
        yield chunk


def _whole(text: str) -> str:
    if not text.isascii():
        text.encode()  # half a character (a lone surrogate) is refused here, not in the log
    return text


def _guarded(work: Callable[[], T]) -> T:
    token = WORK.set(Work())
    try:
        return work()
    except TemplateSyntaxError as error:
        raise TemplateWrong(_sentence(error.message), line=error.lineno) from None
    except TemplateRuntimeError as error:
        raise TemplateWrong(_sentence(error.message), line=_line(error.__traceback__)) from None
    except RecursionError:
        raise TemplateWrong("the template or a value in it is nested too deep.") from None
    except UnicodeEncodeError:
        raise TemplateWrong("the text holds half a character (a lone surrogate).") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        detail = f"this cannot be computed: {error}."
        raise TemplateWrong(detail, line=_line(error.__traceback__)) from None
    finally:
        WORK.reset(token)


def _sentence(message: str | None) -> str:
    text = (message or "this is not a template").rstrip(".")
    for theirs, ours in _REWORDED.items():
        text = text.replace(theirs, ours)
    if found := _FOUND.fullmatch(text):
        return f"`{found[1]}` is not defined here."
    return text + ("" if text.endswith("?") else ".")


def _line(trace: TracebackType | None) -> int:
    """Return the line of the template that failed; Jinja rewrites tracebacks to show it."""
    line = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in {"<template>", "<unknown>"}:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
