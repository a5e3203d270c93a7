"""The client of a trial: asks for runs, follows the feed, polls turns, decides; whatever dies.

It believes nothing it was not answered, repeats what it does not know (with the same
Idempotency-Key), and keeps what it saw, so that `invariants` can compare it with what is there.
"""

import asyncio
import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from camel_ext.events.cursors import decode_cursor
from camel_ext.workflows.tools import effect_key
from tests.chaos.platform import Platform, goal

Json = dict[str, Any]
FINAL = ("succeeded", "failed", "cancelled")
AWAY = (httpx.TransportError, httpx.StreamError)
SETTLE_S = 0.25  # the slowest effect takes 120 ms: after this nothing is under way at the service


@dataclass(frozen=True)
class Heard:
    """One event of the feed, as it came."""

    seq: int
    type: str
    subject: str
    payload: Json
    at: str
    heard_s: float


@dataclass
class Watcher:
    """One client."""

    platform: Platform
    label: str
    goals: list[int]
    heard: list[Heard] = field(default_factory=list)
    resets: int = 0
    cursor: str | None = None
    started: dict[int, Json] = field(default_factory=dict)
    ended: dict[str, Json] = field(default_factory=dict)
    seen_turns: dict[tuple[str, int], Json] = field(default_factory=dict)
    decisions: list[tuple[str, str, str]] = field(default_factory=list)
    connects: int = 0

    async def run(self) -> None:
        """Work until every run has ended and its end was heard in the feed."""
        async with httpx.AsyncClient(
            base_url=self.platform.url, headers=self.platform.headers(), timeout=20
        ) as client:
            following = asyncio.create_task(self.follow(client))
            try:
                while self.cursor is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                await asyncio.gather(*(self._start(client, number) for number in self.goals))
                while len(self.ended) < len(self.goals):
                    for run in list(self.started.values()):
                        if run["id"] not in self.ended:
                            await self._look(client, run["id"])
                    await asyncio.sleep(0.05)
                await self._hear_the_end()
            finally:
                following.cancel()
                with suppress(asyncio.CancelledError):
                    await following

    async def heard_turn(self, more: int) -> None:
        """Wait until so many more turns were heard of."""
        wanted = len(self.heard) + more
        while len(self.heard) < wanted and len(self.ended) < len(self.goals):  # noqa: ASYNC110
            await asyncio.sleep(0.004)

    async def _hear_the_end(self) -> None:
        async with asyncio.timeout(20):
            while True:
                told = {e.subject for e in self.heard if e.type == "workflows.run.finished"}
                if told >= self.ended.keys():
                    return
                await asyncio.sleep(0.01)

    async def follow(self, client: httpx.AsyncClient) -> None:
        """Hear the feed from where it was left, until cancelled."""
        while True:
            after = {} if self.cursor is None else {"after": self.cursor}
            with suppress(*AWAY):
                self.connects += 1
                async with client.stream("GET", "/api/v1/events/stream", params=after) as answer:
                    if answer.status_code == 200:
                        async for line in answer.aiter_lines():
                            if line.startswith("data: "):
                                self._hear(json.loads(line[6:]))
            await asyncio.sleep(0.01)

    def _hear(self, said: Json) -> None:
        if said["type"] == "reset":
            self.resets += 1
        if said["type"] in ("hello", "event", "reset", "ping") and said.get("cursor"):
            if said["type"] == "event":
                self.heard.append(
                    Heard(
                        decode_cursor(said["cursor"]), said["event"], said["subject"],
                        said["payload"], said["at"], time.monotonic(),
                    )
                )  # fmt: skip
            self.cursor = said["cursor"]

    async def _start(self, client: httpx.AsyncClient, number: int) -> None:
        body = {"workflow": "team", "input": {"goal": goal(number)}, "seed": number}
        key = {"Idempotency-Key": f"{self.label}-{number}"}
        self.started[number] = await self.insist(client, "/api/v1/runs", body, key)

    async def insist(self, client: httpx.AsyncClient, path: str, body: Json, headers: Json) -> Json:
        """Ask until there is an answer; with the same Idempotency-Key it happens once."""
        while True:
            with suppress(*AWAY):
                answer = await client.post(path, json=body, headers=headers)
                if answer.status_code != 503:
                    assert answer.status_code == 202, answer.text
                    made: Json = answer.json()
                    return made
            await asyncio.sleep(0.02)

    async def _look(self, client: httpx.AsyncClient, run_id: str) -> None:
        with suppress(*AWAY):
            answer = await client.get(f"/api/v1/runs/{run_id}")
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                return
            run, tag = answer.json(), answer.headers["etag"]
            await self._poll_turns(client, run_id)
            if run["state"] in FINAL:
                self.ended[run_id] = run
            elif run["waiting_for"] == "person":
                await self._decide(client, run, tag)

    async def _poll_turns(self, client: httpx.AsyncClient, run_id: str) -> None:
        known = max((seq for run, seq in self.seen_turns if run == run_id), default=0)
        answer = await client.get(f"/api/v1/runs/{run_id}/turns", params={"after": known})
        for turn in answer.json()["items"] if answer.status_code == 200 else ():
            self.seen_turns[run_id, turn["seq"]] = turn

    async def _decide(self, client: httpx.AsyncClient, run: Json, tag: str) -> None:
        """Look at the service whether the call happened, as a person would, and say so."""
        found = re.search(r" at (\S+) was being called", run["waiting_detail"])
        assert found is not None, run
        step = found[1]
        await asyncio.sleep(SETTLE_S)
        key = effect_key(run["id"], step)
        had = self.platform.world.counting.counts().effects[key]
        word: Json = {"step_key": step, "decision": "repeat"}
        if had:
            label = json.loads(run["waiting_detail"].split("Its arguments: ")[1])["label"]
            word = {"step_key": step, "decision": "happened", "result": f"counted {label}"}
        path = f"/api/v1/runs/{run['id']}/decide"
        answer = await client.post(path, json=word, headers={"If-Match": tag})
        assert answer.status_code in (200, 409, 412, 404, 503), answer.text
        if answer.status_code == 200:
            self.decisions.append((run["id"], step, word["decision"]))
