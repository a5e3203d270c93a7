"""One trial on many machines: servers, workers and schedulers on one database server and one broker.

Each process has a clock of its own, and is killed, stalled, cut off from the database while it goes on
working, left without the answer to a commit, or replaced by a newer one. The broker and the wakes between
processes lose, double, delay and reorder what they carry. Dispatcher, hub, hints, event publisher,
scheduler and queue are the real code. The database is SQLite behind the manners of PostgreSQL: its
transactions come one after another, so what two that overlap may see of each other is not tried here.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from camel_ext.brokers.announcing import Announcer
from camel_ext.brokers.hints import Hinter
from camel_ext.core import jobs
from camel_ext.core.clock import Clock
from camel_ext.core.database import Database, DatabaseUnreachable
from camel_ext.core.leading import Leadership, Led
from camel_ext.core.models import Job, OutboxRow, State
from camel_ext.core.queue import QueueWorker
from camel_ext.core.row_security import Acting
from camel_ext.core.runtime import Runtime
from camel_ext.events.cursors import decode_cursor
from camel_ext.events.dispatcher import Dispatcher
from camel_ext.events.hub import Hub
from camel_ext.events.topics import parse_topics
from camel_ext.events.wire import Chunk
from camel_ext.scheduling import Asking, Schedulable, Scheduler, states_of
from camel_ext.scheduling.models import Cause, Firing, Reason, Schedule
from camel_ext.scheduling.scheduler import LEASE, REASON
from camel_ext.scheduling.schedules import create_schedule, pause_schedule, stored_ticks
from camel_ext.scheduling.schemas import ScheduleCreate
from camel_ext.scheduling.ticking import FIRE
from tests.fakes.sink import FakeSink
from tests.scheduling.conftest import asking_on, wanted
from tests.simulator.broker import SimBroker, SimWakes
from tests.simulator.process import Process, SimClock
from tests.simulator.world import KIND, LEASE_S, StepTaken, World

SERVERS, SCHEDULERS = 2, 2
LEAD_S = 2.0  # the lease of leaders
SKEW_S = 0.2  # between the clocks of machines that nobody has set
MAKE = "simulator.make"
SCHEDULES: dict[str, dict[str, Any]] = {
    "often": {"timing": {"kind": "every", "every_s": 3}, "catch_up": "all", "overlap": "allow"},
    "in-turn": {"timing": {"kind": "every", "every_s": 7}, "catch_up": "all", "overlap": "skip"},
}
NOT_STARTED = {Reason.OVERLAP, Reason.PAUSED}


class ServedDatabase(Database):
    """A file that is met as a database server is: by many processes, with a clock of its own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_sqlite = False

    @contextmanager
    def begin(self, acting: Acting = None) -> Iterator[Connection]:
        with super().begin(acting) as connection:
            yield connection
        if World.current.loses_answer():
            raise DatabaseUnreachable("it is committed, and the connection broke")

    def now(self, _connection: Connection, _clock: Clock) -> datetime:
        return World.current.clock.now()

    def sql_now(self, _clock: Clock) -> datetime:
        return World.current.clock.now()


class MadeWith(BaseModel):
    """What a schedule starts a job with."""

    steps: int


def _make(db: Session, asking: Asking, given: MadeWith) -> UUID:
    job_id = asking.new_id()
    jobs.enqueue(db, asking.clock, job_id, KIND, {"steps": given.steps})
    db.flush()
    return job_id


MADE_BY_SCHEDULE = Schedulable(
    name=MAKE,
    words="Take some steps.",
    arguments=MadeWith,
    path="/jobs/{id}",
    start=_make,
    look=states_of(Job),
    stop=lambda db, asking, one: jobs.request_cancel(db, asking.clock, one),
)


class HeldUp(Leadership):
    """One whose process is stalled, now and then, between taking the lead and what it took it for."""

    process: Process

    async def take(self) -> Led | None:
        led = await super().take()
        world = World.current
        if led is not None and not world.calm and world.rng.random() < 0.15:
            now_s = asyncio.get_running_loop().time()
            self.process.stalled_until_s = now_s + world.rng.uniform(LEAD_S, 2 * LEAD_S)
        return led


@dataclass
class Server:
    """What a server process has that concerns events."""

    process: Process
    hub: Hub


class Follower:
    """A client of the feed that moves between servers, with its place in its hand."""

    def __init__(self, world: "Cluster") -> None:
        self._world = world
        self.seqs: list[int] = []
        self.resets = 0
        self.wire: Wire | None = None

    async def run(self) -> None:
        while True:
            with suppress(DatabaseUnreachable, TimeoutError):
                await self._stay(self._world.any_server())
            await asyncio.sleep(0.2)

    async def _stay(self, server: Server) -> None:
        world = self._world
        after = self.seqs[-1] if self.seqs else 0
        stay_s = world.rng.uniform(0.5, 6)
        async with asyncio.timeout(stay_s):
            wire = self.wire = Wire(self)
            async with server.hub.subscribed(
                world.tenant, parse_topics("*"), after, wire
            ) as subscriber:
                subscriber.start()
                await asyncio.sleep(stay_s)


class Wire(FakeSink):
    """One connection of the follower; what comes on an old one is not heard."""

    def __init__(self, follower: Follower) -> None:
        super().__init__()
        self._follower = follower

    def _take(self, chunk: Chunk) -> None:
        before = len(self.messages)
        super()._take(chunk)
        if self._follower.wire is not self:
            return
        for message in self.messages[before:]:
            if message["type"] == "event":
                self._follower.seqs.append(decode_cursor(message["cursor"]))
            self._follower.resets += message["type"] == "reset"


class Cluster(World):
    """Everything in one trial, and what was promised in it."""

    def __init__(self, seed: int, database: Database) -> None:
        super().__init__(seed, database)
        self.broker = SimBroker(self._rng(), lambda: list(self.workers.values()))
        self.wakes = SimWakes(self._rng())
        self.servers: dict[int, Server] = {}
        self.schedulers: dict[int, Process] = {}
        self.follower = Follower(self)
        self.database_jumped = False
        self.paused_at: datetime | None = None

    def _rng(self) -> Random:
        return Random(self.rng.getrandbits(64))

    # --- who takes part ---

    async def start(self) -> None:
        for place in range(SERVERS):
            self.start_server(place)
        for place in range(3):
            self.start_worker(place)
        for place in range(SCHEDULERS):
            self.start_scheduler(place)
        for name, fields in SCHEDULES.items():
            given = wanted(name, task=MAKE, arguments={"steps": 1}, catch_up_limit=100, **fields)
            await self.ask(partial(_create, given))
        self.spawn(self.follower.run(), "follower")

    def process(self, name: str) -> Process:
        clock = SimClock(self.clock.offset_s + self.rng.uniform(-SKEW_S, SKEW_S))
        made = Process(name, self.database, clock, self.rng, self.note)
        self.processes.append(made)
        self.wakes.join(made)
        self.spawn(Hinter(made.runtime, self.broker.send, retry_max_s=2.0).run(), f"{name} hints")
        return made

    def start_server(self, place: int) -> None:
        process = self.process(f"server {place}")
        runtime = process.runtime
        hub = Hub(runtime, queue_frames=64, heartbeat_s=15.0)
        self.servers[place] = Server(process, hub)
        self.spawn(Dispatcher(runtime, hub, keep_s=1e9, poll_s=0.8).run(), process.name)
        announcer = Announcer(
            runtime, self.broker.publish, name=process.name, retry_max_s=2.0, lease_s=LEAD_S
        )
        self.spawn(announcer.run(), f"{process.name} publishes")

    def start_scheduler(self, place: int) -> None:
        process = self.process(f"scheduler {place}")
        scheduler = Scheduler(process.runtime, name=process.name, lease_s=LEAD_S, poll_s=0.5)
        scheduler.leadership = held_up = HeldUp(
            process.runtime, LEASE, name=process.name, lease_s=LEAD_S, reason=REASON
        )
        held_up.process = process
        self.schedulers[place] = process
        self.spawn(scheduler.run(), process.name)

    def any_server(self) -> Server:
        return self.rng.choice(list(self.servers.values()))

    def asker(self) -> Runtime:
        return self.any_server().process.runtime

    def anybody(self) -> Process:
        """Return a process of whatever kind, rather a worker that is at work."""
        others = [server.process for server in self.servers.values()]
        others += self.schedulers.values()
        worker = self.workers[self.victim()][0]
        return self.rng.choice([worker] * len(others) + others)

    # --- faults ---

    async def faults(self) -> None:
        """Two at a time."""
        await asyncio.gather(self._some_faults(), self._some_faults())

    async def _some_faults(self) -> None:
        faults = [
            self.kill, self.kill, self.kill_server, self.kill_scheduler, self.stall, self.part,
            self.part, self.unhear, self.jump, self.jump_one, self.cut, self.wipe, self.upgrade,
        ]  # fmt: skip
        for _ in range(self.rng.randint(1, 4)):
            await asyncio.sleep(self.rng.expovariate(1.0))
            fault = self.rng.choice(faults)
            self.note("fault", fault.__name__)
            await fault()

    async def kill_server(self) -> None:
        place = self.rng.choice(list(self.servers))
        self.servers[place].process.kill()
        await asyncio.sleep(self.rng.uniform(0, 2))
        self.start_server(place)

    async def kill_scheduler(self) -> None:
        place = self.rng.choice(list(self.schedulers))
        self.schedulers[place].kill()
        await asyncio.sleep(self.rng.uniform(0, 2))
        self.start_scheduler(place)

    async def stall(self) -> None:
        """Hold a process up for longer than its lease: others lead and work, and it wakes up."""
        now_s = asyncio.get_running_loop().time()
        self.anybody().stalled_until_s = now_s + self.rng.uniform(LEASE_S, 2 * LEASE_S)

    async def part(self) -> None:
        """Cut a process off from the database past its lease; what it works at goes on there."""
        process = self.anybody()
        process.is_cut = True
        await asyncio.sleep(self.rng.uniform(0.3, 2 * LEASE_S))
        process.is_cut = False

    async def unhear(self) -> None:
        """Let a process commit, and not hear of it, again and again."""
        process = self.anybody()
        process.is_unheard = True
        await asyncio.sleep(self.rng.uniform(0.5, 3))
        process.is_unheard = False

    async def jump(self) -> None:
        """Set the clock of the database's machine."""
        self.database_jumped = True
        self._set(self.clock, self.rng.choice([20, -20, 45, -45]))

    async def jump_one(self) -> None:
        """Set the clock of one machine an hour off."""
        self._set(self.anybody().clock, self.rng.choice([3600, -3600]))

    def _set(self, clock: SimClock, seconds: float) -> None:
        clock.offset_s += seconds
        self.latest_s = max(self.latest_s, clock.offset_s)

    async def wipe(self) -> None:
        """Kill the broker with its data."""
        self.broker.wipe()
        await asyncio.sleep(self.rng.uniform(0.5, 4))
        self.broker.is_away = False

    async def upgrade(self) -> None:
        """Start a newer worker beside an old one, which gets SIGTERM (`camel_ext.worker`)."""
        place = self.victim()
        worker: QueueWorker = self.workers[place][1]
        self.start_worker(place)
        worker.leave()
        await worker.emptied(self.rng.uniform(0, 3))
        worker.stop()

    # --- the end ---

    async def come_to_rest(self) -> None:
        self.broker.is_away, self.calm = False, True
        await asyncio.sleep(LEAD_S + 4)  # longer than a lease: whoever is left has caught up
        self.paused_at = self.clock.now()
        for schedule_id in await self.ask(lambda db, _: list(db.scalars(select(Schedule.id)))):
            await self.ask(partial(_pause, schedule_id))
        await super().come_to_rest()
        for _ in range(60):
            last = await self.ask(lambda db, _: len(db.scalars(select(OutboxRow.id)).all()))
            if self.follower.seqs[-1:] == [last] and self.broker.heard[-1:] == [last]:
                return
            await asyncio.sleep(1)

    def set_clocks_right(self) -> None:
        super().set_clocks_right()
        for process in self.processes:
            process.clock.offset_s = self.latest_s

    def check(self, db: Session) -> list[Any]:
        firings = list(db.scalars(select(Firing).order_by(Firing.id)))
        started = [firing.started_id for firing in firings if firing.started_id]
        if len(set(started)) != len(started):
            self.violations.append("two firings started one thing")
        made = set(db.scalars(select(Job.id).where(Job.kind == KIND)))
        self.wanted |= dict.fromkeys(started, 1)
        self.wanted |= {job_id: self.tried[job_id] for job_id in made & self.tried.keys()}
        if made != self.wanted.keys():
            self.violations.append(f"jobs that nobody asked for: {made ^ self.wanted.keys()}")
        carried = Counter(
            job.args["firing_id"] for job in db.scalars(select(Job).where(Job.kind == FIRE))
        )
        if carried != Counter(str(firing.id) for firing in firings if firing.job_id):
            self.violations.append("firings and jobs differ")
        self._check_firings(firings)
        for schedule in db.scalars(select(Schedule)):
            self._check_ticks(
                schedule, {f.tick_at for f in firings if f.schedule_id == schedule.id}
            )
        return [*super().check(db), *((f.tick_at, f.state, f.fence) for f in firings)]

    def _check_firings(self, firings: list[Firing]) -> None:
        counted = Counter((f.schedule_id, f.tick_at) for f in firings if f.cause == Cause.TICK)
        for tick, times in counted.items():
            if times > 1:
                self.violations.append(f"{tick} fired {times} times")
        for firing in firings:
            ok = firing.state == State.SUCCEEDED and firing.started_id is not None
            given_up = firing.state == State.CANCELLED and firing.reason in NOT_STARTED
            if not (ok or given_up):
                self.violations.append(
                    f"firing {firing.id} is {firing.state}, {firing.reason}, {firing.error_detail}"
                )

    def _check_ticks(self, schedule: Schedule, fired: set[datetime]) -> None:
        assert self.paused_at is not None
        ahead, real = self.paused_at + timedelta(minutes=5), set[datetime]()
        for tick in stored_ticks(schedule).following(schedule.created_at - timedelta(minutes=5)):
            if tick > ahead:
                break
            real.add(tick)
        if fired - real:
            self.violations.append(f"{schedule.name} fired what is no tick: {fired - real}")
        since, until = schedule.created_at + timedelta(seconds=1), self.paused_at
        owed = {tick for tick in real if since < tick <= until - timedelta(seconds=LEAD_S)}
        if not self.database_jumped and owed - fired:
            self.violations.append(f"{schedule.name} lost {sorted(owed - fired)}")

    def check_feed(self, events: list[OutboxRow], steps: list[tuple[UUID, int]]) -> None:
        told = sorted(row.subject for row in events if row.type == StepTaken.type)
        if told != sorted(f"{job_id} {seq}" for job_id, seq in steps):
            self.violations.append("events and steps differ")
        last = len(events)
        if [row.seq for row in events] != list(range(1, last + 1)):
            self.violations.append(f"the feed has a gap: {[row.seq for row in events]}")
        if self.follower.resets or self.follower.seqs != list(range(1, last + 1)):
            self.violations.append(f"of {last} events a client saw {self.follower.seqs}")
        newest = 0
        for seq in self.broker.heard:
            if seq > newest + 1:
                self.violations.append(f"the exchange heard {seq} after {newest}")
            newest = max(newest, seq)
        if newest != last:
            self.violations.append(f"the exchange heard {newest} of {last} events")


def _create(given: ScheduleCreate, db: Session, runtime: Runtime) -> None:
    create_schedule(db, asking_on(runtime), given)


def _pause(schedule_id: UUID, db: Session, runtime: Runtime) -> None:
    pause_schedule(db, asking_on(runtime), schedule_id, None, "the trial ends")
