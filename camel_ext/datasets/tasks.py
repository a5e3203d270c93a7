"""The task of a version: gather what it is made of, make pairs of it, write them, freeze it.

Who watches gets a frame of kind `datasets.progress` after each step: one JSON object a line, `{step,
done, total}`; steps are look, write and freeze.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.door import TenantDoor
from camel_ext.core.models import State
from camel_ext.core.queue import TaskContext, task
from camel_ext.datasets import building, versions
from camel_ext.datasets.building import Frozen
from camel_ext.datasets.candidates import Prompts, look
from camel_ext.datasets.errors import NoPairs
from camel_ext.datasets.exporting import export_version as export_version  # a task of this room
from camel_ext.datasets.importing import Unsplit, split_of
from camel_ext.datasets.models import DatasetPair, DatasetVersion, Origin
from camel_ext.datasets.pair import Json, Pair
from camel_ext.datasets.pairs import build_pairs
from camel_ext.datasets.preferences import Candidate
from camel_ext.datasets.reading import READ_ROWS, as_pair, list_pairs, write_pairs
from camel_ext.datasets.schemas import PairRules
from camel_ext.datasets.statistics import found_statistics, found_warnings, why_no_pairs
from camel_ext.events import frame_kind, show, show_end

PROGRESS = frame_kind("datasets.progress")
WRITE_ROWS = 200  # pairs in one commit: some 15 ms of the one writer


@dataclass(frozen=True, slots=True)
class Made:
    """What a version shall hold, besides what is written already; how it was found."""

    pairs: Sequence[Pair]
    statistics: Json
    warnings: Sequence[Json]


async def mark_failed(context: TaskContext, code: str, detail: str) -> None:
    """Write on the version what its job failed of."""
    await _give_up(context, State.FAILED, (code, detail))


def cancel(db: Session, door: TenantDoor, *, version_id: str) -> None:
    """Stop the build of a job."""
    versions.cancel_build(db, door.runtime.clock, UUID(version_id))


def again(db: Session, door: TenantDoor, *, version_id: str) -> UUID:
    """Build the same anew, as the dataset's next version; return the new job."""
    runtime, asker = door.runtime, door.principal_id
    return versions.repeat_build(db, runtime.clock, runtime.new_id, asker, UUID(version_id))


@task(versions.BUILD, failed=mark_failed, cancel=cancel, again=again)
async def build_version(context: TaskContext, *, version_id: str) -> None:
    """Build a version to its end."""
    try:
        async with context.until_cancelled(partial(_give_up, context, State.CANCELLED)):
            await _build(context, UUID(version_id))
    finally:
        show_end(context.runtime, context.job.tenant, version_id)


async def _build(context: TaskContext, version_id: UUID) -> None:
    clock = context.runtime.clock
    version = await context.write(building.begin, clock, version_id)
    if version.state.is_final:
        return
    if version.origin == Origin.BUILT:
        made = await _from_log(context, version)
    elif version.origin == Origin.REDUCED:
        made = await _from_parent(context, version)
    else:
        made = await _from_file(context, version)
    await _write(context, version, made.pairs)
    frozen = await _described(context, version)
    statistics = {**frozen.statistics(), **made.statistics}
    rules = PairRules.model_validate(version.rules)
    warnings = [*frozen.description.warnings(rules.eval_ratio), *made.warnings]
    rows = frozen.rows()
    for start in range(0, len(rows), READ_ROWS):
        await context.write(building.write_sources, version_id, rows[start : start + READ_ROWS])
    context.ended = True  # an end that is being written is not cancelled any more
    await context.write(building.freeze, clock, version_id, frozen, statistics, warnings)


async def _from_log(context: TaskContext, version: DatasetVersion) -> Made:
    """Look at what was asked for, page by page, and make pairs of it.

    Raises: NoPairs, saying of what there was how much.
    """
    candidates: list[Candidate] = []
    left_out: Counter[str] = Counter()
    prompts: Prompts = {}
    done, cursor, is_last = 0, None, False
    total = version.at_most if version.given_ids is not None else None
    while not is_last:
        page = await context.read(look, version, done, cursor, prompts)
        candidates += page.candidates
        left_out += page.left_out
        done, cursor, is_last = done + page.looked_at, page.cursor, page.is_last
        await context.write(building.progress, version.id, done, total)
        _tell(context, version.id, "look", done, total)
    rules = PairRules.model_validate(version.rules)
    pairs, found = await context.runtime.threads.run("work", build_pairs, candidates, rules)
    statistics = {"found": found_statistics(found, done, left_out)}
    if not pairs:
        await context.write(building.note, version.id, statistics)
        raise NoPairs(why_no_pairs(found, done, left_out))
    return Made(pairs, statistics, found_warnings(found, len(pairs)))


async def _from_parent(context: TaskContext, version: DatasetVersion) -> Made:
    """Take the parent's pairs that nothing touches which is left out.

    Raises: NoPairs.
    """
    left: list[Pair] = []
    seen = 0
    async for rows in _each_page(context, version.parent_id):
        pairs = [as_pair(row) for row in rows]
        left += building.left_of(pairs, version)
        seen += len(pairs)
        _tell(context, version.id, "look", seen, None)
    if not left:
        raise NoPairs(f"all {seen} pairs rest on what shall leave: nothing would be left")
    return Made(left, {"left_out": seen - len(left)}, [])


async def _from_file(context: TaskContext, version: DatasetVersion) -> Made:
    """Take what came in, already written; split it where the file did not.

    Raises: NoPairs.
    """
    received = dict(version.statistics)
    if not version.done:
        raise NoPairs("the file held no pair: not one line has arrived")
    if received.pop("unsplit", 0):
        unsplit = Unsplit()
        async for rows in _each_page(context, version.id):
            unsplit.take(rows)
        rules = PairRules.model_validate(version.rules)
        placed = await context.runtime.threads.run("work", split_of, unsplit, rules)
        for start in range(0, len(placed), READ_ROWS):
            some = placed[start : start + READ_ROWS]
            await context.write(building.place_splits, version.id, some)
    return Made([], {"received": received}, [])


async def _each_page(
    context: TaskContext, version_id: UUID | None
) -> AsyncIterator[Sequence[DatasetPair]]:
    assert version_id is not None, "a reduced version has a parent"
    after = -1
    while rows := await context.read(list_pairs, version_id, after, READ_ROWS):
        yield rows
        after = rows[-1].position


async def _write(context: TaskContext, version: DatasetVersion, pairs: Sequence[Pair]) -> None:
    for start in range(0, len(pairs), WRITE_ROWS):
        some = pairs[start : start + WRITE_ROWS]
        await context.write(write_pairs, version.id, start, some)
        _tell(context, version.id, "write", start + len(some), len(pairs))


async def _described(context: TaskContext, version: DatasetVersion) -> Frozen:
    """Read back what is stored: the hash is of that, and of nothing that a commit could have lost."""
    frozen = Frozen()

    def take(rows: Iterable[DatasetPair]) -> None:
        for row in rows:
            frozen.add(as_pair(row))

    seen = 0
    async for rows in _each_page(context, version.id):
        await context.runtime.threads.run("work", take, rows)
        seen += len(rows)
        _tell(context, version.id, "freeze", seen, None)
    return frozen


async def _give_up(
    context: TaskContext, state: State, error: tuple[str, str] | None = None
) -> None:
    version_id = UUID(context.job.args["version_id"])
    await context.write(building.give_up, context.runtime.clock, version_id, state, error)


def _tell(context: TaskContext, version_id: UUID, step: str, done: int, total: int | None) -> None:
    said = {"step": step, "done": done, "total": total}
    show(context.runtime, context.job.tenant, version_id, PROGRESS, said)
