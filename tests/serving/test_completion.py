"""Completions below HTTP: entries, failures, frames, conversations; on both databases."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.core.journal import Append, AppendRefused
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.events import process as events_process
from camel_ext.interactions import read_answers, read_said
from camel_ext.interactions.models import Interaction, InteractionBody, Usage
from camel_ext.registry import EngineKind, Price, ResolvedModel, SecretReference
from camel_ext.serving import (
    Asked,
    Caller,
    EngineRefused,
    EngineUnavailable,
    Served,
    complete,
    process,
    serving_of,
    stream,
)
from camel_ext.serving.engines.protocol import Delta
from camel_ext.serving.errors import KeyMissing, ModelFileMissing, ModelFileWrong, ParamsReserved
from camel_ext.serving.service import Keyed, Replay, find_replay, keep_answer
from camel_ext.settings import Settings
from tests.fakes.engine import FakeEngine

LONG = "x" * 4000


@dataclass
class Talk:
    """A conversation as workflows keeps one."""

    last_interaction_id: UUID | None = None
    thread: Any = None

    def copy(self) -> "Talk":
        return Talk(self.last_interaction_id, self.thread)


@dataclass
class Desk:
    """Someone who asks and commits."""

    runtime: Runtime
    caller: Caller
    model: ResolvedModel
    engine: FakeEngine

    async def ask(self, *messages: Any, **more: Any) -> Served:
        return await complete(self.runtime, self.caller, self.model, Asked(list(messages), **more))

    async def commit(self, served: Served, talk: Talk | None = None) -> None:
        append = Append(self.caller.tenant, served.entries)
        await self.runtime.gate.append(append)
        if talk is not None:
            talk.last_interaction_id = served.interaction_id

    async def rows(self) -> list[Interaction]:
        def all_of(db: Session) -> list[Interaction]:
            return list(db.scalars(select(Interaction).order_by(Interaction.ingest_seq)))

        return await self.runtime.read(self.caller.tenant, all_of)

    async def stored_bytes(self, served: Served) -> int:
        def size(db: Session) -> int:
            query = select(func.length(InteractionBody.messages))
            return int(db.scalar(query.where(InteractionBody.id == served.interaction_id)) or 0)

        return await self.runtime.read(self.caller.tenant, size)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.fixture
def model(runtime: Runtime) -> ResolvedModel:
    price = Price(prompt=1_000_000, completion=2_000_000)
    config = {"file": "bundled"}
    return ResolvedModel(runtime.new_id(), "small", EngineKind.LOCAL, config, price)


@pytest.fixture
async def desk(
    runtime: Runtime, tenant: Tenant, model: ResolvedModel, tmp_path: Path
) -> AsyncIterator[Desk]:
    settings = Settings(data_dir=tmp_path)
    async with events_process.opened(runtime, settings), process.opened(runtime, settings):
        engine = FakeEngine()
        serving_of(runtime).use(engine)
        caller = Caller(tenant, runtime.new_id(), "run", "run", "ab" * 16, alias="thinker")
        yield Desk(runtime, caller, model, engine)


class TestComplete:
    async def test_nothing_is_written_before_the_caller_commits(self, desk: Desk) -> None:
        served = await desk.ask(user("hello"), params={"temperature": 0})
        assert await desk.rows() == []
        await desk.commit(served)
        (row,) = await desk.rows()
        assert (row.id, row.alias, row.engine) == (served.interaction_id, "thinker", "local")
        assert row.params == {"temperature": 0, "max_tokens": 1024}
        assert row.cost_usd_micros == served.cost_usd_micros
        assert served.cost_usd_micros == served.prompt_tokens + 2 * served.completion_tokens
        assert row.engine_build == "fake-1"

    @pytest.mark.parametrize("given", [{"max_tokens": 7}, {"max_completion_tokens": 7}])
    async def test_the_local_model_is_bounded_where_nobody_bounds_it(
        self, desk: Desk, given: dict[str, int]
    ) -> None:
        await desk.ask(user("a"))
        await desk.ask(user("b"), params={"max_tokens": None})
        await desk.ask(user("c"), params=given)
        desk.model = replace(desk.model, engine=EngineKind.PROVIDER)
        await desk.ask(user("d"))
        asked = [request.params for request in desk.engine.calls]
        assert asked == [{"max_tokens": 1024}, {"max_tokens": 1024}, given, {}]

    async def test_what_is_read_back_is_what_was_served(self, desk: Desk) -> None:
        served = await desk.ask(user("hello"))
        await desk.commit(served)
        ids = [served.interaction_id]
        answers = await desk.runtime.read(desk.caller.tenant, read_answers, ids)
        assert answers[served.interaction_id] == {
            "id": served.id,
            "model": served.model,
            "message": served.message,
            "finish_reason": served.finish_reason,
            "usage": served.usage,
        }
        said = await desk.runtime.read(desk.caller.tenant, read_said, served.interaction_id)
        assert said.sent == served.reply.sent

    @pytest.mark.parametrize("error", [EngineUnavailable("down"), EngineRefused("no")])
    async def test_a_failure_records_itself(self, desk: Desk, error: Exception) -> None:
        desk.engine.then(error)
        with pytest.raises(type(error)):
            await desk.ask(user("hello"), params={"seed": 3})
        (row,) = await desk.rows()
        assert row.error_code == error.code  # type: ignore[attr-defined]
        assert (row.seed, row.finish_reason) == (3, None)

    async def test_a_cancelled_call_records_itself(self, desk: Desk) -> None:
        desk.engine.delay_s = 30
        asking = asyncio.create_task(desk.ask(user("hello")))
        await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await serving_of(desk.runtime).close()
        (row,) = await desk.rows()
        assert row.error_code == "serving.call_aborted"

    async def test_reserved_parameters_never_go_out(self, desk: Desk) -> None:
        with pytest.raises(ParamsReserved):
            await desk.ask(user("hello"), params={"stream": True})
        desk.model.config["extra"] = {"messages": []}
        with pytest.raises(ParamsReserved):
            await desk.ask(user("hello"))

    async def test_a_usage_row_goes_with_each(self, desk: Desk) -> None:
        served = await desk.ask(user("one two three"))
        await desk.commit(served)
        usage = await desk.runtime.read(
            desk.caller.tenant, lambda db: db.scalars(select(Usage)).one()
        )
        assert usage.interaction_id == served.interaction_id
        assert usage.prompt_tokens == 3


class TestStream:
    async def test_the_served_comes_last(self, desk: Desk) -> None:
        asked = Asked([user("hello")])
        *pieces, served = [
            item async for item in stream(desk.runtime, desk.caller, desk.model, asked)
        ]
        assert isinstance(served, Served)
        assert all(isinstance(piece, Delta) for piece in pieces)
        assert "".join(p.text for p in pieces) == served.message["content"]  # type: ignore[union-attr]

    async def test_leaving_early_keeps_what_had_come(self, desk: Desk) -> None:
        items = stream(desk.runtime, desk.caller, desk.model, Asked([user("a b c d")]))
        first, second = await anext(items), await anext(items)
        await items.aclose()
        await serving_of(desk.runtime).close()
        (row,) = await desk.rows()
        assert row.error_code == "serving.call_aborted"
        assert row.answer_preview == first.text + second.text  # type: ignore[union-attr]

    async def test_frames_flow_to_the_feed(self, desk: Desk) -> None:
        desk.caller = Caller(
            desk.caller.tenant, desk.caller.principal_id, "run", "run", None,
            step_key="plan/call[0]", stream_id="run-1",
        )  # fmt: skip
        served = await desk.ask(user("hello there"))
        feed = desk.runtime.extras["events"]
        stream_id = f"run-1/plan/call[0]/{served.interaction_id}"
        snapshot = feed.frames.snapshot(desk.caller.tenant, stream_id)
        assert snapshot.text == served.message["content"]
        assert (snapshot.subject, snapshot.kind, snapshot.done) == ("run-1", "serving.text", True)
        assert json.loads(served.reply.sent)["stream"] is True


class TestConversation:
    async def test_each_turn_stores_what_it_adds(self, desk: Desk) -> None:
        talk, messages, stored = Talk(), [user(LONG)], []
        shared = 0
        for turn in range(6):
            served = await desk.ask(*messages, thread=talk, shared=shared)
            await desk.commit(served, talk)
            stored.append(await desk.stored_bytes(served))
            said = await desk.runtime.read(desk.caller.tenant, read_said, served.interaction_id)
            assert said.sent == served.reply.sent
            shared = len(messages)
            messages += [served.message, user(f"turn {turn}")]
        assert stored[0] > 4000
        assert max(stored[1:]) < 400

    async def test_candidates_share_a_past_and_not_a_future(self, desk: Desk) -> None:
        talk = Talk()
        begin = [user(LONG)]
        served = await desk.ask(*begin, thread=talk)
        await desk.commit(served, talk)
        both = []
        for name in ("left", "right"):
            mine, messages = talk.copy(), [*begin, served.message, user(name)]
            shared = 1
            for turn in range(3):
                answer = await desk.ask(*messages, thread=mine, shared=shared)
                await desk.commit(answer, mine)
                both.append(answer)
                shared = len(messages)
                messages += [answer.message, user(f"{name} {turn}")]
        for answer in both:
            said = await desk.runtime.read(desk.caller.tenant, read_said, answer.interaction_id)
            assert said.sent == answer.reply.sent
            assert await desk.stored_bytes(answer) < 400

    async def test_a_turn_that_was_not_committed_is_no_parent(self, desk: Desk) -> None:
        talk = Talk()
        lost = await desk.ask(user("lost"), thread=talk)
        again = await desk.ask(user("lost"), lost.message, user("more"), thread=talk, shared=1)
        await desk.commit(again, talk)
        (row,) = await desk.rows()
        assert row.parent_id is None
        said = await desk.runtime.read(desk.caller.tenant, read_said, again.interaction_id)
        assert said.sent == again.reply.sent


class TestKeys:
    async def test_a_key_answers_for_a_day_and_then_anew(self, desk: Desk) -> None:
        tenant, now = desk.caller.tenant, desk.runtime.clock.now()
        keyed = Keyed(desk.caller.principal_id, "k", "same request")
        for day in range(2):
            at = now + timedelta(days=2 * day)
            assert await desk.runtime.read(tenant, find_replay, keyed, at) is None
            served = await desk.ask(user(f"day {day}"))
            replay = Replay(served.interaction_id, 1, "thinker", desk.model.version_id)
            served.entries += keep_answer(tenant, keyed, replay, at)
            await desk.commit(served)
            found = await desk.runtime.read(tenant, find_replay, keyed, at)
            assert found is not None
            assert found[0] == replay
            assert json.loads(found[1])["choices"][0]["message"] == served.message

    async def test_two_answers_under_one_key_are_refused(self, desk: Desk) -> None:
        tenant, now = desk.caller.tenant, desk.runtime.clock.now()
        keyed = Keyed(desk.caller.principal_id, "k", "same request")
        for refused in (False, True):
            served = await desk.ask(user("hello"))
            replay = Replay(served.interaction_id, 1, "thinker", desk.model.version_id)
            served.entries += keep_answer(tenant, keyed, replay, now)
            with pytest.raises(AppendRefused) if refused else nullcontext():
                await desk.commit(served)
        assert len(await desk.rows()) == 1


class TestOpening:
    @pytest.mark.parametrize(
        ("config", "error"),
        [
            ({"file": "bundled"}, ModelFileMissing),
            ({"file": "other.gguf"}, ModelFileMissing),
            ({"file": "there.gguf", "sha256": "0" * 64}, ModelFileWrong),
        ],
    )
    async def test_a_wrong_file_is_said(
        self, desk: Desk, tmp_path: Path, config: dict[str, Any], error: type[Exception]
    ) -> None:
        serving = serving_of(desk.runtime)
        serving._put_in.clear()
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "there.gguf").write_bytes(b"GGUF")
        desk.model.config.clear()
        desk.model.config.update(config)
        with pytest.raises(error):
            await desk.ask(user("hello"))
        (row,) = await desk.rows()
        assert row.error_code == error("").code  # type: ignore[attr-defined]

    async def test_settings_of_this_server_are_no_keys(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CAMEL_EXT_DATABASE__URL", "postgresql://u:password@h/d")
        serving_of(desk.runtime)._put_in.clear()
        secret = SecretReference(env="CAMEL_EXT_DATABASE__URL")
        config = {"url": "http://127.0.0.1:9/v1", "model": "m"}
        desk.model = ResolvedModel(
            desk.model.version_id, "big", EngineKind.PROVIDER, config, Price(), secret=secret
        )
        with pytest.raises(KeyMissing) as missing:
            await desk.ask(user("hello"))
        assert "password" not in str(missing.value)

    async def test_every_engine_is_closed(self, desk: Desk) -> None:
        await desk.ask(user("hello"))
        await serving_of(desk.runtime).close()
        assert desk.engine.closed
