"""One trial on one machine: three workers, a client, a dispatcher and faults on a file, from one seed.

The workers, gate, journal, queue and outbox are the real code. What is checked afterwards is the
list at `World.check`: every acknowledged step is there once, nothing is lost, nothing happens twice.
Many machines are in `cluster`.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Coroutine
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
from camel_ext.core.outbox import Event, Numbered, event_type
from camel_ext.core.queue import QueueWorker, TaskContext, Wait, task
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from tests.simulator.process import ASKING, Process, SimClock

T = TypeVar("T")
WORKERS = 3
LEASE_S = 2.0
REST_S = 150  # within so long everything has ended
ANSWER_S = 6.0  # a client that heard nothing for so long asks again, elsewhere
KIND = "simulator.take_steps"
Ask = Callable[[Session, Runtime], T]


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
        self.calm = False  # the time of faults is over
        self.processes: list[Process] = []
        self.acknowledged: set[tuple[UUID, int]] = set()
        self.effects: Counter[tuple[UUID, int]] = Counter()
        self.newest_fence: dict[UUID, int] = {}
        self.tried: dict[UUID, int] = {}  # asked for, perhaps not heard, or answered by a twin
        self.wanted: dict[UUID, int] = {}
        self.asked: Counter[str] = Counter()
        self.feed: list[Numbered] = []
        self.violations: list[str] = []
        self.workers: dict[int, tuple[Process, QueueWorker]] = {}
        self.tasks: list[asyncio.Task[None]] = []  # what runs is not to be collected
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

    def is_unreachable(self) -> bool:
        """Tell whether the database does not hear who asks it now."""
        process = ASKING.get()
        return self.away or (process is not None and process.is_cut)

    def loses_answer(self) -> bool:
        """Tell whether who just committed does not hear of it."""
        process = ASKING.get()
        return process is not None and process.is_unheard and self.rng.random() < 0.5

    # --- who takes part ---

    def start_worker(self, place: int) -> None:
        process = self.process(f"worker {place}")
        worker = QueueWorker(
            process.runtime,
            name=process.name,
            concurrency=4,
            lease_s=LEASE_S,
            heartbeat_s=0.5,
            poll_s=0.5,
            resources={"seat": 2},
        )
        process.runtime.extras["process"] = process
        self.workers[place] = (process, worker)
        self.spawn(worker.run(), process.name)

    async def dispatch(self) -> None:
        """Number what is committed; killed and started again now and then."""
        process = self.process("dispatcher")
        while not process.dead:
            try:
                await process.runtime.gate.write(
                    lambda connection, _signals: outbox.number_committed(connection)
                )
                self.feed += await process.runtime.read(
                    self.tenant, outbox.read_after, len(self.feed), 1_000
                )
            except DatabaseUnreachable:
                process.note("away")
            await asyncio.sleep(0.4)

    async def client(self) -> None:
        """Ask for jobs, then bother them."""
        for number in range(self.rng.randint(4, 8)):
            await asyncio.sleep(self.rng.uniform(0, 0.5))
            steps = self.rng.randint(2, 8)
            options: dict[str, Any] = {"priority": self.rng.randint(0, 2)}
            if self.rng.random() < 0.3:
                options["resources"] = {"seat": 1}
            if self.rng.random() < 0.2:
                options["dedupe_key"] = f"key {number % 2}"
            wanted_id = UUID(int=self.rng.getrandbits(128))
            self.tried[wanted_id] = steps
            job_id = await self.ask(partial(_enqueue_once, wanted_id, steps, options))
            self.wanted.setdefault(job_id, steps)
            if self.rng.random() < 0.4:
                await asyncio.sleep(self.rng.uniform(0, 0.3))
                await self.bother(self.rng.choice(list(self.wanted)))

    async def bother(self, job_id: UUID) -> None:
        request = self.rng.choice([jobs.request_cancel, jobs.request_pause, jobs.wake])
        self.note("client", request.__name__, job_id)
        self.asked[request.__name__] += 1
        await self.ask(lambda db, runtime: request(db, runtime.clock, job_id))

    def asker(self) -> Runtime:
        """Return the process that answers clients."""
        return self.client_process.runtime

    async def ask(self, fn: Ask[T]) -> T:
        """Have it done in a transaction; ask again until the answer comes, as a client does on 503."""
        while True:
            runtime = self.asker()
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await runtime.write(self.tenant, fn, runtime)
            except (DatabaseUnreachable, TimeoutError):
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
        await self.start()
        await asyncio.gather(self.client(), self.faults())
        await self.come_to_rest()
        rows = self.database.read_system("simulator", self.check)
        self.trace.update(repr(rows).encode())
        await self.end()
        return self.trace.hexdigest()

    async def start(self) -> None:
        """Start who takes part."""
        self.client_process = self.process("client")
        for place in range(WORKERS):
            self.start_worker(place)
        self.spawn(self.dispatch())

    def spawn(self, work: Coroutine[Any, Any, None], name: str = "") -> "asyncio.Task[None]":
        """Let something go on until the trial ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self.tasks.append(task)
        return task

    async def come_to_rest(self) -> None:
        """Wake what waits for a person, and wait until every job has ended."""
        self.set_clocks_right()
        for _ in range(REST_S):
            open_jobs = await self.ask(lambda db, _: _open_jobs(db))
            if not open_jobs:
                await asyncio.sleep(1)
                return
            for job_id, state in open_jobs:
                if state == State.WAITING:
                    await self.ask(partial(_wake, job_id))
            await asyncio.sleep(1)
        self.violations.append(f"jobs never ended: {open_jobs}")

    def set_clocks_right(self) -> None:
        """In the end somebody does."""
        self.clock.offset_s = self.latest_s

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
            self.violations.append(breach.what)
        for job_id, wanted in self.wanted.items():
            taken = sorted(seq for owner, seq in steps if owner == job_id)
            for wrong in _wrong_with(stored.get(job_id), taken, wanted):
                self.violations.append(f"job {job_id} {wrong}")
        self.check_feed(list(db.scalars(select(OutboxRow).order_by(OutboxRow.seq))), steps)
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

    def check_feed(self, events: list[OutboxRow], steps: list[tuple[UUID, int]]) -> None:
        claim = self.violations.append
        if [row.seq for row in events] != list(range(1, len(events) + 1)):
            claim(f"the feed has a gap: {[row.seq for row in events]}")
        if sorted(row.subject for row in events) != sorted(f"{j} {seq}" for j, seq in steps):
            claim("events and steps differ")
        if [event.seq for event in self.feed] != list(range(1, len(events) + 1)):
            claim(f"listeners saw {[event.seq for event in self.feed]}")


def _enqueue_once(
    job_id: UUID, steps: int, options: dict[str, Any], db: Session, runtime: Runtime
) -> UUID:
    """Ask for a job under an id, as a door does under an Idempotency-Key: asking again changes nothing."""
    job = db.get(Job, job_id)
    if job is None:
        job = jobs.enqueue(db, runtime.clock, job_id, KIND, {"steps": steps}, **options)
        db.flush()
    return job.id


def _wake(job_id: UUID, db: Session, runtime: Runtime) -> None:
    jobs.wake(db, runtime.clock, job_id)


def _open_jobs(db: Session) -> list[tuple[UUID, str]]:
    query = select(Job.id, Job.state).where(Job.state.not_in(FINAL_STATES)).order_by(Job.id)
    return [(row.id, row.state) for row in db.execute(query)]


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
            raise Wait(WaitingFor.PROVIDER, context.runtime.clock.now() + timedelta(seconds=2))
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
        announced = outbox.outbox_entry(job.tenant, context.runtime.clock, event)
        await context.append([(INSERT_STEP, row), announced])
        world.acknowledged.add(key)
        process.note("step", seq)
