"""Annotate: a queue is made, worked through in every kind of judgement, and the last one undone."""

import pytest
from camel_ext_client import Client
from streamlit.testing.v1 import AppTest

from tests.gui.conftest import Open, press, said, wait_for

pytestmark = pytest.mark.slow


def answers(client: Client, count: int = 3) -> list[str]:
    """The ids of answers to the same prompt."""
    for _ in range(count - len(client.interactions.list()["items"])):
        client.runs.start("write", {"goal": "tea"})
    wait_for(lambda: len(client.interactions.list()["items"]) >= count)
    return [row["id"] for row in client.interactions.list()["items"][:count]]


def opened(open_page: Open, queue: str) -> AppTest:
    page = open_page("annotate", queue=queue)
    assert page.selectbox[0].value == queue
    return page


def test_without_a_queue_one_is_made_here(open_page: Open, client: Client) -> None:
    ids = answers(client)
    page = open_page("annotate")
    assert "No pairs to judge yet." in said(page)
    page.text_input[0].set_value("first")
    press(page, "Make the queue")
    assert page.selectbox[0].value == "first"
    assert client.annotations.queues.list(name="first")["items"][0]["items_total"] == len(ids)
    assert "three fine words" in said(page)


def test_thumbs_with_a_reason_and_back(open_page: Open, client: Client) -> None:
    ids = answers(client)
    queue = client.annotations.queues.create("ups", "thumbs", sets=[[each] for each in ids])
    page = opened(open_page, "ups")
    [why] = [each for each in page.text_input if each.label == "Why (optional)"]
    why.set_value("short and right")
    press(page, "Good")
    [made] = client.annotations.list(kind="thumbs")["items"]
    assert made["value"] == {"up": True}
    assert made["rationale"] == "short and right"
    assert made["time_spent_ms"] is not None
    press(page, "Undo")
    assert not client.annotations.list(kind="thumbs")["items"]
    assert client.annotations.queues.get(queue["id"])["items_done"] == 0


def test_to_the_end(open_page: Open, client: Client) -> None:
    first, *_ = answers(client)
    client.annotations.queues.create("one", "rating", sets=[[first]])
    page = opened(open_page, "one")
    press(page, "4")
    assert "All judged." in said(page)
    [made] = client.annotations.list(kind="rating")["items"]
    assert made["value"]["rating"] == 4


def test_a_better_answer_is_written(open_page: Open, client: Client) -> None:
    first, *_ = answers(client)
    client.annotations.queues.create("mend", "correction", sets=[[first]])
    page = opened(open_page, "mend")
    [text] = [each for each in page.text_area if "should have been" in each.label]
    assert text.value == "three fine words"
    text.set_value("four fine words indeed")
    press(page, "Save the correction")
    [made] = client.annotations.list(kind="correction")["items"]
    assert made["value"]["text"] == "four fine words indeed"


@pytest.mark.parametrize(
    ("word", "place"),
    [("A is better", 0), ("B is better", 1), ("A tie", None), ("Both bad", None)],
)
def test_the_better_of_two(open_page: Open, client: Client, word: str, place: int | None) -> None:
    ids = answers(client)[:2]
    name = word.lower().replace(" ", "-")
    queue = client.annotations.queues.create(name, "choice", sets=[ids], blind=True)
    shown = client.annotations.queues.next(queue["id"])["item"]
    assert shown is not None
    press(opened(open_page, name), word)
    made = client.annotations.list(kind="choice")["items"][0]
    wanted = None if place is None else shown["interaction_ids"][place]
    assert made["value"]["chosen_id"] == wanted
    assert made["value"].get("both_bad", False) == (word == "Both bad")
    assert made["blind"]


def test_an_order_with_a_tie(open_page: Open, client: Client) -> None:
    ids = answers(client)
    queue = client.annotations.queues.create("order", "ranking", sets=[ids])
    shown = client.annotations.queues.next(queue["id"])["item"]
    assert shown is not None
    page = opened(open_page, "order")
    places = [each for each in page.number_input if each.label in "ABC"]
    for each, place in zip(places, [2, 1, 2], strict=True):
        each.set_value(place)
    press(page, "Save the ranking")
    a, b, c = shown["interaction_ids"]
    assert client.annotations.list(kind="ranking")["items"][0]["value"]["ranking"] == [[b], [a, c]]


def test_labels_and_skipping(open_page: Open, client: Client) -> None:
    ids = answers(client)
    sets = [[each] for each in ids[:2]]
    client.annotations.queues.create("words", "labels", sets=sets, labels=["kind", "short"])
    page = opened(open_page, "words")
    press(page, "Skip")
    page.multiselect[0].set_value(["short"]).run()
    press(page, "Save the labels")
    [made] = client.annotations.list(kind="labels")["items"]
    assert made["value"]["labels"] == ["short"]
