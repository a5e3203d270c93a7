"""Changes one value of a YAML source and keeps everything else: comments, order, quotes, layout.

A scalar is replaced in place, every other byte stays; what is added or removed goes through
ruamel's round trip. Whatever comes out is read again and must mean exactly what was asked for. It
does not check what the values mean (reading does).
"""

import io
import json
import re
from typing import Any

from ruamel.yaml import YAML

from camel_ext.workflows.language.problems import LanguageError, Path
from camel_ext.workflows.language.yaml_source import Source, Span, plain_scalar, read_source


class EditImpossible(LanguageError):
    """The file cannot be changed at that place while keeping the rest as it is."""


def with_value(source: Source, path: Path, value: Any) -> Source:
    """Return the source with one value set (or added) and everything else, comments too, kept.

    Raises: EditImpossible when there is no place for it.
    """
    wanted = _changed(source, path, value)
    span = source.values.get(path)
    if span is not None and _splices(span, value):
        text = source.text[: span.start] + _scalar_text(value, span) + source.text[span.end :]
        if (edited := _reread(source, text, wanted)) is not None:
            return edited
    return _by_ruamel(source, path, wanted, lambda parent, last: _put(parent, last, value))


def without(source: Source, path: Path) -> Source:
    """Return the source without one field or entry, everything else kept.

    Raises: EditImpossible when it is not there.
    """
    wanted = json.loads(json.dumps(source.data))
    parent = _at(source, wanted, path[:-1])
    try:
        del parent[path[-1]]
    except (KeyError, IndexError, TypeError):
        raise EditImpossible([source.problem(path, "there is nothing to remove.")]) from None
    return _by_ruamel(source, path, wanted, lambda node, last: node.__delitem__(last))


def _changed(source: Source, path: Path, value: Any) -> Any:
    wanted = json.loads(json.dumps(source.data if source.data is not None else {}))
    if not path:
        raise EditImpossible([source.problem(path, "the whole file cannot be one value.")])
    parent = _at(source, wanted, path[:-1])
    try:
        _put(parent, path[-1], value)
    except (KeyError, IndexError, TypeError):
        raise EditImpossible([source.problem(path, "nothing can be put here.")]) from None
    return wanted


def _at(source: Source, data: Any, path: Path) -> Any:
    for end, part in enumerate(path):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            raise EditImpossible([source.problem(path[: end + 1], "this is not there.")]) from None
    return data


def _put(parent: Any, last: str | int, value: Any) -> None:
    if isinstance(parent, list) and last == len(parent):
        parent.append(value)
    elif isinstance(parent, list) != isinstance(last, int):
        raise TypeError("a list wants a number, a mapping a name")
    else:
        parent[last] = value


def _splices(span: Span, value: Any) -> bool:
    return span.style in ("", "'", '"') and not isinstance(value, list | dict)


def _scalar_text(value: Any, span: Span) -> str:
    lead = " " if span.start == span.end else ""  # `key:` without a value
    if not isinstance(value, str):
        return lead + json.dumps(value, allow_nan=False)
    plain = re.fullmatch(r"[A-Za-z][\w ./-]*[\w.]|[A-Za-z]", value) and plain_scalar(value) == value
    if plain and span.style == "":
        return lead + value
    if span.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return lead + json.dumps(value, ensure_ascii=not value.replace("\n", "").isprintable())


def _reread(source: Source, text: str, wanted: Any) -> Source | None:
    """Return the edited text as a source, if it means exactly what was wanted."""
    try:
        edited = read_source(source.name, text)
    except LanguageError:
        return None
    return edited if _same(edited.data, wanted) else None


def _same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _by_ruamel(source: Source, path: Path, wanted: Any, change: Any) -> Source:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(**_indentation(source))
    tree = yaml.load(source.text) if source.data is not None else yaml.map()
    parent = tree
    for part in path[:-1]:
        parent = parent[part]
    change(parent, path[-1])
    out = io.StringIO()
    yaml.dump(tree, out)
    text = out.getvalue()
    if "\r\n" in source.text:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    edited = _reread(source, text, wanted)
    if edited is None:
        fix = "Edit the file by hand."
        raise EditImpossible([source.problem(path, "this cannot be changed here.", fix)])
    return edited


def _indentation(source: Source) -> dict[str, int]:
    """Return the indentation the file itself uses: mappings by 2 or 4, dashes indented or not."""
    mapping, sequence, offset = 2, 2, 0
    for path, span in source.keys.items():
        outer = source.keys.get(path[:-1])
        if outer is not None and span.line > outer.line and span.column > outer.column:
            mapping = span.column - outer.column
            break
    lines = source.text.splitlines()
    for path, span in source.values.items():
        outer = source.keys.get(path[:-1])
        if path and isinstance(path[-1], int) and outer is not None and span.line > outer.line:
            dash = len(lines[span.line - 1]) - len(lines[span.line - 1].lstrip())
            if lines[span.line - 1].lstrip().startswith("-"):
                offset = max(0, dash + 1 - outer.column)
                sequence = max(offset + 2, span.column - outer.column)
                break
    return {"mapping": mapping, "sequence": sequence, "offset": offset}
