"""The client against a scripted server: retries, idempotency, errors, pages and the live feed."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any

import httpx
import pytest
from camel_ext_client import ApiError, Client, Message, Unreachable
from camel_ext_client.feed import read_messages
from camel_ext_client.transport import Patience

Answer = httpx.Response | Exception
RUN = {"id": "0190", "state": "queued"}


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"code": code, "detail": f"{code} happened", "trace_id": "t1", "errors": [{"line": 3}]}
    return httpx.Response(status, json=body, headers=headers)


class Script:
    """Answers in order, and remembers what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def talk(slept: list[float]) -> Iterator[Callable[..., tuple[Client, Script]]]:
    made: list[Client] = []

    def build(*answers: Answer) -> tuple[Client, Script]:
        script = Script(*answers)
        patience = Patience(tries=4, sleep=slept.append, rng=Random(1))
        transport = httpx.MockTransport(script)
        made.append(Client("http://server", "cx_key", patience=patience, transport=transport))
        return made[-1], script

    yield build
    for client in made:
        client.close()


Talk = Callable[..., tuple[Client, Script]]


class TestRetries:
    def test_a_lost_answer_is_asked_again_with_the_same_idempotency_key(self, talk: Talk) -> None:
        client, script = talk(
            httpx.ConnectError("refused"), httpx.ReadError("lost"), httpx.Response(202, json=RUN)
        )
        assert client.runs.start("solve", {"goal": "rest"})["id"] == "0190"
        keys = {request.headers["Idempotency-Key"] for request in script.asked}
        assert len(script.asked) == 3
        assert len(keys) == 1

    def test_another_call_carries_another_key(self, talk: Talk) -> None:
        client, script = talk(*[httpx.Response(202, json=RUN)] * 2)
        client.runs.start("solve")
        client.runs.start("solve")
        assert len({request.headers["Idempotency-Key"] for request in script.asked}) == 2

    def test_503_waits_at_least_as_long_as_the_server_asks(
        self, talk: Talk, slept: list[float]
    ) -> None:
        client, _ = talk(
            problem(503, "core.unavailable", **{"Retry-After": "2"}), httpx.Response(200, json=RUN)
        )
        assert client.runs.get("0190")["state"] == "queued"
        assert len(slept) == 1
        assert 2 <= slept[0] < 5

    def test_tries_are_bounded_and_waits_grow(self, talk: Talk, slept: list[float]) -> None:
        client, script = talk(*[httpx.ConnectError("[Errno 111] Connection refused")] * 4)
        with pytest.raises(Unreachable, match="the connection was refused"):
            client.runs.get("0190")
        assert len(script.asked) == 4
        assert all(0 <= wait <= 0.2 * 2**tried for tried, wait in enumerate(slept))

    def test_an_action_that_may_have_arrived_is_not_repeated(self, talk: Talk) -> None:
        client, script = talk(httpx.ReadTimeout("late"))
        with pytest.raises(Unreachable, match="longer than"):
            client.runs.pause("0190")
        assert len(script.asked) == 1

    def test_an_action_that_was_never_sent_is_repeated(self, talk: Talk) -> None:
        client, script = talk(httpx.ConnectError("refused"), httpx.Response(200, json=RUN))
        client.runs.pause("0190")
        assert len(script.asked) == 2

    def test_the_last_503_is_the_servers_own_error(self, talk: Talk) -> None:
        client, _ = talk(*[problem(503, "core.unavailable")] * 4)
        with pytest.raises(ApiError) as caught:
            client.runs.get("0190")
        assert caught.value.status == 503


class TestErrors:
    def test_a_problem_keeps_status_code_sentence_trace_and_fields(self, talk: Talk) -> None:
        client, script = talk(problem(404, "workflows.run_unknown"))
        with pytest.raises(ApiError, match="happened") as caught:
            client.runs.get("0190")
        error = caught.value
        assert (error.status, error.code, error.trace_id) == (404, "workflows.run_unknown", "t1")
        assert error.errors == [{"line": 3}]
        assert script.asked[0].headers["Authorization"] == "Bearer cx_key"

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(404, text="<html>not here</html>"),
            httpx.Response(200, text="hello"),
            httpx.Response(302, headers={"Location": "http://elsewhere"}),
            httpx.Response(500, json=["what?"]),
        ],
    )
    def test_a_stranger_on_the_port_is_named_so(self, talk: Talk, answer: httpx.Response) -> None:
        client, _ = talk(answer)
        with pytest.raises(Unreachable, match="not a camel-ext server"):
            client.health()

    @pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://[", "http://x:y"])
    def test_what_is_no_address_is_said_to_be_none(self, url: str) -> None:
        patience = Patience(tries=1, sleep=lambda _s: None)
        with pytest.raises(Unreachable), Client(url, patience=patience) as client:
            client.health()


class TestRequests:
    def test_pages_are_followed_to_the_end(self, talk: Talk) -> None:
        client, script = talk(
            httpx.Response(200, json={"items": [1, 2], "next_cursor": "c"}),
            httpx.Response(200, json={"items": [3], "next_cursor": None}),
        )
        found: Any = list(client.runs.each(state="failed"))
        assert found == [1, 2, 3]
        assert dict(script.asked[1].url.params) == {
            "state": "failed", "limit": "200", "cursor": "c",
        }  # fmt: skip

    def test_turns_are_followed_by_number(self, talk: Talk) -> None:
        client, script = talk(
            httpx.Response(200, json={"items": ["a"], "next_after": 1}),
            httpx.Response(200, json={"items": ["b"], "next_after": None}),
        )
        found: Any = list(client.runs.each_turn("0190"))
        assert found == ["a", "b"]
        assert script.asked[1].url.params["after"] == "1"

    def test_a_change_names_the_revision_that_it_is_meant_for(self, talk: Talk) -> None:
        client, script = talk(httpx.Response(200, json={}))
        client.aliases.move("small", [{"target": "big"}], revision=7)
        assert script.asked[0].headers["If-Match"] == '"7"'

    def test_an_export_is_read_line_by_line(self, talk: Talk) -> None:
        client, script = talk(httpx.Response(200, text='{"id": 1}\n{"id": 2}\n'))
        assert list(client.interactions.export(run_id="r")) == [{"id": 1}, {"id": 2}]
        assert dict(script.asked[0].url.params) == {"bodies": "true", "run_id": "r"}

    def test_bytes_are_given_back_as_they_came(self, talk: Talk) -> None:
        client, _ = talk(httpx.Response(200, content=b'{"a":  1}'))
        assert client.interactions.request("i") == b'{"a":  1}'


def sse(*messages: dict[str, Any] | str) -> httpx.Response:
    lines = []
    for message in messages:
        if isinstance(message, str):
            lines.append(f": ping\nid: {message}\n\n")
        else:
            head = f"id: {message['cursor']}\n" if "cursor" in message else ""
            lines.append(f"{head}data: {json.dumps(message)}\n\n")
    return httpx.Response(200, text="".join(lines), headers={"content-type": "text/event-stream"})


def event(cursor: str) -> dict[str, Any]:
    return {"type": "event", "cursor": cursor, "event": "a.b", "subject": cursor, "payload": {}}


class TestFeed:
    def test_a_lost_connection_is_opened_again_from_the_last_cursor(self, talk: Talk) -> None:
        client, script = talk(
            sse({"type": "hello", "cursor": "c0"}, event("c1"), event("c2")),
            httpx.ConnectError("refused"),
            sse({"type": "hello", "cursor": "c2"}, event("c3")),
        )
        seen = [message.get("cursor") for message in islice(client.watch(["a"]), 5)]
        assert seen == ["c0", "c1", "c2", "c2", "c3"]
        assert [request.url.params.get("after") for request in script.asked] == [None, "c2", "c2"]

    def test_a_ping_moves_the_cursor_on(self, talk: Talk) -> None:
        client, script = talk(sse(event("c1"), "c9"), sse(event("c10")))
        kinds = [message["type"] for message in islice(client.watch([]), 3)]
        assert kinds == ["event", "ping", "event"]
        assert script.asked[1].url.params["after"] == "c9"

    def test_frames_and_resets_are_handed_on(self, talk: Talk) -> None:
        frame = {"type": "frame", "kind": "serving.text", "text": "he", "offset": 2}
        client, _ = talk(sse(frame, {"type": "reset", "cursor": "c5"}))
        first, second = islice(client.watch(["*:run"]), 2)
        assert first["text"] == "he"
        assert second["type"] == "reset"

    def test_a_stopping_server_is_left_for_its_successor(self, talk: Talk) -> None:
        ending = {"type": "error", "code": "events.stopping", "detail": "stopping"}
        client, script = talk(sse(event("c1"), ending), problem(503, "x"), sse(event("c2")))
        assert [m["cursor"] for m in islice(client.watch([]), 2)] == ["c1", "c2"]
        assert len(script.asked) == 3

    def test_a_refusal_ends_it(self, talk: Talk) -> None:
        client, _ = talk(problem(422, "events.unknown_topic"))
        with pytest.raises(ApiError) as caught:
            next(client.watch(["nonsense"]))
        assert caught.value.code == "events.unknown_topic"

    def test_a_run_is_waited_for_to_its_end(self, talk: Talk) -> None:
        client, script = talk(
            sse({"type": "hello", "cursor": "c0"}, {"type": "frame", "text": "a"}, event("c1")),
            httpx.Response(200, json={**RUN, "state": "waiting", "waiting_for": "provider"}),
            httpx.Response(200, json={**RUN, "state": "failed"}),
        )
        assert client.wait("0190")["state"] == "failed"
        assert script.asked[0].url.params["topics"] == "*:0190"

    def test_a_lost_connection_is_said(self, talk: Talk) -> None:
        client, _ = talk(httpx.ConnectError("refused"), sse(event("c1")))
        lost: list[Exception] = []
        next(client.watch([], on_lost=lost.append))
        assert [type(each) for each in lost] == [httpx.ConnectError]

    def test_it_gives_up_where_that_is_wanted(self, talk: Talk) -> None:
        client, _ = talk(httpx.ConnectError("refused"))
        with pytest.raises(Unreachable):
            next(client.watch([], give_up_s=0))

    def test_unknown_lines_are_skipped(self) -> None:
        lines = ["retry: 2000", "event: x", "data: {", 'data: "type": "ping"}', "", ": hm", ""]
        found: list[Message] = list(read_messages(iter(lines)))
        assert found == [{"type": "ping"}]


def test_all_dead_letters_are_followed_by_their_cursors(talk: Talk) -> None:
    lot = {"repeated": 2, "refused": [], "next_cursor": "c"}
    last = {"repeated": 1, "refused": [], "next_cursor": None}
    client, script = talk(httpx.Response(200, json=lot), httpx.Response(200, json=last))
    assert list(client.jobs.repeat_all_dead(kind="workflows.run")) == [lot, last]
    asked = [json.loads(each.content) for each in script.asked]
    assert [each["cursor"] for each in asked] == [None, "c"]
    assert {each["kind"] for each in asked} == {"workflows.run"}
