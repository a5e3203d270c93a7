"""Pairs as lines of JSON: TRL's conversational preference format, with columns of ours beside it.

A line is read by its types, field by field, and whatever is wrong is said with line and field; what is
written here is read back to the very same pair. Nothing of a file is ever executed.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from camel_ext.annotations import JudgeKind
from camel_ext.datasets.errors import FileInvalid
from camel_ext.datasets.models import PairSource, Split
from camel_ext.datasets.pair import Json, JudgedBy, Pair, pair_hash, text_of
from camel_ext.interactions import prompt_hash

MAX_LINE_BYTES = 2 * 2**20
MAX_MESSAGES = 1_000
MAX_IDS = 1_000
ROLES = ("system", "developer", "user", "assistant", "tool")

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Topic = Annotated[str, Meta(min_length=1, max_length=64)]
Unit = Annotated[float, Meta(ge=0, le=1)]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Messages = Annotated[list[Json], Meta(min_length=1, max_length=MAX_MESSAGES)]
Reply = Annotated[list[Json], Meta(min_length=1, max_length=1)]
Ids = Annotated[list[UUID], Meta(max_length=MAX_IDS)]


class JudgeLine(Struct):
    """Who judged, as a file says it."""

    kind: JudgeKind
    name: Word
    version: Word | None
    principal_id: UUID


class Line(Struct):
    """A pair as a file holds it; TRL's own columns come first."""

    prompt: Messages
    chosen: Reply
    rejected: Reply
    tools: list[Json] | None = None
    split: Split | None = None
    topic: Topic | None = None
    source: PairSource | None = None
    margin: Unit | None = None
    chosen_score: Unit | None = None
    rejected_score: Unit | None = None
    pair_hash: Hash | None = None
    chosen_interaction_id: UUID | None = None
    rejected_interaction_id: UUID | None = None
    run_ids: Ids = []
    annotation_ids: Ids = []
    judges: Annotated[list[JudgeLine], Meta(max_length=MAX_IDS)] = []


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def as_line(pair: Pair) -> bytes:
    """Return a pair as one line of JSON, without its end."""
    judges = [
        JudgeLine(each.kind, each.name, each.version, each.principal_id) for each in pair.judges
    ]
    return _encode(
        Line(
            list(pair.prompt), list(pair.chosen), list(pair.rejected),
            None if pair.tools is None else list(pair.tools), pair.split, pair.topic, pair.source,
            pair.margin, pair.chosen_score, pair.rejected_score, pair.pair_hash,
            pair.chosen_interaction_id, pair.rejected_interaction_id, list(pair.run_ids),
            list(pair.annotation_ids), judges,
        )
    )  # fmt: skip


def read_lines(raw: bytes, first_line: int = 1) -> list[tuple[Pair, bool]]:
    """Return the pairs of a file's lines, and whether each names its split; empty lines are none.

    Raises: FileInvalid, naming the line and the field.
    """
    found = []
    for number, line in enumerate(raw.split(b"\n"), first_line):
        if line.strip():
            found.append(read_line(line, number))
    return found


def read_line(raw: bytes, number: int) -> tuple[Pair, bool]:
    """Return the pair of one line, and whether it names its split.

    Raises: FileInvalid.
    """
    if len(raw) > MAX_LINE_BYTES:
        raise FileInvalid(f"line {number}: it has {len(raw):,} bytes, at most {MAX_LINE_BYTES:,}")
    try:
        line = _decode(raw)
    except RecursionError:
        raise FileInvalid(f"line {number}: it is nested too deep") from None
    except UnicodeDecodeError:
        raise FileInvalid(f"line {number}: it is not UTF-8 text") from None
    except msgspec.ValidationError as error:
        raise FileInvalid(f"line {number}: {_said(str(error))}") from None
    except msgspec.DecodeError as error:
        raise FileInvalid(f"line {number}: it is not JSON ({error})") from None
    for field, wrong in _mistakes(line):
        raise FileInvalid(f"line {number}: {field}: {wrong}")
    return _as_pair(line, number), line.split is not None


def _said(error: str) -> str:
    """Return what msgspec says with the field in front: `prompt[0].role: ...`."""
    what, _, path = error.partition(" - at `$")
    field = path.strip("`").lstrip(".").replace("[...]", "[]")
    hint = ""
    if field in ("prompt", "chosen", "rejected") and "got `str`" in what:
        hint = "; TRL's conversational format has a list of messages, {role, content}, here"
    return f"{field}: {what}{hint}" if field else f"{what}"


def _mistakes(line: Line) -> Iterator[tuple[str, str]]:
    for name in ("prompt", "chosen", "rejected"):
        for place, message in enumerate(getattr(line, name)):
            for field, wrong in _wrong_in(message):
                yield f"{name}[{place}].{field}", wrong
    for name in ("chosen", "rejected"):
        (message,) = getattr(line, name)
        if message["role"] != "assistant":
            yield f"{name}[0].role", f"it is {message['role']!r}: an answer is the assistant's"
        elif not text_of([message]):
            yield f"{name}[0].content", "it is empty, and calls no tool"
    if text_of(line.chosen).strip() == text_of(line.rejected).strip():
        yield "rejected", "it says the same as `chosen`: nothing can be learnt from such a pair"
    for name, text in _stored_words(line):
        if "\0" in text:
            yield name, "it holds a NUL character, which cannot be stored"


def _wrong_in(message: Json) -> Iterator[tuple[str, str]]:
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        yield "role", f"it is {str(role)[:40]!r}, not one of {', '.join(ROLES)}"
    if content is not None and not isinstance(content, str | list):
        yield "content", f"it is a {type(content).__name__}: text, or a list of parts"
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        yield "tool_calls", f"it is a {type(calls).__name__}, not a list"


def _stored_words(line: Line) -> Iterator[tuple[str, str]]:
    yield "topic", line.topic or ""
    for place, judge in enumerate(line.judges):
        yield f"judges[{place}].name", judge.name
        yield f"judges[{place}].version", judge.version or ""


def _as_pair(line: Line, number: int) -> Pair:
    tools = line.tools or None
    named = pair_hash(line.prompt, tools, line.chosen, line.rejected)
    if line.pair_hash not in (None, named):
        raise FileInvalid(
            f"line {number}: pair_hash: it is {str(line.pair_hash)[:12]}..., and the texts give "
            f"{named[:12]}...: they were changed. Take the column out if that was meant"
        )
    prompt = prompt_hash(line.prompt)
    return Pair(
        named, prompt, line.prompt, tools, line.chosen, line.rejected, line.split or Split.TRAIN,
        line.topic or prompt, line.source or PairSource.FILE, line.margin, line.chosen_score,
        line.rejected_score, line.chosen_interaction_id, line.rejected_interaction_id,
        tuple(line.run_ids), tuple(line.annotation_ids),
        tuple(JudgedBy(each.kind, each.name, each.version, each.principal_id) for each in line.judges),
    )  # fmt: skip


def lines_of(pairs: Iterable[Pair]) -> bytes:
    """Return pairs as lines of JSON, each with its end."""
    return b"".join(as_line(pair) + b"\n" for pair in pairs)
