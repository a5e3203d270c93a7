"""Recording one call of a model: rows for the journal, made in time that follows what is new.

The recorder computes and commits nothing: its entries go into the caller's append, together with the
turn they belong to, and `Recorded.keep` is called once that is on disk. It decides neither who may
ask nor what a failure means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, insert

from camel_ext.core.clock import Clock
from camel_ext.core.journal import journalled
from camel_ext.core.outbox import outbox_entry
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions.calls import Answer, Asker, Prompt
from camel_ext.interactions.events import InteractionRecorded
from camel_ext.interactions.models import (
    PREVIEW_LETTERS,
    ExternalId,
    Interaction,
    InteractionBody,
    InteractionTag,
    Usage,
)
from camel_ext.interactions.months import agreed
from camel_ext.interactions.prompts import Stored, store_prompt
from camel_ext.interactions.threads import Prefix, Prefixes, Thread
from camel_ext.interactions.wording import answer_of, clean, encode, preview
from camel_ext.registry import ResolvedModel

INSERT_INTERACTION = journalled(insert(Interaction))
INSERT_EXTERNAL_ID = journalled(insert(ExternalId))
INSERT_BODY = journalled(insert(InteractionBody))
INSERT_TAG = journalled(insert(InteractionTag))
INSERT_USAGE = journalled(insert(Usage))
Entry = tuple[Executable, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded call. Append `entries`; once that is committed, call `keep`."""

    id: UUID
    entries: list[Entry]
    cost_usd_micros: int
    prompt_hash: str
    keep: Callable[[], None]


class Recorder:
    """One per process: it remembers the prefixes that the next prompts may continue."""

    def __init__(self, clock: Clock, new_id: Callable[[], UUID]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._prefixes = Prefixes()

    def record(
        self,
        asker: Asker,
        model: ResolvedModel,
        prompt: Prompt,
        answer: Answer,
        *,
        thread: Thread | None = None,
        interaction_id: UUID | None = None,
    ) -> Recorded:
        """Return what must be appended for one finished call, well or badly."""
        thread = thread if thread is not None else Thread()
        new_id = interaction_id or self._new_id()
        body = store_prompt(self._prefixes, asker.tenant, new_id, prompt, answer, thread)
        cost = model.price.cost_usd_micros(
            answer.prompt_tokens or 0, answer.completion_tokens or 0, answer.cached_tokens
        )
        row = self._row(asker, model, prompt, answer, body, cost)
        entries: list[Entry] = [
            *_external_id_entries(row),
            (INSERT_INTERACTION, row),
            (INSERT_BODY, _body_row(asker.tenant, body, answer)),
            (INSERT_USAGE, self._usage_row(row)),
            *_tag_entries(row),
            outbox_entry(asker.tenant, self._clock, _event(row)),
        ]

        def keep() -> None:
            thread.head = body.head
            for key, count in body.added:
                head = body.head if count >= body.head.count else None
                self._prefixes.add(key, Prefix(new_id, count, body.head.fixed, head))

        return Recorded(new_id, entries, cost, row["prompt_hash"], keep)

    def _row(
        self,
        asker: Asker,
        model: ResolvedModel,
        prompt: Prompt,
        answer: Answer,
        body: Stored,
        cost: int,
    ) -> dict[str, Any]:
        seed = prompt.params.get("seed")
        parent, head = body.parent, body.head
        return {
            "org_id": asker.tenant.org_id,
            "project_id": asker.tenant.project_id,
            "id": head.id,
            "principal_id": asker.principal_id,
            "source": asker.source,
            "external_id": asker.external_id,
            "purpose": asker.purpose,
            "session": asker.session,
            "tags": list(dict.fromkeys(asker.tags)) or None,
            "agent_id": asker.agent_id,
            "agent_version": asker.agent_version,
            "run_id": asker.run_id,
            "step_key": asker.step_key,
            "parent_id": None if parent is None else parent.owner,
            "forked_from_id": asker.forked_from_id,
            "trace_id": asker.trace_id,
            "model_version_id": model.version_id,
            "adapter_version_id": None if model.adapter is None else model.adapter.version_id,
            "alias": model.alias,
            "engine": model.engine,
            "engine_build": _clip(answer.engine_build, 120),
            "quantization": _clip(answer.quantization, 40),
            "template_hash": _clip(answer.template_hash, 80),
            "prompt_hash": head.canonical.hexdigest(),
            "prefix_hash": head.prefix_hash,
            "prompt_messages": head.count,
            "params": dict(prompt.params),
            "seed": seed if isinstance(seed, int) and abs(seed) < 2**63 else None,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "cached_tokens": answer.cached_tokens,
            "ttft_ms": answer.ttft_ms,
            "total_ms": answer.total_ms,
            "cost_usd_micros": cost,
            "finish_reason": _clip(answer.finish_reason, 40),
            "error_code": _clip(answer.error_code, 120),
            "error_detail": _clip(answer.error_detail, 2_000),
            "prompt_preview": head.preview,
            "answer_preview": preview(answer_of(answer.raw), PREVIEW_LETTERS),
            "created_at": agreed(head.id, self._clock.now()),
        }

    def _usage_row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "org_id": row["org_id"],
            "project_id": row["project_id"],
            "id": self._new_id(),
            "interaction_id": row["id"],
            "principal_id": row["principal_id"],
            "model_version_id": row["model_version_id"],
            "prompt_tokens": row["prompt_tokens"] or 0,
            "completion_tokens": row["completion_tokens"] or 0,
            "cost_usd_micros": row["cost_usd_micros"],
            "created_at": row["created_at"],
        }


def _body_row(tenant: Tenant, body: Stored, answer: Answer) -> dict[str, Any]:
    parent = body.parent
    return {
        "org_id": tenant.org_id,
        "project_id": tenant.project_id,
        "id": body.head.id,
        "parent_id": None if parent is None else parent.owner,
        "keep_messages": 0 if parent is None else parent.count,
        "messages": b",".join(body.own).decode(),
        "envelope": body.request.envelope,
        "cuts": body.request.cuts,
        "fixed": None if body.fixed is None else body.fixed.decode(),
        "response": None if answer.raw is None else encode(answer.raw).decode(),
        "token_ids": answer.token_ids,
        "logprobs": answer.logprobs,
    }


def _external_id_entries(row: Mapping[str, Any]) -> list[Entry]:
    if row["external_id"] is None:
        return []
    names = ("org_id", "project_id", "source", "external_id")
    key = {name: row[name] for name in names}
    return [(INSERT_EXTERNAL_ID, key | {"interaction_id": row["id"]})]


def _tag_entries(row: Mapping[str, Any]) -> list[Entry]:
    return [
        (
            INSERT_TAG,
            {
                "org_id": row["org_id"],
                "project_id": row["project_id"],
                "tag": tag,
                "created_at": row["created_at"],
                "interaction_id": row["id"],
            },
        )
        for tag in row["tags"] or ()
    ]


def _event(row: Mapping[str, Any]) -> InteractionRecorded:
    run_id = row["run_id"]
    return InteractionRecorded(
        str(row["id"]),
        purpose=str(row["purpose"]),
        alias=row["alias"],
        agent_id=row["agent_id"],
        run_id=None if run_id is None else str(run_id),
        session=row["session"],
        tokens=(row["prompt_tokens"] or 0) + (row["completion_tokens"] or 0),
        error_code=row["error_code"],
    )


def _clip(text: str | None, letters: int) -> str | None:
    return None if text is None else clean(text, letters)
