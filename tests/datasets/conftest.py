"""Answers that are judged and become versions, on a runtime of each database and in the running app."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from camel_ext.annotations import (
    Annotation,
    AnyCreate,
    ChoiceCreate,
    CorrectionCreate,
    Judge,
    JudgeKind,
    VerdictCreate,
    annotate,
    annotate_many,
)
from camel_ext.core.database import Database
from camel_ext.core.queue import QueueWorker
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.core.threads import ThreadLanes
from camel_ext.datasets import (
    DatasetBuild,
    DatasetVersion,
    Pair,
    Without,
    get_version,
    read_pairs,
    start_build,
    start_without,
)
from camel_ext.identity import Bootstrapped, bootstrap
from tests.conftest import House
from tests.fakes.clock import FakeClock
from tests.interactions.conftest import Record, recording
from tests.statements import counted

LONG_S = 30.0  # the machine may be busy: a wait that ends by time is a failure, not a measure
ADA, BEN = UUID(int=41), UUID(int=42)
ada = Judge(JudgeKind.PERSON, "ada", None, ADA)
ben = Judge(JudgeKind.PERSON, "ben", None, BEN)
length = Judge(JudgeKind.VERIFIER, "length", "sha256:1234abcd", ADA)


@dataclass
class Yard:
    """Short ways to do what the services do, each in a transaction of its own."""

    runtime: Runtime
    tenant: Tenant
    clock: FakeClock
    record: Record
    ids: list[UUID] = field(default_factory=list)

    async def write(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.write(self.tenant, fn, *args)

    async def read(self, fn: Callable[..., Any], *args: Any) -> Any:
        return await self.runtime.read(self.tenant, fn, *args)

    async def answer(self, text: str, prompt: str = "Why?", **who: Any) -> UUID:
        """The id of a recorded answer."""
        recorded = (await self.record(prompt, text, **who)).id
        self.ids.append(recorded)
        return recorded

    async def judge(self, wanted: AnyCreate, judge: Judge = ada) -> Annotation:
        made: Annotation = await self.write(
            annotate, self.runtime.clock, self.runtime.new_id, judge, wanted
        )
        return made

    async def verdicts(self, scores: dict[UUID, float], judge: Judge = length) -> None:
        """Scores of a verifier."""
        wanted = [
            VerdictCreate(interaction_ids=[each], state="passed", score=score)
            for each, score in scores.items()
        ]
        await self.write(annotate_many, self.clock, self.runtime.new_id, judge, wanted)

    async def choose(self, one: UUID, other: UUID, judge: Judge = ada, *, tie: bool = False) -> Any:
        choice: Any = "tie" if tie else "first"
        return await self.judge(ChoiceCreate(interaction_ids=[one, other], choice=choice), judge)

    async def correct(self, interaction_id: UUID, text: str, judge: Judge = ada) -> Annotation:
        return await self.judge(
            CorrectionCreate(interaction_ids=[interaction_id], text=text), judge
        )

    async def scored(
        self, topics: int = 3, prompts: int = 2, **who: Any
    ) -> dict[tuple[int, int], list[UUID]]:
        """Three scored answers to each of some prompts in some topics, each topic a run."""
        found = {}
        for topic in range(topics):
            run_id = self.runtime.new_id()
            for number in range(prompts):
                prompt = f"question number {number} about the subject {topic}"
                about = {"run_id": run_id, "tags": [f"topic:subject {topic}"], **who}
                ids = [
                    await self.answer(f"{word} {topic} {number}", prompt, **about)
                    for word in ("good", "fair", "poor")
                ]
                await self.verdicts(dict(zip(ids, (1.0, 0.5, 0.0), strict=True)))
                found[topic, number] = ids
        return found

    async def start(self, name: str = "brief", **wanted: Any) -> DatasetVersion:
        """A queued version."""
        if not wanted.keys() & {"filter", "interaction_ids"}:
            wanted["filter"] = {}
        made: DatasetVersion = await self.write(
            start_build, self.clock, self.runtime.new_id, ADA,
            DatasetBuild.model_validate({"name": name, **wanted}),
        )  # fmt: skip
        return made

    async def build(self, name: str = "brief", **wanted: Any) -> DatasetVersion:
        """A version at its end."""
        return await self.finish((await self.start(name, **wanted)).id)

    async def without(self, version_id: UUID, **wanted: Any) -> DatasetVersion:
        """The next version without something, at its end."""
        reduced = await self.write(
            start_without, self.clock, self.runtime.new_id, ADA, version_id, Without(**wanted)
        )
        return await self.finish(reduced.id)

    async def version(self, version_id: UUID) -> DatasetVersion:
        found: DatasetVersion = await self.read(get_version, version_id)
        return found

    async def pairs(self, version: DatasetVersion) -> list[Pair]:
        found: list[Pair] = await self.read(read_pairs, version.id)
        return found

    async def finish(self, version_id: UUID) -> DatasetVersion:
        """A version at its end, by a worker of its own."""
        async with self.working(), asyncio.timeout(LONG_S):
            while not (  # noqa: ASYNC110 - it is a row
                version := await self.version(version_id)
            ).state.is_final:
                await asyncio.sleep(0.005)
        return version

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker that executes jobs until the block ends; real time passes for it."""
        worker = QueueWorker(self.runtime, name="test", concurrency=4, poll_s=0.0)
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            worker.stop()
            await running


@pytest.fixture
async def yard(database_url: str) -> AsyncIterator[Yard]:
    """Services on each database, with time by hand."""
    clock = FakeClock()
    runtime = Runtime(Database(database_url), clock, Random(7), ThreadLanes())

    def found(db: Session) -> Bootstrapped:
        return bootstrap(db, clock, runtime.new_id)

    tenant = (await runtime.write_system("test", found)).tenant
    yield Yard(runtime, tenant, clock, recording(runtime, tenant))
    await runtime.close()


@pytest.fixture
def house_record(house: House) -> Record:
    """Records a call in the running app, as its owner."""
    return recording(house.runtime, house.owner.tenant, house.owner.principal_id)


@pytest.fixture
def house_statements(house: House) -> Any:
    """What the running app's readers execute for tables of this room."""
    with counted(house.runtime, ("dataset",)) as seen:
        yield seen
