"""Routes of judgements, batches and queues: the happy ways, error bodies, pages, statements."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient, Response

from camel_ext.annotations.batches import UNDO, VERIFY
from camel_ext.core.queue import TASKS
from camel_ext.events import feed_of
from camel_ext.events.errors import StreamUnknown
from camel_ext.events.streams import Snapshot
from tests.annotations.conftest import LONG_S
from tests.conftest import House
from tests.interactions.conftest import Record
from tests.jobs.repeating import broken, repeated

Json = dict[str, Any]
ANNOTATIONS = "/api/v1/annotations"
BATCHES = "/api/v1/annotation-batches"
QUEUES = "/api/v1/annotation-queues"
ITEMS = "/api/v1/annotation-queue-items"


async def post(client: AsyncClient, path: str, body: Any = None, status: int = 201) -> Json:
    answer = await client.post(path, json=body)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


async def get(client: AsyncClient, path: str) -> Json:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def until(client: AsyncClient, path: str, name: str) -> Json:
    """Wait until a field is there."""
    async with asyncio.timeout(LONG_S):
        while not (found := await get(client, path))[name]:  # noqa: ASYNC110 - it is a row
            await asyncio.sleep(0.01)
    return found


async def told(house: House, batch_id: str) -> Snapshot:
    """What who watches is told, at its end: that follows the commit of the last row."""
    async with asyncio.timeout(LONG_S):
        while True:
            with suppress(StreamUnknown):
                found = feed_of(house.runtime).frames.snapshot(house.owner.tenant, batch_id)
                if found.done:
                    return found
            await asyncio.sleep(0.01)


@pytest.fixture
async def ids(house_record: Record) -> list[str]:
    """Three recorded answers to one prompt."""
    return [str((await house_record("hello", text, tags=["t"])).id) for text in "abc"]


class TestJudging:
    async def test_a_judgement_is_signed_by_who_sends_it(
        self, client: AsyncClient, ids: list[str], house: House
    ) -> None:
        wanted = {"kind": "rating", "interaction_ids": ids[:1], "rating": 4, "rationale": "fine"}
        answer = await client.post(ANNOTATIONS, json=wanted)
        made = answer.json()
        assert answer.headers["location"] == f"{ANNOTATIONS}/{made['id']}"
        assert (made["judge_kind"], made["judge"]) == ("person", "owner")
        assert made["principal_id"] == str(house.owner.principal_id)
        assert (made["score"], made["rationale"], made["current"]) == (0.75, "fine", True)
        assert await get(client, f"{ANNOTATIONS}/{made['id']}") == made

    async def test_in_the_name_of_another_judge(self, client: AsyncClient, ids: list[str]) -> None:
        judge = {"kind": "model", "name": "big", "version": "7"}
        wanted = {"kind": "choice", "interaction_ids": ids[:2], "choice": "second", "judge": judge}
        made = await post(client, ANNOTATIONS, wanted)
        assert (made["judge_kind"], made["judge"], made["judge_version"]) == ("model", "big", "7")
        assert made["value"] == {"chosen_id": ids[1]}

    async def test_nobody_speaks_for_a_verifier_of_ours(
        self, client: AsyncClient, ids: list[str]
    ) -> None:
        wanted = {"kind": "verdict", "interaction_ids": ids[:1], "state": "passed"}
        ours = {**wanted, "judge": {"kind": "verifier", "name": "length"}}
        refused = await post(client, ANNOTATIONS, ours, 422)
        assert refused["code"] == "annotations.judgement_invalid"
        assert refused["detail"].startswith("`judge.name`: 'length' is a verifier of this server")
        theirs = {**wanted, "judge": {"kind": "verifier", "name": "their-ci"}}
        assert (await post(client, ANNOTATIONS, theirs))["score"] == 1.0

    async def test_judging_again_supersedes_and_history_is_kept(
        self, client: AsyncClient, ids: list[str]
    ) -> None:
        wanted = {"kind": "thumbs", "interaction_ids": ids[:1]}
        old = await post(client, ANNOTATIONS, {**wanted, "up": True})
        new = await post(client, ANNOTATIONS, {**wanted, "up": False, "supersedes_id": old["id"]})
        assert new["supersedes_id"] == old["id"]
        page = await get(client, f"{ANNOTATIONS}?interaction_id={ids[0]}")
        assert [each["id"] for each in page["items"]] == [new["id"]]
        page = await get(client, f"{ANNOTATIONS}?interaction_id={ids[0]}&current=false")
        assert [(each["id"], each["current"]) for each in page["items"]] == [
            (new["id"], True),
            (old["id"], False),
        ]
        late = await post(
            client, ANNOTATIONS, {**wanted, "up": True, "supersedes_id": old["id"]}, 409
        )
        assert late["code"] == "annotations.superseded"

    async def test_withdrawing(self, client: AsyncClient, ids: list[str], house: House) -> None:
        editor = await house.as_role("editor")
        wanted = {"kind": "thumbs", "interaction_ids": ids[:1], "up": True}
        mine = await post(client, ANNOTATIONS, wanted)
        theirs = await post(editor, ANNOTATIONS, wanted)
        refused = await post(editor, f"{ANNOTATIONS}/{mine['id']}/withdraw", status=403)
        assert refused["code"] == "annotations.not_yours"
        gone = await post(client, f"{ANNOTATIONS}/{theirs['id']}/withdraw", status=200)
        assert gone["withdrawn_at"]
        assert not gone["current"]
        page = await get(client, ANNOTATIONS)
        assert [each["id"] for each in page["items"]] == [mine["id"]]

    async def test_an_idempotency_key_judges_once(
        self, client: AsyncClient, ids: list[str]
    ) -> None:
        wanted = {"kind": "thumbs", "interaction_ids": ids[:1], "up": True}
        answers = [
            await client.post(ANNOTATIONS, json=wanted, headers={"Idempotency-Key": "once"})
            for _ in range(2)
        ]
        assert answers[0].json() == answers[1].json()
        page = await get(client, f"{ANNOTATIONS}?current=false")
        assert len(page["items"]) == 1

    @pytest.mark.parametrize(
        ("given", "status", "field"),
        [
            ({"kind": "rating", "rating": 9}, 422, "`rating` is 9"),
            ({"kind": "rating"}, 422, "rating"),
            ({"kind": "correction", "text": " "}, 422, "text"),
            ({"kind": "correction", "text": "a"}, 422, "`text`: "),
            ({"kind": "correction", "text": "x\0"}, 422, "text"),
            ({"kind": "choice", "choice": "first"}, 422, "interaction_ids"),
            ({"kind": "applause"}, 422, "kind"),
            ({"kind": "thumbs", "up": True, "interaction_ids": [str(uuid4())]}, 404, "interaction"),
            ({"kind": "thumbs", "up": True, "queue_item_id": str(uuid4())}, 404, "item"),
            ({"kind": "thumbs", "up": True, "supersedes_id": str(uuid4())}, 404, "annotation"),
        ],
    )
    async def test_bad_input_names_the_field(
        self, client: AsyncClient, ids: list[str], given: Json, status: int, field: str
    ) -> None:
        refused = await post(client, ANNOTATIONS, {"interaction_ids": ids[:1], **given}, status)
        assert field in refused["detail"]
        assert (await get(client, f"{ANNOTATIONS}?current=false"))["items"] == []

    async def test_half_a_character_is_refused(self, client: AsyncClient, ids: list[str]) -> None:
        raw = json.dumps(  # with the escape, which JSON allows
            {"kind": "thumbs", "interaction_ids": ids[:1], "up": True, "rationale": "\ud800"}
        )
        answer = await client.post(
            ANNOTATIONS, content=raw, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
        assert "half a character" in answer.json()["detail"]

    async def test_lists_filter_and_go_on(self, client: AsyncClient, ids: list[str]) -> None:
        for each in ids:
            await post(
                client, ANNOTATIONS, {"kind": "thumbs", "interaction_ids": [each], "up": True}
            )
        label = {"kind": "labels", "interaction_ids": ids[:1], "labels": ["long"]}
        await post(client, ANNOTATIONS, label)
        first = await get(client, f"{ANNOTATIONS}?kind=thumbs&limit=2")
        rest = await get(client, f"{ANNOTATIONS}?kind=thumbs&limit=2&cursor={first['next_cursor']}")
        seen = [each["interaction_ids"][0] for each in first["items"] + rest["items"]]
        assert sorted(seen) == sorted(ids)
        assert rest["next_cursor"] is None
        for query, count in (
            ("judge=owner", 4),
            ("judge=nobody", 0),
            ("judge_kind=verifier", 0),
            (f"interaction_id={ids[0]}", 2),
            (f"principal_id={uuid4()}", 0),
            (f"batch_id={uuid4()}", 0),
        ):
            assert len((await get(client, f"{ANNOTATIONS}?{query}"))["items"]) == count, query

    @pytest.mark.parametrize("query", ["", "?current=false", "?kind=thumbs&limit=3"])
    async def test_a_list_is_two_queries_however_long(
        self, client: AsyncClient, ids: list[str], house_statements: list[str], query: str
    ) -> None:
        for each in ids:
            await post(
                client, ANNOTATIONS, {"kind": "thumbs", "interaction_ids": [each], "up": True}
            )
        house_statements.clear()
        assert len((await get(client, ANNOTATIONS + query))["items"]) == 3
        assert len(house_statements) == 2


class TestBatches:
    async def test_a_batch_from_start_to_undo(
        self, client: AsyncClient, ids: list[str], house: House
    ) -> None:
        wanted = {
            "verifier": "contains",
            "params": {"any": ["a", "b"]},
            "filter": {"tag": "t"},
        }
        answer = await client.post(BATCHES, json=wanted)
        assert answer.status_code == 202
        place = answer.headers["location"]
        done = await until(client, place, "finished_at")
        assert (done["state"], done["total"], done["passed"], done["failed"]) == (
            "succeeded", 3, 2, 1,
        )  # fmt: skip
        assert done["mean_score"] == pytest.approx(2 / 3)
        frames = await told(house, done["id"])
        assert (frames.kind, frames.done) == ("annotations.progress", True)
        assert frames.text == '{"done":3,"total":3,"passed":2,"failed":1}\n'
        page = await get(client, f"{ANNOTATIONS}?batch_id={done['id']}")
        assert {each["judge"] for each in page["items"]} == {"contains"}
        assert {each["judge_version"] for each in page["items"]} == {done["version"]}
        await post(client, f"{place}/undo", status=202)
        undone = await until(client, place, "undone_at")
        assert undone["undone"] == 3
        assert (await get(client, f"{ANNOTATIONS}?batch_id={done['id']}"))["items"] == []
        assert (await get(client, BATCHES))["items"] == [undone]

    async def test_a_dry_run_and_a_late_cancel(self, client: AsyncClient, ids: list[str]) -> None:
        wanted = {"verifier": "length", "interaction_ids": ids, "dry_run": True}
        made = await post(client, BATCHES, wanted, 202)
        done = await until(client, f"{BATCHES}/{made['id']}", "finished_at")
        assert (done["dry_run"], done["passed"]) == (True, 3)
        assert (await get(client, ANNOTATIONS))["items"] == []
        late = await post(client, f"{BATCHES}/{made['id']}/cancel", status=200)
        assert late["state"] == "succeeded"
        refused = await post(client, f"{BATCHES}/{made['id']}/undo", status=409)
        assert refused["code"] == "annotations.batch_state_unfit"

    async def test_bad_input_names_the_field(self, client: AsyncClient, ids: list[str]) -> None:
        some = {"interaction_ids": ids}
        for given, status, said in (
            ({"verifier": "nonsense", **some}, 404, "nonsense"),
            ({"verifier": "length", "params": {"top": 1}, **some}, 422, "`top`"),
            ({"verifier": "length"}, 422, "either `filter` or"),
            ({"verifier": "length", "filter": {"purpose": "fun"}}, 422, "filter.purpose"),
            ({"verifier": "length", "interaction_ids": [str(uuid4())]}, 404, "interaction_ids"),
        ):
            assert said in (await post(client, BATCHES, given, status))["detail"]
        assert (await get(client, BATCHES))["items"] == []

    async def test_the_list_is_one_query(
        self, client: AsyncClient, ids: list[str], house_statements: list[str]
    ) -> None:
        for _ in range(3):
            made = await post(client, BATCHES, {"verifier": "length", "filter": {}}, 202)
            await until(client, f"{BATCHES}/{made['id']}", "finished_at")
        house_statements.clear()
        page = await get(client, f"{BATCHES}?limit=2")
        assert len(page["items"]) == 2
        assert page["next_cursor"]
        assert len(house_statements) == 1


class TestQueues:
    async def test_a_queue_from_its_making_to_its_end(
        self, client: AsyncClient, ids: list[str], house: House
    ) -> None:
        editor = await house.as_role("editor")
        wanted = {
            "name": "tone", "kind": "ranking", "filter": {"tag": "t"}, "guideline": "be kind",
        }  # fmt: skip
        answer = await client.post(QUEUES, json=wanted)
        assert answer.status_code == 201, answer.text
        place = answer.headers["location"]
        taken = await post(editor, f"{place}/next", status=200)
        item = taken["item"]
        assert (taken["items_open"], item["kind"]) == (1, "ranking")
        assert sorted(item["interaction_ids"]) == sorted(ids)
        first, *others = item["subjects"]
        assert first["prompt"] == [{"role": "user", "content": "hello"}]
        assert [each["prompt"] for each in others] == [None, None]
        assert {each["answer"]["content"] for each in item["subjects"]} == set("abc")
        nothing = await post(client, f"{place}/next", status=200)
        assert (nothing["item"], nothing["items_open"]) == (None, 1)
        assert (await get(client, place))["items_reserved"] == 1
        judgement = {
            "kind": "ranking",
            "interaction_ids": item["interaction_ids"],
            "ranking": [ids[:1], ids[1:]],
            "queue_item_id": item["id"],
        }
        stolen = await post(client, ANNOTATIONS, judgement, 409)
        assert stolen["code"] == "annotations.item_taken"
        made = await post(editor, ANNOTATIONS, judgement)
        done = await get(client, f"{ITEMS}/{item['id']}")
        assert (done["annotation_id"], bool(done["done_at"])) == (made["id"], True)
        again = await post(editor, ANNOTATIONS, judgement, 409)
        assert again["code"] == "annotations.item_done"
        (listed,) = (await get(client, f"{QUEUES}?name=tone"))["items"]
        assert (listed["items_done"], listed["items_total"]) == (1, 1)

    async def test_giving_back_keeping_and_closing(
        self, client: AsyncClient, ids: list[str]
    ) -> None:
        sets = [[each] for each in ids]
        queue = await post(client, QUEUES, {"name": "tone", "kind": "thumbs", "sets": sets})
        place = f"{QUEUES}/{queue['id']}"
        item = (await post(client, f"{place}/next", status=200))["item"]
        kept = await post(client, f"{ITEMS}/{item['id']}/reserve", status=200)
        assert kept["reserved_until"] >= item["reserved_until"]
        free = await post(client, f"{ITEMS}/{item['id']}/release", {"skip": True}, 200)
        assert free["reserved_until"] is None
        assert (await post(client, f"{place}/next", status=200))["item"]["id"] != item["id"]
        judgement = {
            "kind": "thumbs",
            "interaction_ids": item["interaction_ids"],
            "up": True,
            "queue_item_id": item["id"],
        }
        late = await post(client, ANNOTATIONS, judgement, 409)
        assert late["code"] == "annotations.reservation_expired"
        assert late["detail"].startswith("`queue_item_id`: ")
        assert (await post(client, f"{place}/close", status=200))["closed_at"]
        closed = await post(client, f"{place}/next", status=409)
        assert closed["code"] == "annotations.queue_closed"

    async def test_bad_input_names_the_field(self, client: AsyncClient, ids: list[str]) -> None:
        base = {"name": "tone", "kind": "thumbs"}
        for given, status, said in (
            ({**base, "sets": [ids]}, 422, "`sets[0]` holds 3"),
            ({**base, "filter": {"tag": "nobody"}}, 422, "`filter`: "),
            ({**base, "sets": [[str(uuid4())]]}, 404, "interaction"),
            ({**base, "kind": "verdict", "filter": {}}, 422, "kind"),
        ):
            assert said in (await post(client, QUEUES, given, status))["detail"]
        await post(client, QUEUES, {**base, "filter": {}})
        taken = await post(client, QUEUES, {**base, "filter": {}}, 409)
        assert taken["code"] == "annotations.queue_name_taken"


@pytest.mark.parametrize(
    "path",
    [
        f"{ANNOTATIONS}/{UUID(int=1)}",
        f"{BATCHES}/{UUID(int=1)}",
        f"{QUEUES}/{UUID(int=1)}",
        f"{ITEMS}/{UUID(int=1)}",
    ],
)
async def test_what_is_not_there_is_a_404(client: AsyncClient, path: str) -> None:
    answer: Response = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"].startswith("annotations.")


class TestRepeating:
    """What failed is queued again by its job."""

    async def test_a_batch_checks_the_same_answers_and_its_undoing_goes_on(
        self, client: AsyncClient, ids: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = {"verifier": "length", "params": {"max": 0}, "interaction_ids": ids[:2]}
        with monkeypatch.context() as patched:
            patched.setitem(TASKS, VERIFY, broken)
            first = await post(client, BATCHES, wanted, 202)
            again = await repeated(client, batch_id=first["id"])
        batch = await until(client, f"{BATCHES}/{again['batch_id']}", "finished_at")
        assert (batch["state"], batch["total"], batch["failed"]) == ("succeeded", 2, 2)
        with monkeypatch.context() as patched:
            patched.setitem(TASKS, UNDO, broken)
            await post(client, f"{BATCHES}/{batch['id']}/undo", status=202)
            undoing = await repeated(client, batch_id=batch["id"])
        assert undoing["batch_id"] == batch["id"]
        undone = await until(client, f"{BATCHES}/{batch['id']}", "undone_at")
        assert undone["undone"] == 2
