"""What a call leaves in the database, on both: rows, order, cost, event; nothing of other tenants."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.journal import AppendRefused
from camel_ext.core.models import OutboxRow
from camel_ext.core.numbering import NUMBERED_HERE
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import (
    Answer,
    InteractionUnknown,
    Thread,
    read_answers,
    read_library,
    read_said,
)
from camel_ext.interactions.models import Interaction, InteractionBody, InteractionTag, Usage
from camel_ext.registry import Price, ResolvedAdapter
from tests.interactions.calls import MODEL, TOOLS, answer, encode, failed, prompt, said, user
from tests.interactions.conftest import Record


async def test_a_long_talk_is_read_by_one_statement(
    record: Record, runtime: Runtime, tenant: Tenant, statements: list[str]
) -> None:
    thread, messages, sent = Thread(), [user("0")], {}
    for turn in range(40):
        asked = prompt(list(messages), len(messages) - 2 if turn else 0, tools=TOOLS, seed=turn)
        recorded = await record(asked, f"answer {turn}", thread=thread)
        sent[recorded.id] = asked.sent
        messages += [said(f"answer {turn}"), user(str(turn + 1))]
    statements.clear()
    library = await runtime.read(tenant, read_library, list(sent))
    assert len(statements) == 1
    assert {each: library.said(each).sent for each in sent} == sent
    last = next(reversed(sent))
    assert (await runtime.read(tenant, read_said, last)).sent == sent[last]
    stored = await runtime.read(tenant, _stored_letters)
    assert stored < 40 * 40


def _stored_letters(db: Session) -> int:
    return db.scalar(select(func.sum(func.length(InteractionBody.messages)))) or 0


async def test_every_field_comes_back(record: Record, runtime: Runtime, tenant: Tenant) -> None:
    adapter = ResolvedAdapter(UUID(int=2), "small/critic", "critic.gguf", None)
    model = replace(MODEL, adapter=adapter, price=Price(1_000_000, 2_000_000, 0))
    run_id, forked = UUID(int=5), UUID(int=6)
    reply = answer(
        "sure", cached_tokens=1, ttft_ms=4.5, engine_build="b1\0", quantization="q4",
        template_hash="t", token_ids=[1, 2], logprobs={"content": []},
    )  # fmt: skip
    recorded = await record(
        prompt([user("nul \0 here")], temperature=0.5, seed=3), reply, model=model,
        session="s", tags=["a", "b", "a"], agent_id="ag", agent_version="v1", run_id=run_id,
        step_key="rounds[2]/execute", forked_from_id=forked, external_id="x1", trace_id="t" * 32,
    )  # fmt: skip
    row = await runtime.read(tenant, lambda db: db.scalars(select(Interaction)).one())
    assert (row.id, row.purpose, row.run_id, row.step_key) == (
        recorded.id, "run", run_id, "rounds[2]/execute",
    )  # fmt: skip
    assert (row.model_version_id, row.adapter_version_id) == (UUID(int=1), UUID(int=2))
    assert (row.tags, row.params, row.seed) == (["a", "b"], {"temperature": 0.5, "seed": 3}, 3)
    assert (row.prompt_preview, row.answer_preview) == ("nul   here", "sure")
    # 2 tokens at 1 micro-USD, 1 cached for nothing, 5 at 2 micro-USD
    assert (row.cost_usd_micros, recorded.cost_usd_micros) == (12, 12)
    assert (row.ttft_ms, row.total_ms, row.engine_build) == (4.5, 12.5, "b1 ")
    tags = await runtime.read(tenant, lambda db: list(db.scalars(select(InteractionTag.tag))))
    assert sorted(tags) == ["a", "b"]
    usage = await runtime.read(tenant, lambda db: db.scalars(select(Usage)).one())
    assert (usage.interaction_id, usage.prompt_tokens, usage.completion_tokens) == (
        recorded.id, 3, 5,
    )  # fmt: skip
    assert (usage.cost_usd_micros, usage.created_at) == (12, row.created_at)
    body = await runtime.read(tenant, lambda db: db.scalars(select(InteractionBody)).one())
    assert (body.token_ids, body.logprobs) == ([1, 2], {"content": []})


async def test_a_failed_call_is_data(record: Record, runtime: Runtime, tenant: Tenant) -> None:
    recorded = await record("hello", failed())
    row = await runtime.read(tenant, lambda db: db.scalars(select(Interaction)).one())
    assert (row.error_code, row.prompt_tokens, row.answer_preview) == (
        "serving.engine_timeout", None, "",
    )  # fmt: skip
    assert await runtime.read(tenant, read_answers, [recorded.id]) == {}
    got = await runtime.read(tenant, read_said, recorded.id)
    assert (got.response, got.answer) == (None, None)


async def test_answers_are_read_for_replay(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    recorded = [await record("q", f"a{n}") for n in range(3)]
    bare = await record("q", Answer(1.0, {"choices": [{"message": {"content": "x"}}]}))
    got = await runtime.read(tenant, read_answers, [*(each.id for each in recorded), bare.id])
    assert got[recorded[1].id] == {
        "id": "chatcmpl-1",
        "model": "small",
        "message": {"content": "a1", "role": "assistant", "refusal": None},
        "finish_reason": "stop",
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
    assert got[bare.id]["usage"] == {}
    assert got[bare.id]["finish_reason"] == "stop"


async def test_the_order_of_commit_is_kept(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    async def one_after_another(name: str) -> list[UUID]:
        return [(await record(f"{name} {n}")).id for n in range(10)]

    talks = await asyncio.gather(*(one_after_another(name) for name in "abcd"))
    query = select(Interaction.id).order_by(Interaction.ingest_seq)
    order = await runtime.read(tenant, lambda db: list(db.scalars(query)))
    assert len(order) == 40
    for talk in talks:
        assert [each for each in order if each in talk] == talk


async def test_a_recorded_call_is_announced_without_its_content(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    woken: list[None] = []
    runtime.gate.listen(NUMBERED_HERE, lambda: woken.append(None), elsewhere=False)
    recorded = await record("a secret question", "a secret answer", session="s")
    row = await runtime.read(tenant, lambda db: db.scalars(select(OutboxRow)).one())
    assert (row.type, row.subject) == ("interactions.interaction.recorded", str(recorded.id))
    assert row.payload == {
        "purpose": "run", "alias": "fast", "agent_id": None, "run_id": None, "session": "s",
        "tokens": 8, "error_code": None,
    }  # fmt: skip
    assert woken


async def test_an_external_id_comes_once(record: Record, runtime: Runtime, tenant: Tenant) -> None:
    await record("one", external_id="x")
    with pytest.raises(AppendRefused):
        await record("one", external_id="x")
    await record("one", external_id="y")


async def test_another_tenant_reads_nothing(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    thread = Thread()
    first = await record(prompt([user("a"), user("b")]), thread=thread)
    second = await record(prompt([user("a"), user("b"), user("c")], 2), thread=thread)
    for other in (Tenant(runtime.new_id(), tenant.project_id),
                  Tenant(tenant.org_id, runtime.new_id())):  # fmt: skip
        library = await runtime.read(other, read_library, [first.id, second.id])
        assert library.pieces == {}
        assert await runtime.read(other, read_answers, [first.id]) == {}
        with pytest.raises(InteractionUnknown):
            await runtime.read(other, read_said, second.id)


async def test_a_chain_that_leads_to_another_tenant_ends_there(
    record: Record, runtime: Runtime, tenant: Tenant
) -> None:
    """The recursive query carries the tenant's filter at each step, not only at its start."""
    theirs = Tenant(runtime.new_id(), tenant.project_id)
    mine = await record(prompt([user("a")]))

    def plant(db: Session) -> UUID:
        row = InteractionBody(
            id=runtime.new_id(), parent_id=mine.id, keep_messages=1, messages="",
            envelope=encode({}).decode(), cuts=[],
        )  # fmt: skip
        db.add(row)
        db.flush()
        return row.id

    planted = await runtime.write(theirs, plant)
    library = await runtime.read(theirs, read_library, [planted])
    assert set(library.pieces) == {planted}
