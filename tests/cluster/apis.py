"""Several API processes on one PostgreSQL, each with a data directory of its own, as on machines of their own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.platform import Platform, Process
from tests.chaos.watcher import Watcher


@dataclass
class Api(Platform):
    """`camel-ext api` instead of `camel-ext up`."""

    def start_server(self, *, cold: bool = False) -> None:
        self.server: Process | None = self._start(["api", "--port", str(self.port)], cold=cold)


async def ready(*apis: Api) -> None:
    """Start those that do not run, and wait until all answer."""
    for api in apis:
        if api.server is None:
            await asyncio.to_thread(api.start_server)
    for api in apis:
        await asyncio.to_thread(api.wait_ready)


def wrong_between(watchers: Sequence[Watcher]) -> list[str]:
    """Return what differs between the feeds that clients of different processes saw."""
    wrong = []
    seen = [{event.seq: (event.type, event.subject) for event in w.heard} for w in watchers]
    for watcher, events in zip(watchers, seen, strict=True):
        seqs = [event.seq for event in watcher.heard]
        if seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            wrong.append(f"{watcher.label}: a gap, a repetition or another order: {seqs}")
        if watcher.resets:
            wrong.append(f"{watcher.label}: {watcher.resets} resets")
        for other in seen:
            wrong += [
                f"{watcher.label}: {seq} is {events[seq]} here and {other[seq]} there"
                for seq in events.keys() & other.keys()
                if events[seq] != other[seq]
            ]
    return wrong
