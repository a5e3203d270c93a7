"""Whatever was said is put together again byte for byte, and stored once."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Answer, Prompt, Thread, prompt_hash
from camel_ext.interactions.recording import INSERT_BODY, INSERT_INTERACTION
from camel_ext.interactions.wording import answer_of, as_prompt
from tests.interactions.calls import (
    FORM,
    MODEL,
    TOOLS,
    Json,
    Shelf,
    answer,
    asker,
    encode,
    failed,
    prompt,
    recorder,
    said,
    user,
)

TENANT = Tenant(uuid4(), uuid4())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MESSAGE = st.one_of(
    st.builds(user, TEXT),
    st.builds(said, TEXT),
    st.fixed_dictionaries({"content": TEXT, "role": st.just("tool"), "tool_call_id": TEXT}),
    st.just({"role": "user", "content": [{"type": "text", "text": 'é\u2028\x00"'}], "name": None}),
)
ANSWER = st.one_of(
    st.builds(answer, TEXT),
    st.builds(failed),
    st.just(answer(message={"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]})),
    st.just(Answer(1.0, {"choices": []})),
    st.just(Answer(1.0, {})),
)  # fmt: skip


@dataclass
class Talk:
    """One conversation, as its client sees it."""

    messages: list[Json]
    thread: Thread | None = None
    shared: int = 0
    last: Answer | None = None


@dataclass
class World:
    """Conversations, what was recorded of them, and what really was sent."""

    talks: list[Talk] = field(default_factory=list)
    shelf: Shelf = field(default_factory=Shelf)
    truth: dict[UUID, tuple[Prompt, Answer]] = field(default_factory=dict)
    hashes: dict[UUID, str] = field(default_factory=dict)


def change(draw: Any, world: World) -> Talk:
    """Choose a conversation, or fork one, and go on with it, or edit it, or leave it."""
    what = draw(st.sampled_from(["new", "go on", "go on", "go on", "fork", "edit", "again"]))
    if what == "new" or not world.talks:
        world.talks.append(Talk(draw(st.lists(MESSAGE, min_size=1, max_size=3)), Thread()))
        return world.talks[-1]
    talk: Talk = draw(st.sampled_from(world.talks))
    if what == "fork":
        upto = draw(st.integers(0, len(talk.messages)))
        thread = draw(st.sampled_from([None, Thread()]))
        talk = Talk([*talk.messages[:upto], draw(MESSAGE)], thread)
        world.talks.append(talk)
    elif what == "edit":
        place = draw(st.integers(0, len(talk.messages) - 1))
        talk.messages = [*talk.messages]
        talk.messages[place] = draw(MESSAGE)
        talk.shared = min(talk.shared, place)
    elif what == "go on":
        message = answer_of(talk.last.raw) if talk.last is not None else None
        repeat = draw(st.sampled_from(["as prompt", "raw", "not"]))
        if message is not None and repeat == "as prompt":
            clean = {key: message[key] for key in ("role", "content", "tool_calls") if
                     message.get(key) or key != "tool_calls"}  # fmt: skip
            talk.messages = [*talk.messages, clean]
        elif message is not None and repeat == "raw":
            talk.messages = [*talk.messages, message]
        talk.messages = talk.messages + draw(st.lists(MESSAGE, max_size=2))
    return talk


@settings(max_examples=30)
@given(st.data())
def test_any_conversation_is_put_together_again(data: st.DataObject) -> None:
    world, record = World(), recorder().record
    for _ in range(data.draw(st.integers(1, 12))):
        talk = change(data.draw, world)
        parts = {"tools": data.draw(st.sampled_from([None, TOOLS, [*TOOLS, *TOOLS]])),
                 "response_format": data.draw(st.sampled_from([None, FORM])),
                 "seed": data.draw(st.integers(0, 3))}  # fmt: skip
        hint = talk.shared if data.draw(st.booleans()) else 0
        asked, reply = prompt(list(talk.messages), hint, **parts), data.draw(ANSWER)
        recorded = record(asker(TENANT), MODEL, asked, reply, thread=talk.thread)
        if data.draw(st.integers(0, 5)) == 0:
            continue  # the append failed: nothing of it may ever be leaned on
        recorded.keep()
        world.shelf.put(recorded.entries)
        world.truth[recorded.id] = asked, reply
        world.hashes[recorded.id] = recorded.prompt_hash
        talk.last, talk.shared = reply, len(talk.messages)
    library = world.shelf.library
    for interaction_id, (asked, reply) in world.truth.items():
        got = library.said(interaction_id)
        assert got.sent == asked.sent
        assert got.prompt == encode(list(asked.messages))
        assert got.response == (None if reply.raw is None else encode(reply.raw))
        assert world.hashes[interaction_id] == prompt_hash(asked.messages)


def body_of(entries: Any) -> dict[str, Any]:
    """The body's row among entries."""
    return next(row for statement, row in entries if statement is INSERT_BODY)


def row_of(entries: Any) -> dict[str, Any]:
    """The wide row among entries."""
    return next(row for statement, row in entries if statement is INSERT_INTERACTION)


@pytest.mark.parametrize("hinted", [True, False])
def test_a_turn_stores_what_is_new(hinted: bool) -> None:
    """The answer is stored once, as the answer; tools and earlier messages not again."""
    record, thread = recorder().record, Thread()
    messages = [{"role": "system", "content": "s" * 100}, user("one")]
    first = record(asker(TENANT), MODEL, prompt(messages, tools=TOOLS, seed=1), answer("two"),
                   thread=thread)  # fmt: skip
    first.keep()
    longer = [*messages, said("two"), user("three")]
    second = record(
        asker(TENANT), MODEL, prompt(longer, len(messages) * hinted, tools=TOOLS, seed=2),
        answer("four"), thread=thread if hinted else None,
    )  # fmt: skip
    body, row = body_of(second.entries), row_of(second.entries)
    assert (body["parent_id"], body["keep_messages"]) == (first.id, 3)
    assert body["messages"] == '{"role":"user","content":"three"}'
    assert body["fixed"] is None
    assert "look" not in body["envelope"]
    assert row["parent_id"] == first.id
    assert row["prefix_hash"] == prompt_hash(longer[:-1])
    assert (row["prompt_preview"], row["answer_preview"]) == ("three", "four")


def test_another_try_of_a_prompt_stores_no_message() -> None:
    record, messages = recorder().record, [user("one")]
    first = record(asker(TENANT), MODEL, prompt(messages), answer("a"))
    first.keep()
    second = record(asker(TENANT), MODEL, prompt(messages, seed=2), answer("b"))
    assert body_of(second.entries)["messages"] == ""
    assert first.prompt_hash == second.prompt_hash
    assert row_of(second.entries)["prefix_hash"] == row_of(first.entries)["prefix_hash"]


def test_what_was_not_committed_is_not_leaned_on() -> None:
    record, thread = recorder().record, Thread()
    record(asker(TENANT), MODEL, prompt([user("one")]), answer(), thread=thread)
    second = record(asker(TENANT), MODEL, prompt([user("one"), user("two")], 1), answer(),
                    thread=thread)  # fmt: skip
    assert body_of(second.entries)["parent_id"] is None


def test_prompts_of_tenants_do_not_meet() -> None:
    record = recorder().record
    record(asker(TENANT), MODEL, prompt([user("one")]), answer()).keep()
    for other in (Tenant(uuid4(), TENANT.project_id), Tenant(TENANT.org_id, uuid4())):
        theirs = record(asker(other), MODEL, prompt([user("one")]), answer())
        assert body_of(theirs.entries)["parent_id"] is None


def test_a_false_hint_is_found_out() -> None:
    record, thread, shelf = recorder().record, Thread(), Shelf()
    first = record(asker(TENANT), MODEL, prompt([user("one")]), answer(), thread=thread)
    first.keep()
    edited = prompt([user("ONE"), user("two")], 1)
    second = record(asker(TENANT), MODEL, edited, answer(), thread=thread)
    shelf.put([*first.entries, *second.entries])
    assert shelf.library.said(second.id).sent == edited.sent


@pytest.mark.parametrize(
    "sent",
    [
        b'{ "model": "m", "messages": [ {"role": "user", "content": "one"} ] }',
        b'{"tools":[{"a":1}],"messages":[{"role":"user","content":"one"}],"model":"m"}',
        '{"model":"ü\\"messages\\":[","messages":[{"role":"user","content":"one"}],"x":"é"}'.encode(),
        b'{"model":"m","messages":[]}',
    ],
)
def test_a_request_laid_out_otherwise_is_kept_too(sent: bytes) -> None:
    shelf = Shelf()
    asked = Prompt([user("one")], sent, tools=[{"a": 1}])
    recorded = recorder().record(asker(TENANT), MODEL, asked, answer())
    shelf.put(recorded.entries)
    assert shelf.library.said(recorded.id).sent == sent


def test_the_form_of_a_repeated_answer_never_changes() -> None:
    """Stored chains lean on these bytes."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert as_prompt({"content": "é", "role": "assistant", "x": 1}) == (
        '{"role":"assistant","content":"é"}'.encode()
    )
    assert as_prompt({"tool_calls": [call]}) == (
        b'{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",'
        b'"function":{"name":"f","arguments":"{}"}}]}'
    )
    assert prompt_hash([user("one"), said("two")]) == (
        prompt_hash([{"content": "one", "role": "user"}, {"content": "two", "role": "assistant"}])
    )
