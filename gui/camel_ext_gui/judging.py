"""How each kind of judgement is asked for: the widgets, and what a press of them says.

It sends nothing: what `ask` returns is the `value` of `client.annotations.add`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from camel_ext_client.shapes_annotations import QueueItem

from camel_ext_gui.untrusted import visible

Value = dict[str, Any]
Ask = Callable[[QueueItem, Sequence[str], Sequence[str] | None], Value | None]


def name(place: int) -> str:
    """Return what an answer is called: A, B, and so on."""
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def ask(item: QueueItem, answers: Sequence[str], labels: Sequence[str] | None) -> Value | None:
    """Show how this item is judged; return a judgement where one was made just now."""
    return ASKS[item["kind"]](item, answers, labels)


def _buttons(choices: dict[str, tuple[str, Value]]) -> Value | None:
    """Show a button with its key for each choice; return what the pressed one says."""
    said = None
    with st.container(horizontal=True):
        for words, (key, value) in choices.items():
            if st.button(words, shortcut=key):
                said = value
    return said


def _thumbs(
    _item: QueueItem, _answers: Sequence[str], _labels: Sequence[str] | None
) -> Value | None:
    return _buttons({"Good": ("1", {"up": True}), "Not good": ("2", {"up": False})})


def _rating(
    _item: QueueItem, _answers: Sequence[str], _labels: Sequence[str] | None
) -> Value | None:
    words = {1: "1 worst", 5: "5 best"}
    return _buttons({words.get(n, str(n)): (str(n), {"rating": n}) for n in range(1, 6)})


def _choice(
    _item: QueueItem, _answers: Sequence[str], _labels: Sequence[str] | None
) -> Value | None:
    return _buttons(
        {
            "A is better": ("1", {"choice": "first"}),
            "B is better": ("2", {"choice": "second"}),
            "A tie": ("3", {"choice": "tie"}),
            "Both bad": ("4", {"choice": "both_bad"}),
        }
    )


def _correction(
    item: QueueItem, answers: Sequence[str], _labels: Sequence[str] | None
) -> Value | None:
    text = st.text_area(
        "The answer as it should have been", value=answers[0], key=f"text {item['id']}", height=160
    )
    return {"text": text} if st.button("Save the correction", type="primary") else None


def _labelled(
    item: QueueItem, _answers: Sequence[str], labels: Sequence[str] | None
) -> Value | None:
    key = f"labels {item['id']}"
    chosen = st.multiselect(
        "Labels that apply", list(labels or []), key=key, accept_new_options=not labels,
        format_func=visible,
    )  # fmt: skip
    pressed = st.button("Save the labels", type="primary", disabled=not chosen)
    return {"labels": chosen} if pressed else None


def _ranking(
    item: QueueItem, answers: Sequence[str], _labels: Sequence[str] | None
) -> Value | None:
    """Ask for a place for each; equal places are a tie."""
    st.caption("Place of each answer, 1 is the best; equal numbers are a tie.")
    columns = st.columns(min(4, len(answers)))
    places = [
        int(columns[at % len(columns)].number_input(name(at), 1, len(answers), at + 1, key=f"{item['id']} {at}"))
        for at in range(len(answers))
    ]  # fmt: skip
    if not st.button("Save the ranking", type="primary"):
        return None
    ids = item["interaction_ids"]
    groups = [
        [ids[at] for at, place in enumerate(places) if place == each]
        for each in sorted(set(places))
    ]
    return {"ranking": groups}


ASKS: dict[str, Ask] = {
    "thumbs": _thumbs,
    "rating": _rating,
    "choice": _choice,
    "correction": _correction,
    "labels": _labelled,
    "ranking": _ranking,
}
