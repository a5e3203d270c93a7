"""Calls that were made elsewhere, taken in bulk: read by their types, recorded as our own are, one commit.

A line says what was asked and what came back, as chat completions have it. All lines of a request are
kept, or none; a line whose `external_id` is in the log already adds nothing, so that whoever lost an
answer sends the same again, under the same Idempotency-Key where its lines have no ids. No model is called, and nothing of a line is ever executed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.core.clock import Clock
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.journal import INSERT_OUTBOX, Append, append_here, hold_order
from camel_ext.core.outbox import publish
from camel_ext.core.tenancy import Tenant, current_tenant
from camel_ext.interactions.calls import Answer, Asker, Prompt
from camel_ext.interactions.errors import LineInvalid
from camel_ext.interactions.events import InteractionsImported
from camel_ext.interactions.models import ExternalId, Purpose
from camel_ext.interactions.recording import Entry, Recorded, Recorder
from camel_ext.interactions.schemas import ImportedShown
from camel_ext.interactions.wording import encode
from camel_ext.registry import ResolvedModel, get_alias, resolve_alias, resolve_version

SOURCE = "import"
MAX_LINES = 500  # of one request, and so of one commit: some 60 ms of SQLite's one writer
NOT_PARAMS = {"model", "messages", "tools", "response_format", "stream", "stream_options"}
Json = dict[str, Any]


def _word(letters: int) -> Any:
    return Annotated[str, Meta(min_length=1, max_length=letters, pattern="^[^\\x00]*$")]


Tokens = Annotated[int, Meta(ge=0, lt=2**31)]
Milliseconds = Annotated[float, Meta(ge=0)]
Messages = Annotated[list[Json], Meta(min_length=1, max_length=1_000)]


class Line(Struct, forbid_unknown_fields=True):
    """One call as a line holds it."""

    model: _word(200)  # type: ignore[valid-type]
    request: Json
    total_ms: Milliseconds
    response: Json | None = None
    ttft_ms: Milliseconds | None = None
    external_id: _word(200) | None = None  # type: ignore[valid-type]
    purpose: Purpose = Purpose.RUN
    session: _word(120) | None = None  # type: ignore[valid-type]
    tags: Annotated[list[_word(64)], Meta(max_length=20)] = []  # type: ignore[valid-type]
    agent_id: _word(120) | None = None  # type: ignore[valid-type]
    agent_version: _word(80) | None = None  # type: ignore[valid-type]
    trace_id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None = None
    error_code: _word(120) | None = None  # type: ignore[valid-type]
    error_detail: _word(2_000) | None = None  # type: ignore[valid-type]


class _Asked(Struct):
    messages: Messages
    tools: list[Json] | None = None
    response_format: Json | None = None


class _Choice(Struct):
    message: Json
    finish_reason: str | None = None


class _Details(Struct):
    cached_tokens: Tokens | None = None


class _Usage(Struct):
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    prompt_tokens_details: _Details | None = None


class _Came(Struct):
    choices: Annotated[list[_Choice], Meta(min_length=1)]
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One line, read: everything of a call but who tells of it and which model that was."""

    line: Line
    prompt: Prompt
    answer: Answer


_decode = msgspec.json.Decoder(Line).decode


def read_lines(raw: bytes) -> list[Told]:
    """Return what the lines tell; empty lines tell nothing.

    Raises: LineInvalid, naming the line and the field.
    """
    told: list[Told] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            if len(told) == MAX_LINES:
                raise LineInvalid(f"line {number}: a request holds at most {MAX_LINES} lines")
            told.append(_read(line, number))
    if not told:
        raise LineInvalid("the body holds no line: send calls as lines of JSON")
    return told


def _read(raw: bytes, number: int) -> Told:
    try:
        line = _decode(raw)
        asked = msgspec.convert(line.request, _Asked)
        came = None if line.response is None else msgspec.convert(line.response, _Came)
    except RecursionError:
        raise LineInvalid(f"line {number}: it is nested too deep") from None
    except UnicodeDecodeError:
        raise LineInvalid(f"line {number}: it is not UTF-8 text") from None
    except msgspec.DecodeError as error:
        raise LineInvalid(f"line {number}: {error}") from None
    if came is None and line.error_code is None:
        raise LineInvalid(f"line {number}: it has neither `response` nor `error_code`")
    params = {name: value for name, value in line.request.items() if name not in NOT_PARAMS}
    prompt = Prompt(
        asked.messages, encode(line.request), params, asked.tools, asked.response_format
    )
    return Told(line, prompt, _answer(line, came))


def _answer(line: Line, came: _Came | None) -> Answer:
    usage = came.usage if came is not None and came.usage is not None else _Usage()
    details = usage.prompt_tokens_details or _Details()
    return Answer(
        line.total_ms,
        line.response,
        None if came is None else came.choices[0].finish_reason,
        usage.prompt_tokens,
        usage.completion_tokens,
        details.cached_tokens,
        line.ttft_ms,
        error_code=line.error_code,
        error_detail=line.error_detail,
    )


def resolve_models(db: Session, names: Iterable[str]) -> dict[str, ResolvedModel]:
    """Return what each name stands for: an alias, or a version by its id.

    Raises: AliasUnknown, VersionUnknown, LineInvalid.
    """
    return {name: _resolve(db, name) for name in names}


def _resolve(db: Session, name: str) -> ResolvedModel:
    try:
        version_id = UUID(name)
    except ValueError:
        if len(get_alias(db, name).targets) > 1:
            raise LineInvalid(
                f"model: {name} shares its traffic between versions: say which, by its id"
            ) from None
        return resolve_alias(db, name, name)
    return resolve_version(db, version_id)


def record_all(
    recorder: Recorder,
    tenant: Tenant,
    principal_id: UUID,
    told: Sequence[Told],
    models: Mapping[str, ResolvedModel],
    key: str | None = None,
) -> list[tuple[str | None, Recorded]]:
    """Return what must be appended for each line, with its external id.

    With the request's Idempotency-Key a line without one gets it from there.
    """
    made = []
    named = None if key is None else sha256_hex(f"{principal_id} {key}".encode())[:32]
    for number, each in enumerate(told, 1):
        line = each.line
        external_id = line.external_id or (None if named is None else f"{named}:{number}")
        asker = Asker(
            tenant, principal_id, SOURCE, line.purpose, line.session, line.tags, line.agent_id,
            line.agent_version, external_id=external_id, trace_id=line.trace_id,
        )  # fmt: skip
        recorded = recorder.record(asker, models[line.model], each.prompt, each.answer)
        made.append((external_id, recorded))
    return made


def keep_all(
    db: Session, clock: Clock, made: Sequence[tuple[str | None, Recorded]]
) -> ImportedShown:
    """Append what is not in the log yet, in the session's transaction: as many statements for all lines.

    Raises: AppendRefused.
    """
    hold_order(db.connection())  # two who send the same at once: one is second
    named = [external_id for external_id, _ in made if external_id is not None]
    query = select(ExternalId.external_id, ExternalId.interaction_id).where(
        ExternalId.source == SOURCE, ExternalId.external_id.in_(named)
    )
    known = {row[0]: row[1] for row in db.execute(query)} if named else {}
    ids, entries = list[UUID](), list[Entry]()
    fresh = 0
    for external_id, recorded in made:
        there = None if external_id is None else known.setdefault(external_id, recorded.id)
        ids.append(there or recorded.id)
        if ids[-1] == recorded.id:
            fresh += 1
            entries += [entry for entry in recorded.entries if entry[0] is not INSERT_OUTBOX]
    if entries:
        append_here(db, Append(current_tenant(db), entries))
        publish(db, clock, InteractionsImported(str(ids[-1]), fresh))
    return ImportedShown(recorded=fresh, duplicates=len(made) - fresh, ids=ids)
