"""Trials of goal R1: kill -9 the platform at random instants, start it again, compare with a calm run.

    python -m tests.chaos.trials 500 --seed 1

One seed gives one plan of kills (what the machine makes of it is its own). Real processes, real
sockets, a real file; the provider and the counting service live in processes of their own and are
never killed. kill -9 proves nothing about power loss: the page cache survives it.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from tests.chaos.invariants import Story, story_of, wrong_file, wrong_with
from tests.chaos.platform import Platform, World, copy_of, make_template
from tests.chaos.watcher import Watcher

Json = dict[str, Any]
GOALS = 6
RUNS = 4
TRIAL_S = 120.0
ALIVE = ("workflows.run.started", "workflows.turn.committed")


@dataclass
class Result:
    """What one trial did and found."""

    seed: int
    wrong: list[str]
    kills: int = 0
    turns: int = 0
    decisions: int = 0
    took_s: float = 0.0
    ready_s: list[float] = field(default_factory=list)
    resumed_s: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """Where trials are made: the lasting world, a template, and what undisturbed runs do."""

    world: World
    template: Path
    stories: dict[int, tuple[Json, Story]]
    workers: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    new_database: Callable[[], str] | None = None

    def platform(self, name: str) -> Platform:
        database = None if self.new_database is None else self.new_database()
        folder = copy_of(self.template, self.world.folder / name)
        return Platform(self.world, folder, database, self.settings)


@contextmanager
def opened() -> Iterator[Bench]:
    """Open a bench on SQLite, and see first what undisturbed runs do."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        world = World.open(Path(name))
        try:
            bench = Bench(world, make_template(world, Path(name) / "template"), {})
            asyncio.run(learn(bench))
            yield bench
        finally:
            world.close()


async def learn(bench: Bench) -> None:
    """Let every goal run undisturbed, and keep what it did."""
    platform = bench.platform("calm")
    watcher = await _undisturbed(platform, bench.workers)
    turns = await asyncio.to_thread(_read_turns, platform, watcher)
    platform.kill_all()
    for number, run in watcher.started.items():
        end = watcher.ended[run["id"]]
        assert end["state"] == "succeeded", end
        story = story_of(turns[run["id"]], watcher.heard, run["id"])
        bench.stories[number] = (end["output"], story)
    assert not watcher.decisions
    told = {name for _, story in bench.stories.values() for _, name, _ in story}
    assert {"count_once", "count_every", "contains", "weigher"} <= told, told


async def _undisturbed(platform: Platform, workers: int) -> Watcher:
    await asyncio.to_thread(_start, platform, workers)
    watcher = Watcher(platform, "calm", list(range(GOALS)))
    async with asyncio.timeout(TRIAL_S):
        await watcher.run()
    return watcher


async def trial(bench: Bench, seed: int, *, cold: bool = False) -> Result:
    """Make one trial; `cold`: start processes as a user does, imports and all."""
    rng, began_s = Random(seed), time.monotonic()
    log_from = bench.world.provider.size()
    platform = bench.platform(f"trial-{seed}")
    await asyncio.to_thread(_start, platform, bench.workers)
    watcher = Watcher(platform, f"trial-{seed}", sorted(rng.sample(range(GOALS), RUNS)))
    working = asyncio.create_task(watcher.run())
    result = Result(seed, [])
    try:
        async with asyncio.timeout(TRIAL_S):
            await _disturb(rng, platform, watcher, working, result, bench.workers, cold)
            await working
        turns = await asyncio.to_thread(_read_turns, platform, watcher)
    except (TimeoutError, AssertionError) as error:
        working.cancel()
        states = [run["id"] for run in watcher.started.values() if run["id"] not in watcher.ended]
        result.wrong.append(f"{type(error).__name__} {error}; not ended: {states}")
        _keep(platform)
        return result
    finally:
        platform.kill_all()
    calls, counts = bench.world.provider.calls(log_from), bench.world.counting.counts()
    result.wrong += wrong_with(watcher, turns, calls, counts, bench.stories)
    if platform.database is None:
        result.wrong += wrong_file(platform, watcher, turns)
    result.turns = sum(len(each) for each in turns.values())
    result.decisions, result.took_s = len(watcher.decisions), time.monotonic() - began_s
    if result.wrong:
        _keep(platform)
    else:
        shutil.rmtree(platform.data_dir)
    return result


async def _disturb(
    rng: Random,
    platform: Platform,
    watcher: Watcher,
    working: "asyncio.Task[None]",
    result: Result,
    workers: int,
    cold: bool,
) -> None:
    for _ in range(rng.randint(2, 4)):
        await watcher.heard_turn(rng.randint(1, 24))
        await asyncio.sleep(rng.uniform(0, 0.3))
        if working.done():
            return
        while True:
            await _strike(rng, platform, workers, cold, result, watcher)
            if rng.random() > 0.15:
                break
            await asyncio.sleep(rng.uniform(0, 0.3))  # again, while it is just getting up


async def _strike(
    rng: Random, platform: Platform, workers: int, cold: bool, result: Result, watcher: Watcher
) -> None:
    """Kill a process and start it again."""
    result.kills += 1
    if platform.workers and rng.random() < 0.6:
        victim = platform.workers.pop(rng.randrange(len(platform.workers)))
        await asyncio.to_thread(victim.kill)
        await asyncio.to_thread(platform.start_worker)
        return
    await asyncio.to_thread(platform.kill_server)
    killed_s, killed_at = time.monotonic(), time.time()
    await asyncio.to_thread(platform.start_server, cold=cold)
    result_of = asyncio.create_task(_measure(platform, watcher, killed_s, killed_at, result))
    result_of.add_done_callback(lambda task: task.cancelled() or task.exception())


async def _measure(
    platform: Platform, watcher: Watcher, killed_s: float, killed_at: float, result: Result
) -> None:
    """Note how long it took until the server answered, and until a run went on."""
    server = platform.server
    await asyncio.to_thread(platform.wait_ready)
    if platform.server is not server:
        return  # it was killed again meanwhile
    result.ready_s.append(time.monotonic() - killed_s)
    async with asyncio.timeout(20):
        while platform.server is server:
            for event in reversed(watcher.heard):
                if event.heard_s < killed_s:
                    break
            fresh = [e for e in watcher.heard if e.type in ALIVE and _at_s(e.at) > killed_at]
            if fresh:
                result.resumed_s.append(fresh[0].heard_s - killed_s)
                return
            await asyncio.sleep(0.02)


def _at_s(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _start(platform: Platform, workers: int) -> None:
    platform.start_server()
    platform.wait_ready()
    for _ in range(workers):
        platform.start_worker()


def _read_turns(platform: Platform, watcher: Watcher) -> dict[str, list[Json]]:
    platform.wait_ready()  # the last kill may have come when all had ended
    turns = {}
    with platform.client() as client:
        for run in watcher.started.values():
            answer = client.get(f"/api/v1/runs/{run['id']}/turns", params={"limit": 1000})
            turns[run["id"]] = answer.json()["items"]
    return turns


def _keep(platform: Platform) -> None:
    """Keep what a failed trial left, for a look."""
    kept = Path(tempfile.gettempdir()) / "chaos-failed" / platform.data_dir.name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(platform.data_dir, kept)


def summary(results: list[Result]) -> Json:
    """Return the numbers of many trials."""
    return {
        "trials": len(results),
        "violated": [result.seed for result in results if result.wrong],
        "kills": sum(result.kills for result in results),
        "turns": sum(result.turns for result in results),
        "decisions": sum(result.decisions for result in results),
        "took_s": round(sum(result.took_s for result in results), 1),
        "ready_s": spread([s for result in results for s in result.ready_s]),
        "resumed_s": spread([s for result in results for s in result.resumed_s]),
    }


def spread(seconds: list[float]) -> Json:
    """Return p50, p95 and the longest."""
    if len(seconds) < 2:
        return {"n": len(seconds)}
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "p50": round(median(ordered), 2),
        "p95": round(quantiles(ordered, n=20)[18], 2),
        "max": round(ordered[-1], 2),
    }


def tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("n", type=int, help="how many trials")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first trial")
    parser.add_argument("--cold-every", type=int, default=0, help="each n-th starts without fork")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    results: list[Result] = []
    with opened() as bench:
        for number in range(given.n):
            cold = bool(given.cold_every) and number % given.cold_every == given.cold_every - 1
            result = asyncio.run(trial(bench, given.seed + number, cold=cold))
            results.append(result)
            word = "ok" if not result.wrong else "VIOLATED"
            tell(
                f"seed {result.seed}: {word}, {result.kills} kills, {result.turns} turns, "
                f"{result.decisions} decisions, {result.took_s:.1f} s"
            )
            for wrong in result.wrong:
                tell(f"    {wrong}")
    tell(json.dumps(summary(results)))
    return 1 if any(result.wrong for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
