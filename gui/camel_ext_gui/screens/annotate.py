"""Annotate: one item of a queue after the other, judged by a click or a key; the last one can be undone."""

import time
from typing import Any

import streamlit as st
from camel_ext_client import ApiError, Client
from camel_ext_client.shapes_annotations import AnnotationKind, Queue, QueueItem

from camel_ext_gui import connection, formats, judging, problems
from camel_ext_gui.untrusted import message_text, visible

ITEM, SINCE, LAST = "annotate_item", "annotate_since", "annotate_last"
KINDS: list[AnnotationKind] = ["thumbs", "rating", "choice", "correction", "labels", "ranking"]


def show() -> None:
    """Show the page."""
    st.title("Annotate")
    client = connection.client()
    queues = [each for each in client.annotations.queues.each() if each["closed_at"] is None]
    if not queues:
        st.info("No pairs to judge yet. Make a queue of answers.", icon=":material/rate_review:")
        _make(client, expanded=True)
        return
    names = [each["name"] for each in queues]
    asked = st.query_params.get("queue")
    name = st.selectbox("Queue", names, index=names.index(asked) if asked in names else 0)
    st.query_params["queue"] = name
    _work(client, queues[names.index(name)])
    _make(client, expanded=False)


def _work(client: Client, queue: Queue) -> None:
    done, total = queue["items_done"], queue["items_total"]
    st.progress(done / total if total else 1.0, f"{done:,} of {total:,} judged")
    if queue["guideline"]:
        with st.expander("Guideline"):
            st.text(visible(queue["guideline"]))
    _undo(client)
    item = _item(client, queue)
    if item is None:
        if done == total:
            st.success("All judged.", icon=":material/check:")
            st.code("camel-ext dataset build NAME", language=None)
        else:
            st.info("Nothing is left for you now: others have what remains.")
        return
    first = item["subjects"][0]
    st.caption("Prompt")
    with st.container(border=True):
        st.text(visible("\n\n".join(message_text(each) for each in first["prompt"] or [])))
    value = _ask(queue, item)
    if value is not None:
        _save(client, queue, item, value)
    if st.button("Skip", shortcut="s", help="It comes again when all others were offered."):
        with problems.shown():
            client.annotations.queues.release(item["id"], skip=True)
            _next()


def _ask(queue: Queue, item: QueueItem) -> dict[str, Any] | None:
    """Show the answers and how they are judged; return a judgement where one was made."""
    columns = st.columns(max(1, min(3, len(item["subjects"]))))
    for place, subject in enumerate(item["subjects"]):
        with columns[place % len(columns)], st.container(border=True):
            st.caption("Answer" if len(item["subjects"]) == 1 else f"Answer {judging.name(place)}")
            st.text(visible(message_text(subject["answer"])) or formats.UNKNOWN)
    st.text_input("Why (optional)", key=f"why {item['id']}")
    answers = [message_text(each["answer"]) for each in item["subjects"]]
    return judging.ask(item, answers, queue["labels"])


def _item(client: Client, queue: Queue) -> QueueItem | None:
    kept: QueueItem | None = st.session_state.get(ITEM)
    if kept is None or kept["queue_id"] != queue["id"]:
        kept = client.annotations.queues.next(queue["id"])["item"]
        st.session_state[ITEM] = kept
        st.session_state[SINCE] = time.monotonic()
    return kept


def _save(client: Client, queue: Queue, item: QueueItem, value: dict[str, Any]) -> None:
    spent_ms = round(1000 * (time.monotonic() - st.session_state[SINCE]))
    try:
        made = client.annotations.add(
            item["kind"],
            item["interaction_ids"],
            rationale=st.session_state.get(f"why {item['id']}") or None,
            time_spent_ms=spent_ms,
            guideline_version=queue["guideline_version"],
            blind=queue["blind"],
            queue_item_id=item["id"],
            **value,
        )
    except ApiError as error:
        problems.show(error)
        if error.code == "annotations.reservation_expired":
            with problems.shown():
                client.annotations.queues.reserve(item["id"])
                st.info("It is kept for you again: judge it once more.")
        return
    st.session_state[LAST] = made["id"]
    _next()


def _next() -> None:
    st.session_state.pop(ITEM, None)
    st.rerun()


def _undo(client: Client) -> None:
    last = st.session_state.get(LAST)
    if last is None:
        return
    left, right = st.columns([3, 1])
    left.caption(f"Saved: judgement {formats.short(last)}.")
    if right.button("Undo", icon=":material/undo:", shortcut="u"):
        with problems.shown():
            client.annotations.withdraw(last)
            del st.session_state[LAST]
            _next()


def _make(client: Client, *, expanded: bool) -> None:
    with st.expander("Make a queue", expanded=expanded), st.form("make"):
        left, middle, right = st.columns(3)
        name = left.text_input("Name", placeholder="tone")
        kind = middle.selectbox("Asks for", KINDS)
        at_most = right.number_input("At most answers", 1, 5_000, 200)
        agent = left.text_input("Of the agent", placeholder="any")
        tag = middle.text_input("With the tag", placeholder="any")
        blind = right.checkbox("Blind: do not show who answered", value=True)
        guideline = st.text_area("Guideline", height=80)
        st.caption("For choice and ranking, answers to the same prompt are put side by side.")
        if st.form_submit_button("Make the queue", type="primary"):
            with problems.shown():
                wanted = {"agent_id": agent.strip() or None, "tag": tag.strip() or None}
                client.annotations.queues.create(
                    name.strip(), kind, guideline=guideline, blind=blind, at_most=int(at_most),
                    filter={key: value for key, value in wanted.items() if value},
                )  # fmt: skip
                st.query_params["queue"] = name.strip()
                st.rerun()


show()
