"""What syntax a template may use: allow-lists of nodes, filters, methods, checked before it runs.

What is not listed here does not exist for a template. The guard also wraps what builds values and
what loops in the bounded filters of template_filters, and finds what a template refers to.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from jinja2 import meta, nodes
from jinja2.exceptions import TemplateAssertionError

from camel_ext.workflows.language.problems import suggest
from camel_ext.workflows.language.references import ROOTS, Reference
from camel_ext.workflows.language.template_filters import FILTER_NAMES

METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        {"upper", "lower", "strip", "lstrip", "rstrip", "startswith", "endswith", "split"}
        | {"splitlines", "title", "capitalize"}
    ),
    Mapping: frozenset({"items", "keys", "values", "get"}),
}
ALL_METHODS = frozenset().union(*METHODS.values())
METHOD_MARK = "()"  # `x.items()` is the method, `x.items` the field, even where both exist
_NO_NAMES = frozenset({"self", "super", "caller", "varargs", "kwargs"})
LOOP_FIELDS = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}
)
_SYNTAX = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword),
    *(nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call, nodes.Filter, nodes.Test),
    *(nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg),
    *(nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
    nodes.Concat,
)
_WORDS: dict[type[nodes.Node], str] = {
    nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}",
    nodes.Include: "{% include %}",
    nodes.Import: "{% import %}",
    nodes.FromImport: "{% from %}",
    nodes.Extends: "{% extends %}",
    nodes.Block: "{% block %}",
    nodes.FilterBlock: "{% filter %}",
    nodes.AssignBlock: "{% set ... endset %}",
    nodes.With: "{% with %}",
    nodes.Pow: "**",
}


def guard(tree: nodes.Template) -> tuple[Reference, ...]:
    """Check a tree against the allow-lists, bound it in place, and return its references.

    Raises: TemplateAssertionError with the line of what is not allowed.
    """
    for node in _all(tree):
        _check(node)
    references = tuple(_references(tree))
    _bound(tree)
    return references


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _check(node: nodes.Node) -> None:
    complaint = ""
    if not isinstance(node, _SYNTAX):
        word = _WORDS.get(type(node))
        what = f"`{word}`" if word else f"`{type(node).__name__.lower()}`"
        complaint = f"{what} is not allowed in a prompt; there are if, for, set and filters."
    elif isinstance(node, nodes.For) and node.recursive:
        complaint = "a recursive loop is not allowed in a prompt."
    elif isinstance(node, nodes.Filter) and node.name not in FILTER_NAMES:
        complaint = (
            f"there is no filter `{node.name}`. {suggest(node.name, FILTER_NAMES, 'filter')}"
        )
    elif isinstance(node, nodes.Call):
        complaint = _check_call(node)
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        complaint = f"`{node.attr}` is not allowed: fields do not begin with an underscore."
    elif isinstance(node, nodes.Name) and node.ctx == "store" and node.name in (*ROOTS, "range"):
        complaint = f"`{node.name}` cannot be given another meaning; choose another name."
    elif isinstance(node, nodes.Name) and node.name in _NO_NAMES:
        complaint = f"`{node.name}` is not defined here."
    if complaint:
        raise TemplateAssertionError(complaint, node.lineno)


def _check_call(node: nodes.Call) -> str:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return "`*` and `**` are not allowed in a call."
    if isinstance(node.node, nodes.Name) and node.node.name == "range":
        return ""
    if isinstance(node.node, nodes.Getattr):
        if node.node.attr in ALL_METHODS:
            return ""
        return f"there is no method `{node.node.attr}`. " + suggest(
            node.node.attr, ALL_METHODS, "method"
        )
    return "only range() and methods of texts and mappings can be called."


def _references(tree: nodes.Template) -> Iterator[Reference]:
    unknown = meta.find_undeclared_variables(tree) - {*ROOTS, "range"}
    yield from _chains(tree, unknown, optional=False)


def _chains(node: nodes.Node, unknown: set[str], *, optional: bool) -> Iterator[Reference]:
    called = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr)
    chain = _chain(node)
    if chain is not None and (chain[0] in ROOTS or chain[0] in unknown):
        yield Reference(chain, node.lineno, optional)
        inner: Iterable[nodes.Node] = _index_nodes(node)
    elif called:
        assert isinstance(node, nodes.Call)
        assert isinstance(node.node, nodes.Getattr)
        inner = (node.node.node, *node.args, *node.kwargs)  # the method is no field
    else:
        inner = node.iter_child_nodes()
    optional = (isinstance(node, nodes.Filter) and node.name in {"default", "d"}) or (
        isinstance(node, nodes.Test) and node.name in {"defined", "undefined"}
    )
    for child in inner:
        yield from _chains(child, unknown, optional=optional)


def _chain(node: nodes.Node) -> tuple[str | None, ...] | None:
    if isinstance(node, nodes.Name):
        return (node.name,)
    if isinstance(node, nodes.Getattr | nodes.Getitem):
        before = _chain(node.node)
        if before is None:
            return None
        if isinstance(node, nodes.Getattr):
            return (*before, node.attr)
        index = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return (*before, index if isinstance(index, str) else None)
    return None


def _index_nodes(node: nodes.Node) -> Iterator[nodes.Node]:
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getitem):
            yield node.arg
        node = node.node


def _bound(node: nodes.Node) -> None:
    """Wrap what builds values and what loops in the guard's own filters, from the inside out."""
    for name in node.fields:
        value = getattr(node, name, None)
        if isinstance(value, nodes.Node):
            setattr(node, name, _bounded(value))
        elif isinstance(value, list):
            value[:] = [_bounded(e) if isinstance(e, nodes.Node) else e for e in value]
    if isinstance(node, nodes.For):
        weight = sum(1 for statement in node.body for _ in _all(statement)) + 1
        node.iter = _filter(
            cast(nodes.Expr, node.iter), "_each", nodes.Const(weight, lineno=node.lineno)
        )


def _bounded(node: nodes.Node) -> nodes.Node:
    _bound(node)
    if isinstance(node, nodes.Concat):
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "_concat")
    if isinstance(node, nodes.Compare | nodes.Operand) and not isinstance(node.expr, nodes.Const):
        node.expr = _filter(node.expr, "_kept")
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        node.node.attr = METHOD_MARK + node.node.attr
        return _filter(node, "_kept")
    if isinstance(node, nodes.List | nodes.Dict) or _is_tuple_value(node):
        return _filter(cast(nodes.Expr, node), "_kept")
    return node


def _is_tuple_value(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Tuple) and node.ctx == "load"


def _filter(node: nodes.Expr, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
