"""Calls made elsewhere: read line by line, recorded once, in as many statements for 8 as for 500."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response
from sqlalchemy import event, func, select

from camel_ext.core.gate import Lane
from camel_ext.core.models import OutboxRow
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Answer, Recorder, ingesting
from camel_ext.interactions.models import Interaction
from camel_ext.interactions.schemas import ImportedShown
from tests.conftest import House
from tests.core.test_bulk import inserts
from tests.interactions.calls import MODEL, TOOLS, Json
from tests.serving.conftest import add_alias

HOME = "/api/v1/interactions"


def line(number: int = 0, **more: Any) -> Json:
    """One call as somebody else's program logged it."""
    text = f"Why is the sky blue, number {number}?"
    return {
        "model": "thinker",
        "request": {
            "messages": [{"role": "user", "content": text}],
            "model": "gpt-x", "temperature": 0.5, "tools": TOOLS,
        },
        "response": {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "It scatters."},
                         "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4,
                      "prompt_tokens_details": {"cached_tokens": 3}},
        },
        "total_ms": 20.5, "external_id": f"call-{number}", "tags": ["old"], **more,
    }  # fmt: skip


def lines(*given: Json) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in given)


async def sent(client: AsyncClient, *given: Json | bytes, **headers: str) -> Response:
    raw = given[0] if given and isinstance(given[0], bytes) else lines(*given)  # type: ignore[arg-type]
    return await client.post(f"{HOME}/import", content=raw, headers=headers)


class TestOverHttp:
    async def test_calls_are_in_the_log_as_our_own_are(self, house: House) -> None:
        version_id = await add_alias(house)
        answered = await sent(
            house.client, line(1, session="s", agent_id="ag", ttft_ms=2.5, trace_id="a" * 32),
            line(2, model=version_id, response=None, error_code="x.lost", error_detail="gone"),
        )  # fmt: skip
        assert answered.status_code == 200, answered.text
        told = answered.json()
        assert (told["recorded"], told["duplicates"], len(told["ids"])) == (2, 0, 2)
        one = (await house.client.get(f"{HOME}/{told['ids'][0]}")).json()
        assert one["messages"] == line(1)["request"]["messages"]
        assert one["tools"] == TOOLS
        assert one["answer"]["content"] == "It scatters."
        assert (one["source"], one["external_id"], one["tags"]) == ("import", "call-1", ["old"])
        assert (one["prompt_tokens"], one["completion_tokens"], one["cached_tokens"]) == (9, 4, 3)
        assert one["cost_usd_micros"] == 9 + 2 * 4, "by the version's price, 1 and 2 USD a million"
        assert (one["model_version_id"], one["alias"]) == (version_id, "thinker")
        assert one["params"] == {"temperature": 0.5}
        request = (await house.client.get(f"{HOME}/{told['ids'][0]}/request")).json()
        assert request == line(1)["request"]
        found = (await house.client.get(HOME, params={"failed": "true", "tag": "old"})).json()
        assert [row["id"] for row in found["items"]] == [told["ids"][1]]

    async def test_the_same_lines_again_add_nothing(self, house: House) -> None:
        await add_alias(house)
        first = (await sent(house.client, line(1), line(2), line(2))).json()
        assert (first["recorded"], first["duplicates"]) == (2, 1)
        again = (await sent(house.client, line(2), line(3))).json()
        assert (again["recorded"], again["duplicates"]) == (1, 1)
        assert again["ids"][0] == first["ids"][1] == first["ids"][2]
        assert (await house.client.get(f"{HOME}/count")).json()["count"] == 3

    async def test_lines_without_ids_come_once_under_one_key(self, house: House) -> None:
        await add_alias(house)
        bare = [line(n, external_id=None) for n in range(3)]
        key = {"Idempotency-Key": "once"}
        first, again = [(await sent(house.client, *bare, **key)).json() for _ in range(2)]
        assert (first["recorded"], again["recorded"], again["duplicates"]) == (3, 0, 3)
        assert first["ids"] == again["ids"]
        assert (await sent(house.client, *bare)).json()["recorded"] == 3, "another request"

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            (b"{", "line 2: Input data was truncated"),
            (lines(line(1, total_ms=-1)), "total_ms"),
            (lines(line(1, nonsense=1)), "nonsense"),
            (lines(line(1, response=None)), "neither `response` nor `error_code`"),
            (lines(line(1, request={"messages": []})), "messages"),
            (lines(line(1, response={"choices": []})), "choices"),
            (lines(line(1, session="a\0b")), "session"),
            (b'{"request": ' + b'{"a": ' * 10_000, "nested"),
            (b'{"model": "\xff"}', "line 2"),
        ],
    )
    async def test_a_wrong_line_is_named_and_nothing_is_kept(
        self, house: House, wrong: bytes, words: str
    ) -> None:
        await add_alias(house)
        answered = await sent(house.client, lines(line(0)) + b"\n" + wrong)
        assert answered.status_code == 422, answered.text
        assert answered.json()["code"] == "interactions.line_invalid"
        assert words in answered.json()["detail"]
        assert (await house.client.get(f"{HOME}/count")).json()["count"] == 0

    async def test_too_many_lines_or_none_are_refused(self, house: House) -> None:
        await add_alias(house)
        for raw in (b"", b"\n\n", lines(*[line(n) for n in range(501)])):
            assert (await sent(house.client, raw)).status_code == 422

    async def test_a_name_that_stands_for_several_versions_is_refused(self, house: House) -> None:
        await add_alias(house)
        await add_alias(house, "other", name="second")
        targets = [{"target": "small", "weight": 1}, {"target": "second", "weight": 1}]
        both = await house.client.post("/api/v1/aliases", json={"name": "both", "targets": targets})
        assert both.status_code == 201, both.text
        refused = await sent(house.client, line(1, model="both"))
        assert (refused.status_code, "by its id" in refused.text) == (422, True)
        assert (await sent(house.client, line(1, model="nobody"))).status_code == 404
        assert (await sent(house.client, line(1, model=str(UUID(int=5))))).status_code == 404

    async def test_it_takes_an_editor(self, house: House) -> None:
        assert (await sent(house.as_key(None), line(1))).status_code == 401
        assert (await sent(await house.as_role("viewer"), line(1))).status_code == 403
        other = await house.as_role("owner", org="other")
        assert (await sent(other, line(1))).status_code == 404, "the alias is another project's"

    async def test_a_talk_sent_in_parts_is_stored_as_one(self, house: House) -> None:
        await add_alias(house)
        messages: list[Json] = [{"role": "user", "content": "one"}]
        for number in range(3):
            told = await sent(house.client, line(number, request={"messages": messages}))
            messages = [
                *messages, {"role": "assistant", "content": "It scatters."},
                {"role": "user", "content": f"and {number}?"},
            ]  # fmt: skip
        one = (await house.client.get(f"{HOME}/{told.json()['ids'][0]}")).json()
        assert one["parent_id"] is not None
        assert [each["content"] for each in one["messages"]][-1] == "and 1?"


@contextmanager
def written(runtime: Runtime) -> Iterator[list[str]]:
    """Collect what the runtime's writers execute."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    engine = runtime.database.writer
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


async def take(runtime: Runtime, tenant: Tenant, told: list[ingesting.Told]) -> ImportedShown:
    recorder = Recorder(runtime.clock, runtime.new_id)
    models = {"thinker": MODEL}
    made = ingesting.record_all(recorder, tenant, UUID(int=7), told, models)
    return await runtime.write(tenant, ingesting.keep_all, runtime.clock, made, lane=Lane.BULK)


async def test_as_many_statements_for_ten_as_for_five_hundred(
    runtime: Runtime, tenant: Tenant
) -> None:
    """A batch is one commit: external id, call, body, usage, tag and one event for all of them."""
    counts = []
    for number, rows in enumerate((10, 500)):
        told = ingesting.read_lines(lines(*[line(1000 * number + n) for n in range(rows)]))
        with written(runtime) as seen, inserts(runtime, "") as made:
            assert (await take(runtime, tenant, told)).recorded == rows
        counts.append(len(seen))
        assert len(made) == 6
        assert runtime.database.is_sqlite or not any(made), "not a message for each row"
    assert counts[0] == counts[1] <= 15
    events = select(OutboxRow.type, OutboxRow.payload).order_by(OutboxRow.id)
    rows_out = await runtime.read(tenant, lambda db: db.execute(events).all())
    assert [tuple(each) for each in rows_out] == [
        ("interactions.interactions.imported", {"calls": 10}),
        ("interactions.interactions.imported", {"calls": 500}),
    ]
    numbers = select(Interaction.ingest_seq, Interaction.external_id).order_by(
        Interaction.ingest_seq
    )
    order = [each[1] for each in await runtime.read(tenant, lambda db: db.execute(numbers).all())]
    assert order == [*(f"call-{n}" for n in range(10)), *(f"call-{n}" for n in range(1000, 1500))]


async def test_a_number_that_json_has_not_is_kept_by_the_driver(
    runtime: Runtime, tenant: Tenant
) -> None:
    told = ingesting.read_lines(lines(*[line(n) for n in range(10)]))
    odd = told[3]
    told[3] = ingesting.Told(odd.line, odd.prompt, Answer(float("inf"), odd.line.response))
    await take(runtime, tenant, told)
    endless = select(func.count()).select_from(Interaction).where(
        Interaction.total_ms == float("inf")
    )  # fmt: skip
    assert await runtime.read(tenant, lambda db: db.scalar(endless)) == 1


async def test_two_who_send_the_same_at_once_record_it_once(
    runtime: Runtime, tenant: Tenant
) -> None:
    told = ingesting.read_lines(lines(*[line(n) for n in range(50)]))
    both = await asyncio.gather(take(runtime, tenant, told), take(runtime, tenant, told))
    assert sorted((each.recorded, each.duplicates) for each in both) == [(0, 50), (50, 0)]
    assert both[0].ids == both[1].ids
