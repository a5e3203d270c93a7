"""The demo's loop on a whole cluster, to a certificate, while everything in it is killed.

    python -m tests.cluster.demo [--seed 1] [--folder var/cluster] [--calm]

One part after the other, at random (the seed says which and when): kill -9, a pause, started again. The
client knocks at the balancer, repeats what it does not know and hears the feed all the time. At the end
the killing stops, and the database and the feed are checked. Exit code 0: a certificate, and no violation.
"""

import argparse
import asyncio
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import httpx

from camel_ext.cli.demo import team_files
from camel_ext.cli.demo_loop import WORKFLOW, loop_config
from camel_ext.serving import pull_bundled
from tests.chaos.trials import tell
from tests.chaos.watcher import AWAY, FINAL, Watcher
from tests.cluster.checks import wrong_feed, wrong_in
from tests.cluster.processes import Cluster, Part, balanced, cluster

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
BETWEEN_S = (6.0, 15.0)
AWAY_S = (0.2, 2.0)
CALM_S = 90.0  # for what was being taken over when the killing stopped
LOOP_S = 3600.0
RUN = {"workflow": "solve", "input": {"goal": "Name three rivers of Europe."}}


class Story:
    """Tells what happens, with the time since the start, and counts."""

    def __init__(self) -> None:
        self.kills: dict[str, int] = {}
        self._began_s = time.monotonic()

    def tell(self, words: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        tell(f"  {minutes:02}:{seconds:02}  {words}")

    def killed(self, part: Part, pause_s: float) -> None:
        self.kills[part.name] = self.kills.get(part.name, 0) + 1
        self.tell(f"kill -9 {part.name}; back in {pause_s:.1f} s")


async def harass(parts: list[Part], rng: Random, story: Story, enough: asyncio.Event) -> None:
    """Kill one part after the other until it is enough; then all of them run."""
    while parts and not enough.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), rng.uniform(*BETWEEN_S))
            return
        part, pause_s = rng.choice(parts), rng.uniform(*AWAY_S)
        story.killed(part, pause_s)
        await asyncio.to_thread(part.kill)
        await asyncio.sleep(pause_s)
        await asyncio.to_thread(part.start)


async def asked(client: httpx.AsyncClient, path: str) -> Json:
    """Read until there is an answer."""
    while True:
        with suppress(*AWAY):
            answer = await client.get(path)
            if answer.status_code == 200:
                found: Json = answer.json()
                return found
            assert answer.status_code in (429, 502, 503), answer.text
        await asyncio.sleep(0.2)


async def applied(client: httpx.AsyncClient) -> None:
    """Apply the demo's configuration; twice is as once."""
    while True:
        with suppress(*AWAY):
            body = {"name": "demo", "files": team_files()}
            answer = await client.put("/api/v1/configurations", json=body)
            if answer.status_code != 503:
                assert answer.status_code in (200, 201), answer.text
                return
        await asyncio.sleep(0.2)


async def improved(client: httpx.AsyncClient, started: Json, story: Story) -> Json:
    """Follow an improvement to its end."""
    stage, path = None, f"/api/v1/improvements/{started['id']}"
    async with asyncio.timeout(LOOP_S):
        while True:
            shown = await asked(client, path)
            if shown["stage"] != stage:
                stage = shown["stage"]
                story.tell(f"stage: {stage}")
            if shown["state"] in FINAL:
                return shown
            await asyncio.sleep(0.5)


async def play(house: Cluster, seed: int, story: Story, *, calm: bool) -> list[str]:
    """Run the loop while parts die; return what was wrong."""
    async with (
        balanced(house.ports) as url,
        httpx.AsyncClient(base_url=url, headers=house.headers, timeout=20) as client,
    ):
        platform: Any = SimpleNamespace(url=url, headers=lambda: house.headers)
        watcher = Watcher(platform, f"cluster-{seed}", [])
        hearing = asyncio.create_task(watcher.follow(client))
        while watcher.cursor is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await applied(client)
        enough, parts = asyncio.Event(), [] if calm else house.parts
        killing = asyncio.create_task(harass(parts, Random(seed), story, enough))
        body = {"workflow": WORKFLOW, "config": loop_config(), "seed": seed}
        key = {"Idempotency-Key": f"loop-{seed}"}
        started = await watcher.insist(client, "/api/v1/improvements", body, key)
        runs = [
            await watcher.insist(
                client, "/api/v1/runs", RUN | {"seed": n}, {"Idempotency-Key": f"r-{n}"}
            )
            for n in range(4)
        ]
        ended = await improved(client, started, story)
        enough.set()
        await killing
        wrong = [f"the loop {ended['state']}: {ended['error_detail']}"] * (
            ended["state"] != "succeeded"
        )
        wrong += await _settled(client, [each["id"] for each in runs])
        if ended["certificate_id"]:
            shown = await asked(client, f"/api/v1/certificates/{ended['certificate_id']}")
            (house.folder / "certificate.json").write_text(json.dumps(shown, indent=2))
            story.tell(f"certificate: {shown['verdict']}")
        await asyncio.sleep(2)
        hearing.cancel()
        return wrong + wrong_feed([event.seq for event in watcher.heard], watcher.resets)


async def _settled(client: httpx.AsyncClient, runs: list[str]) -> list[str]:
    """Wait until the runs have ended, and return those that did not, or not well."""
    wrong = []
    for run_id in runs:
        shown: Json = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM_S):
                while shown.get("state") not in FINAL:
                    shown = await asked(client, f"/api/v1/runs/{run_id}")
                    await asyncio.sleep(0.5)
        if shown.get("state") != "succeeded":
            wrong.append(f"run {run_id} is {shown.get('state')}: {shown.get('waiting_detail')}")
    return wrong


def main() -> int:
    """Play it, and say what was killed and what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "cluster")
    parser.add_argument("--calm", action="store_true", help="Kill nothing.")
    options = parser.parse_args()
    folder = options.folder / f"seed-{options.seed}-{int(time.time())}"
    story = Story()
    with cluster(folder, pull_bundled(ROOT / "var")) as house:
        story.tell(f"{len(house.parts)} parts run, logs in {folder}")
        wrong = asyncio.run(play(house, options.seed, story, calm=options.calm))
        wrong += wrong_in(house.database)
    for each in wrong:
        story.tell(f"VIOLATION: {each}")
    found = {"seed": options.seed, "kills": story.kills, "violations": wrong}
    (folder / "report.json").write_text(json.dumps(found, indent=2))
    kills = ", ".join(f"{name} {count}" for name, count in sorted(story.kills.items()))
    story.tell(f"{sum(story.kills.values())} kills ({kills or 'calm'})")
    story.tell(f"{len(wrong)} violations; certificate, report and logs in {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
