"""kill -9 under a batch, and under taking it back: nothing is lost, nothing is written twice."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from camel_ext.annotations import Annotation, Batch, undo_batch
from tests.annotations.conftest import ADA, Desk

ANSWERS = 1_000
ROOT = Path(__file__).parents[2]


@contextmanager
def worker(desk: Desk) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker in a process of its own, killed at the end of the block."""
    url = desk.runtime.database.writer.url.render_as_string(hide_password=False)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.annotations.worker_process", url], cwd=ROOT
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)


async def kill_at(desk: Desk, batch: Batch, *places: Callable[[Batch], bool]) -> Batch:
    """Let a worker go on to each place, and kill it there."""
    for there in places:
        with worker(desk):
            batch = await desk.until(batch.id, there)
    return batch


@pytest.mark.slow
async def test_kill_9_under_a_batch_and_under_its_undoing(desk: Desk) -> None:
    for start in range(0, ANSWERS, 200):
        await asyncio.gather(*(desk.answered(f"answer {start + n}") for n in range(200)))
    batch = await desk.start(verifier="length", filter={})
    ended = await kill_at(
        desk,
        batch,
        lambda found: found.total is not None,
        lambda found: found.done >= ANSWERS // 4,
        lambda found: found.done >= ANSWERS // 2,
        lambda found: found.state.is_final,
    )
    assert (ended.state, ended.total, ended.done, ended.passed) == (
        "succeeded", ANSWERS, ANSWERS, ANSWERS,
    )  # fmt: skip

    def verdicts(db: Session) -> Counter[str]:
        rows = db.scalars(
            select(Annotation.interaction_ids).where(Annotation.withdrawn_at.is_(None))
        )
        return Counter(row[0] for row in rows)

    found: Counter[str] = await desk.read(verdicts)
    assert len(found) == ANSWERS
    assert set(found.values()) == {1}
    await desk.write(undo_batch, desk.clock, desk.runtime.new_id, ADA, batch.id)
    undone = await kill_at(
        desk, batch, lambda found: found.undone > 0, lambda found: found.undone_at is not None
    )
    assert undone.undone == ANSWERS
    assert await desk.read(verdicts) == Counter()
