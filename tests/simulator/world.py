"""One trial: three workers, a client, a dispatcher and faults on one database, all from one seed.

The workers, gate, journal, queue and outbox are the real code. What is checked afterwards is the
list at `World.check`: every acknowledged step is there once, nothing is lost, nothing happens twice.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import MetaData, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from camel_ext.core import jobs, outbox
from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.journal import journalled
from camel_ext.core.models import FINAL_STATES, Base, Job, OutboxRow, State, Tenanted, WaitingFor
from camel_ext.core.outbox import OUTBOX, Event, Numbered, event_type
from camel_ext.core.queue import QueueWorker, TaskContext, Wait, task
from camel_ext.core.tenancy import Tenant
from tests.simulator.process import Process, SimClock

T = TypeVar("T")
WORKERS = 3
KIND = "simulator.take_steps"


class SimStep(Tenanted, Base):
    """A turn, deliberately without UNIQUE: here the fence has to hold alone."""

    metadata: ClassVar[MetaData] = MetaData()
    __tablename__ = "sim_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    job_id: Mapped[UUID] = mapped_column()
    seq: Mapped[int] = mapped_column()
    fence: Mapped[int] = mapped_column()


@event_type("simulator.step.taken")
class StepTaken(Event):
    pass


INSERT_STEP = journalled(insert(SimStep))


class World:
    """Everything in one trial, and what was promised in it."""

    current: ClassVar["World"]

    def __init__(self, seed: int, database: Database) -> None:
        World.current = self
        self.rng = Random(seed)
        self.database = database
        self.clock = SimClock()
        self.tenant = Tenant(UUID(int=1), UUID(int=2))
        self.trace = hashlib.sha256()
        self.away = False
        self.processes: list[Process] = []
        self.acknowledged: set[tuple[UUID, int]] = set()
        self.effects: Counter[tuple[UUID, int]] = Counter()
        self.newest_fence: dict[UUID, int] = {}
        self.wanted: dict[UUID, int] = {}
        self.asked: Counter[str] = Counter()
        self.feed: list[Numbered] = []
        self.violations: list[str] = []
        self.workers: dict[int, tuple[Process, QueueWorker]] = {}
        self.trace_hash = ""
        self.latest_s = 0.0

    def note(self, *what: object) -> None:
        """Add to the trace, whose hash two runs of a seed must share."""
        at_s = asyncio.get_running_loop().time()
        self.trace.update(f"{at_s:.6f} {what}\n".encode())

    def process(self, name: str) -> Process:
        made = Process(name, self.database, self.clock, self.rng, self.note)
        self.processes.append(made)
        return made

    # --- who takes part ---

    def start_worker(self, place: int) -> None:
        process = self.process(f"worker {place}")
        worker = QueueWorker(
            process.runtime,
            name=process.name,
            concurrency=4,
            lease_s=2.0,
            heartbeat_s=0.5,
            poll_s=0.5,
            resources={"seat": 2},
        )
        process.runtime.extras["process"] = process
        self.workers[place] = (process, worker)
        asyncio.get_running_loop().create_task(worker.run(), name=process.name)

    async def dispatch(self) -> None:
        """Number what is committed; killed and started again now and then."""
        process = self.process("dispatcher")
        while not process.dead:
            try:
                self.feed += await process.runtime.gate.write(
                    lambda connection, _signals: outbox.number_committed(connection)
                )
            except DatabaseUnreachable:
                process.note("away")
            await asyncio.sleep(0.4)

    async def client(self) -> None:
        """Ask for jobs, then bother them."""
        runtime = self.process("client").runtime
        for number in range(self.rng.randint(4, 8)):
            await asyncio.sleep(self.rng.uniform(0, 0.5))
            steps = self.rng.randint(2, 8)
            options: dict[str, Any] = {"priority": self.rng.randint(0, 2)}
            if self.rng.random() < 0.3:
                options["resources"] = {"seat": 1}
            if self.rng.random() < 0.2:
                options["dedupe_key"] = f"key {number % 2}"
            job_id = await self.insist(partial(self._enqueue, runtime, steps, options))
            self.wanted.setdefault(job_id, steps)
            if self.rng.random() < 0.4:
                await asyncio.sleep(self.rng.uniform(0, 0.3))
                await self.bother(runtime, self.rng.choice(list(self.wanted)))

    async def bother(self, runtime: Any, job_id: UUID) -> None:
        request = self.rng.choice([jobs.request_cancel, jobs.request_pause, jobs.wake])
        self.note("client", request.__name__, job_id)
        self.asked[request.__name__] += 1
        await self.insist(lambda: runtime.write(self.tenant, request, self.clock, job_id))

    async def _enqueue(self, runtime: Any, steps: int, options: dict[str, Any]) -> UUID:
        def ask(db: Session) -> UUID:
            new_id, args = runtime.new_id(), {"steps": steps}
            job: Job = jobs.enqueue(db, self.clock, new_id, KIND, args, **options)
            db.flush()
            return job.id

        asked: UUID = await runtime.write(self.tenant, ask)
        return asked

    async def insist(self, ask: Callable[[], Any]) -> Any:
        """Ask again until the database answers, as a client does on 503."""
        while True:
            try:
                return await ask()
            except DatabaseUnreachable:
                await asyncio.sleep(0.3)

    # --- faults ---

    async def faults(self) -> None:
        for _ in range(self.rng.randint(2, 7)):
            await asyncio.sleep(self.rng.expovariate(1.5))
            fault = self.rng.choice(
                [self.kill, self.kill, self.stall, self.jump, self.cut, self.ring]
            )
            self.note("fault", fault.__name__)
            await fault()

    def victim(self) -> int:
        """A worker that is at work, where there is one: there it hurts."""
        busy = [place for place, (process, worker) in self.workers.items() if worker.held]
        return self.rng.choice(busy or list(self.workers))

    async def kill(self) -> None:
        place = self.victim()
        self.workers[place][0].kill()
        await asyncio.sleep(self.rng.uniform(0, 2))
        self.start_worker(place)

    async def stall(self) -> None:
        """Hold a whole process up for longer than its lease: it wakes up as a zombie."""
        process, _ = self.workers[self.victim()]
        process.stalled_until_s = asyncio.get_running_loop().time() + self.rng.uniform(2, 5)

    async def jump(self) -> None:
        self.clock.offset_s += self.rng.choice([3600, -3600])
        self.latest_s = max(self.latest_s, self.clock.offset_s)

    async def cut(self) -> None:
        self.away = True
        await asyncio.sleep(self.rng.uniform(0.1, 4))
        self.away = False

    async def ring(self) -> None:
        for _, worker in self.workers.values():
            worker.wake()
            worker.wake()

    # --- the trial ---

    async def run(self) -> str:
        loop = asyncio.get_running_loop()
        for place in range(WORKERS):
            self.start_worker(place)
        dispatcher = loop.create_task(self.dispatch())
        await asyncio.gather(self.client(), self.faults())
        await self.come_to_rest()
        await asyncio.sleep(1)
        dispatcher.cancel()
        rows = self.database.read_system("simulator", self.check)
        self.trace.update(repr(rows).encode())
        await self.end()
        return self.trace.hexdigest()

    async def come_to_rest(self) -> None:
        """Wake what waits for a person, and wait until every job has ended."""
        runtime = self.process("tidier").runtime
        self.clock.offset_s = self.latest_s  # in the end somebody sets the clock right
        for _ in range(400):
            open_jobs = await self.insist(lambda: runtime.read_system("simulator", self._open))
            if not open_jobs:
                return
            for job_id, state in open_jobs:
                if state == State.WAITING:
                    wake = partial(runtime.write, self.tenant, jobs.wake, self.clock, job_id)
                    await self.insist(wake)
            await asyncio.sleep(1)
        self.violations.append(f"jobs never ended: {open_jobs}")

    def _open(self, db: Session) -> list[tuple[UUID, str]]:
        query = select(Job.id, Job.state).where(Job.state.not_in(FINAL_STATES)).order_by(Job.id)
        return [(row.id, row.state) for row in db.execute(query)]

    async def end(self) -> None:
        for process in self.processes:
            process.end()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        while rest:
            for each in rest:
                each.cancel()
            await asyncio.wait(rest, timeout=1)
            rest = {each for each in rest if not each.done()}

    def check(self, db: Session) -> list[Any]:
        """Compare what is stored with what was promised; return what is stored."""
        stored = {row.id: row for row in db.scalars(select(Job))}
        steps = [(s.job_id, s.seq) for s in db.scalars(select(SimStep).order_by(SimStep.job_id))]
        self._check_steps(Counter(steps))
        for breach in db.connection().exec_driver_sql("SELECT what FROM sim_breaches"):
            self.violations.append(f"step {breach.what} was written under an old fence")
        for job_id, wanted in self.wanted.items():
            taken = sorted(seq for owner, seq in steps if owner == job_id)
            for wrong in _wrong_with(stored.get(job_id), taken, wanted):
                self.violations.append(f"job {job_id} {wrong}")
        self._check_feed(list(db.scalars(select(OutboxRow).order_by(OutboxRow.seq))), steps)
        ends = [(j.id, j.state, j.fence, j.attempts, j.takeovers) for j in stored.values()]
        return [*ends, *steps]

    def _check_steps(self, counted: Counter[tuple[UUID, int]]) -> None:
        claim = self.violations.append
        for step, times in counted.items():
            if times > 1:
                claim(f"step {step} is there {times} times")
        for step in self.acknowledged - counted.keys():
            claim(f"acknowledged step {step} is lost")
        for step in counted:
            if not self.effects[step]:
                claim(f"step {step} was written without its effect")

    def _check_feed(self, events: list[OutboxRow], steps: list[tuple[UUID, int]]) -> None:
        claim = self.violations.append
        if [row.seq for row in events] != list(range(1, len(events) + 1)):
            claim(f"the feed has a gap: {[row.seq for row in events]}")
        if sorted(row.subject for row in events) != sorted(f"{j} {seq}" for j, seq in steps):
            claim("events and steps differ")
        if [event.seq for event in self.feed] != list(range(1, len(events) + 1)):
            claim(f"listeners saw {[event.seq for event in self.feed]}")


def _wrong_with(job: Job | None, taken: list[int], wanted: int) -> list[str]:
    if job is None:
        return ["was acknowledged and is lost"]
    faults = {
        f"has a gap: {taken}": taken != list(range(len(taken))),
        f"succeeded with {len(taken)} of {wanted} steps": (
            job.state == State.SUCCEEDED and len(taken) != wanted
        ),
        f"failed: {job.error_code} {job.error_detail}": job.state == State.FAILED,
        "was cancelled by nobody": job.state == State.CANCELLED and not job.cancel_requested_at,
        "has ended and is held": job.worker_id is not None,
    }
    return [what for what, is_so in faults.items() if is_so]


@task(KIND)
async def take_steps(context: TaskContext, *, steps: int) -> None:
    """What a run does: look what is done, then effect and append, step by step."""
    world, job = World.current, context.job
    process: Process = context.runtime.extras["process"]
    newest = max(world.newest_fence.get(job.id, 0), job.fence)
    world.newest_fence[job.id] = newest

    def taken(db: Session) -> list[int]:
        query = select(SimStep.seq).where(SimStep.job_id == job.id).order_by(SimStep.seq)
        return list(db.scalars(query))

    done = await context.read(taken)
    for seq in range(len(done), steps):
        if context.pause_requested:
            raise Wait(WaitingFor.PAUSE)
        if world.rng.random() < 0.05:
            raise Wait(WaitingFor.PROVIDER, world.clock.now() + timedelta(seconds=2))
        await process.pass_time(world.rng.uniform(0, 0.8))
        key = (job.id, seq)
        if key in world.acknowledged and job.fence == world.newest_fence[job.id]:
            world.violations.append(f"finished effect {key} is repeated by its holder")
        world.effects[key] += 1
        event = StepTaken(f"{job.id} {seq}")
        row = {
            "org_id": job.tenant.org_id,
            "project_id": job.tenant.project_id,
            "id": context.runtime.new_id(),
            "job_id": job.id,
            "seq": seq,
            "fence": job.fence,
        }
        announced = outbox.outbox_entry(job.tenant, world.clock, event)
        await context.append([(INSERT_STEP, row), announced], {OUTBOX})
        world.acknowledged.add(key)
        process.note("step", seq)
