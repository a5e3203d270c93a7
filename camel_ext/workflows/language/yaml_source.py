"""YAML text to plain data with the place of every value, kept with the text itself.

Only what JSON can say is read: no tags, no merge keys, no second document, no key twice; size,
depth and alias expansion are bounded. It knows nothing of agents or workflows; yaml_edits changes a
source.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from camel_ext.workflows.language.problems import LanguageError, Path, Problem, dotted

MAX_BYTES = 256 * 1024  # the pure-Python scanner reads about 250 KB a second
MAX_DEPTH = 40  # deeper flow collections make the scanner quadratic; workflows need about 15
MAX_VALUES = 20_000  # after aliases are expanded: an alias bomb ends here
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_COMMENT_BEHIND = re.compile(r"[ \t]+#[^\r\n]*")
_COMMENT_BELOW = re.compile(r"(?:[ \t]*\r?\n)+([ ]*)#[^\r\n]*")
_OLD_WORDS = frozenset({"yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True)
class Span:
    """Where a value stands in the text: 1-based line and column, and its characters."""

    line: int
    column: int
    start: int
    end: int
    style: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file as written: its text, its data, and the place of each key and value."""

    name: str
    text: str
    data: Any
    values: dict[Path, Span] = field(repr=False)
    keys: dict[Path, Span] = field(repr=False)

    def place(self, path: Path, *, key: bool = False) -> Span:
        """Return where a path stands, or the nearest enclosing one that stands in the text."""
        for end in range(len(path), -1, -1):
            here = path[:end]
            tables = (self.keys, self.values) if key or end < len(path) else (self.values,)
            for table in tables:
                if here in table:
                    return table[here]
        return Span(1, 1, 0, 0)

    def written(self, path: Path) -> str:
        """Return an entry of a mapping as it stands: comments above it, its key, its value.

        A comment belongs to the entry below it when no blank line is between, and to the entry that it
        is indented under. What came through an alias stands where its anchor is: it gives "".
        """
        key, value = self.keys.get(path), self.values.get(path)
        if key is None or value is None:
            return ""
        start = self._line_start(key.start)
        if self.text[start : key.start].strip():  # not the first in its line
            return self.text[key.start : value.end]
        indent = key.column - 1
        while start and _is_comment(
            above := self.text[self._line_start(start - 1) : start], indent
        ):
            start -= len(above)
        text = self.text[start : self._end_with_comments(value.end, indent)]
        return re.sub(rf"(?m)^ {{{indent}}}", "", text)

    def _line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def _end_with_comments(self, end: int, indent: int) -> int:
        while self.text[end - 1].isspace():  # a block of text ends with its line breaks
            end -= 1
        if (rest := _COMMENT_BEHIND.match(self.text, end)) is not None:
            end = rest.end()
        while (below := _COMMENT_BELOW.match(self.text, end)) and len(below[1]) > indent:
            end = below.end()
        return end

    def problem(self, path: Path, message: str, fix: str = "", *, key: bool = False) -> Problem:
        """Return a problem at a path."""
        span = self.place(path, key=key)
        return Problem(self.name, span.line, span.column, dotted(path), message, fix)


def read_source(name: str, raw: str | bytes) -> Source:
    """Read a YAML file.

    Raises: LanguageError with everything that is wrong with it as YAML.
    """
    text = _decode(name, raw)
    reader = _Reader(name)
    try:
        data = reader.document(YAML(typ="safe", pure=True).parse(text))
    except _Stop:
        pass
    except MarkedYAMLError as error:
        reader.problems.append(_syntax(name, error))
    except YAMLError as error:
        reader.problems.append(Problem(name, 1, 1, "", _first_line(str(error))))
    if reader.problems:
        raise LanguageError(reader.problems)
    return Source(name, text, data, reader.values, reader.keys)


def render(source: Source) -> str:
    """Return the text of a source, byte for byte what was read unless it was edited."""
    return source.text


def _is_comment(line: str, indent: int) -> bool:
    bare = line.lstrip(" ")
    return bare.startswith("#") and len(line) - len(bare) == indent


def _decode(name: str, raw: str | bytes) -> str:
    size = len(raw) if isinstance(raw, bytes) else len(raw.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        message = f"the file has {size:,} bytes; at most {MAX_BYTES:,} are read."
        raise LanguageError([Problem(name, 1, 1, "", message, "Split it into several folders.")])
    if isinstance(raw, str):
        return raw  # a lone surrogate in it is found by the reader
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise LanguageError(
            [Problem(name, line, 1, "", "the file is not UTF-8.", "Save it as UTF-8.")]
        ) from None


def _syntax(name: str, error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = _first_line(str(error.problem or error.context or "not YAML"))
    begun = error.context_mark
    if begun is not None and begun.line + 1 != line:
        what += f" ({error.context}, begun in line {begun.line + 1})"
    fix = "Check brackets, quotes and indentation around this line."
    if "'\\t'" in what:
        fix = "Indent with spaces, not tabs."
    elif "mapping values are not allowed" in what:
        fix = "Put a text that holds `: ` in quotes, or check the indentation."
    return Problem(name, line, column, "", f"not valid YAML: {what}.", fix)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "not YAML"


class _Stop(Exception):
    """Reading on makes no sense; what was found so far is reported."""


class _Reader:
    """Builds plain data from parse events, noting places and problems as it goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.values: dict[Path, Span] = {}
        self.keys: dict[Path, Span] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self, events: Iterator[Event]) -> Any:
        data: Any = None
        seen = False
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    self._complain(event, (), "a second document begins here.", "Keep one `---`.")
                    return data
                seen = True
                if event.version not in (None, (1, 2)):
                    self._complain(event, (), "only YAML 1.2 is read.", "Drop the `%YAML` line.")
            elif isinstance(event, NodeEvent):
                data = self._value(event, events, ())
        return data

    def _value(self, event: Event, events: Iterator[Event], path: Path) -> Any:
        assert isinstance(event, NodeEvent)  # the parser gives a node after a key and in a list
        self._spend(event, 1, path)
        self.values[path] = _span(event)
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        self._refuse_tag(event, path)
        before = self._count
        if isinstance(event, ScalarEvent):
            value = self._scalar(event, path)
        elif isinstance(event, MappingStartEvent):
            value = self._mapping(events, path)
        else:
            value = self._sequence(events, path)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._count - before + 1)
        return value

    def _refuse_tag(self, event: NodeEvent, path: Path) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None and not (str(tag) == "!" and getattr(event, "style", None)):
            self._complain(event, path, f"the tag `{tag}` is not allowed.", "Remove the tag.")

    def _alias(self, event: AliasEvent, path: Path) -> Any:
        if event.anchor not in self._anchors:
            self._complain(
                event, path, f"`*{event.anchor}` has no `&{event.anchor}` before it.", ""
            )
            return None
        value, size = self._anchors[event.anchor]
        self._spend(event, size, path)
        return json.loads(json.dumps(value))

    def _mapping(self, events: Iterator[Event], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        inner = path
        for event in events:
            if isinstance(event, MappingEndEvent):
                self._ends(event, path, inner)
                break
            key = self._key(event, path)
            inner = (*path, key)
            if key in result:
                first = self.keys[inner].line
                self._complain(
                    event, inner, f"`{key}` stands here twice, first in line {first}.", "Keep one."
                )
                self._value(next(events), events, (*inner, "(again)"))
                continue
            self.keys[inner] = _span(event)
            result[key] = self._value(next(events), events, inner)
        return result

    def _key(self, event: Event, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            self._complain(event, path, "a key must be a plain text.", "Use a name as the key.")
            raise _Stop
        self._refuse_tag(event, path)
        if event.value == "<<" and not event.style:
            self._complain(
                event,
                path,
                "merge keys (`<<`) are not read: they are not YAML 1.2.",
                "Write the fields out.",
            )
        return self._text(event, path)

    def _sequence(self, events: Iterator[Event], path: Path) -> list[Any]:
        result: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                self._ends(event, path, (*path, len(result) - 1) if result else path)
                break
            result.append(self._value(event, events, (*path, len(result))))
        return result

    def _ends(self, event: Event, path: Path, last: Path) -> None:
        """Note where a collection ends: at its bracket, or with the last thing that is in it."""
        bracket = event.end_mark.index > event.start_mark.index
        end = event.end_mark.index if bracket else self.values[last].end
        self.values[path] = replace(self.values[path], end=end)

    def _scalar(self, event: ScalarEvent, path: Path) -> Any:
        text = self._text(event, path)
        if event.style:
            return text
        if _NOT_JSON.fullmatch(text):
            self._complain(event, path, f"`{text}` is not a number JSON knows.", "Use a number.")
        return plain_scalar(text)

    def _text(self, event: ScalarEvent, path: Path) -> str:
        text = str(event.value)
        if _SURROGATE.search(text):
            try:  # JSON writes one character as a pair of escapes
                return text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                fix = "Write the character itself."
                self._complain(event, path, "half a character (a lone surrogate).", fix)
        return text

    def _spend(self, event: Event, count: int, path: Path) -> None:
        self._count += count
        too_much = ""
        if self._count > MAX_VALUES:
            too_much = f"the file has more than {MAX_VALUES:,} values, with aliases expanded."
        if len(path) > MAX_DEPTH:
            too_much = f"the file is nested more than {MAX_DEPTH} levels deep."
        if too_much:
            self._complain(event, (), too_much, "Make it smaller: a workflow needs far less.")
            raise _Stop

    def _complain(self, event: Event, path: Path, message: str, fix: str) -> None:
        span = _span(event)
        self.problems.append(Problem(self.name, span.line, span.column, dotted(path), message, fix))


def plain_scalar(text: str) -> Any:
    """Return what an unquoted YAML 1.2 scalar means; a date or `yes` is a text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def is_old_boolean(value: Any) -> bool:
    """Tell whether a text was a boolean in YAML 1.1 (`yes`, `off`), which people still expect."""
    return isinstance(value, str) and value.lower() in _OLD_WORDS


def _span(event: Event) -> Span:
    start, end = event.start_mark, event.end_mark
    style = getattr(event, "style", "") or ""
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
        style = "alias"
    elif not isinstance(event, ScalarEvent):
        style = "collection"
    return Span(start.line + 1, start.column + 1, start.index, end.index, style)
