"""Stretches of the outbox that are numbered by one statement: the numbers are those of each row alone."""

from hypothesis import given
from hypothesis import strategies as st

from camel_ext.core.numbering import spans


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), max_size=40))
def test_stretches_give_each_row_its_own_number(steps: list[tuple[int, int]]) -> None:
    places, heads, row_id = [], dict.fromkeys(range(3), 0), 0
    for gap, org in steps:
        row_id += gap
        heads[org] += 1
        places.append((row_id, heads[org]))
    given_numbers = [
        (each, each + span["shift"])
        for span in spans(places)
        for each in range(span["first_id"], span["last_id"] + 1)
    ]
    assert given_numbers == places


def test_one_organisation_is_one_stretch() -> None:
    assert spans([(7, 1), (8, 2), (9, 3)]) == [{"first_id": 7, "last_id": 9, "shift": -6}]
