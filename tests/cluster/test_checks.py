"""The checks after a cluster's trial find what is wrong, and nothing where all is well."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.cluster.checks import CHECKS, wrong_feed, wrong_in
from tests.postgres import seeing_all, temporary_copy

pytestmark = pytest.mark.slow
NIL = str(uuid4())


@pytest.fixture
def postgres_copy(postgres_server: str, postgres_template: str) -> Iterator[str]:
    with temporary_copy(postgres_server, postgres_template) as url:
        yield url


def test_nothing_is_wrong_with_an_empty_house(postgres_copy: str) -> None:
    assert wrong_in(postgres_copy) == []


def test_an_open_job_and_a_gap_in_the_feed_are_found(postgres_copy: str) -> None:
    with seeing_all(postgres_copy) as connection:
        connection.execute(
            "INSERT INTO jobs (id, org_id, project_id, kind, args, state, priority, run_at, attempts, "
            "max_attempts, takeovers, fence, resources, trace_id, created_at) VALUES "
            "(%s, %s, %s, 'workflows.run', '{}', 'running', 0, 0, 0, 5, 0, 1, '{}', '0', 0)",
            (str(uuid4()), NIL, NIL),
        )
        for seq in (1, 3):
            connection.execute(
                "INSERT INTO outbox (org_id, project_id, seq, type, subject, payload, created_at) "
                "VALUES (%s, %s, %s, 'a.b', 's', '{}', 0)",
                (NIL, NIL, seq),
            )
    wrong = wrong_in(postgres_copy)
    assert len(wrong) == 2
    assert any("no job is left open" in each for each in wrong)
    assert any("the feed is numbered" in each for each in wrong)
    assert all(any(what in each for what in CHECKS) for each in wrong)


@pytest.mark.parametrize(
    ("seqs", "resets", "violations"),
    [([], 0, 0), ([4, 5, 6], 0, 0), ([4, 6], 0, 1), ([4, 4], 0, 1), ([5, 4], 0, 1), ([4, 5], 2, 1)],
)
def test_the_feed_has_no_gap_and_no_double(seqs: list[int], resets: int, violations: int) -> None:
    assert len(wrong_feed(seqs, resets)) == violations
