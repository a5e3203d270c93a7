"""What the log adds to one call of a model: CPU and bytes, at turn 1 and at turn 200.

A conversation with tools grows by about 1.6 KB a turn (P2's texts). Measured are the recorder alone,
the recorder with its rows written by the journal's own statements (batches of 1 and of 64, without
the fsync), the bytes that a turn leaves in SQLite's file, and reading turn 200 back. It says nothing
about latency. The peer is the plain way: the whole prompt as JSON with each call.

    python -m bench.recording [--turns 200] [--talks 20]
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec

from camel_ext import rooms
from camel_ext.core.clock import SystemClock
from camel_ext.core.database import Database
from camel_ext.core.ids import uuid7
from camel_ext.core.journal import Append, apply_appends
from camel_ext.core.migrate import migrate
from camel_ext.core.tenancy import Tenant
from camel_ext.interactions import Answer, Asker, Prompt, Recorder, Thread, read_library
from camel_ext.registry import EngineKind, ResolvedModel
from camel_ext.registry.resolve import Price

SYSTEM = "You are a careful engineer. " * 10
TEXT = "Part {}. " + "Look at this part of the plan and say what you would change, and why. " * 8
REPLY = "I would make it smaller, because each part of it is a thing to keep true. " * 12
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"tool_{n}",
            "description": "Does one thing, and says what it did. " * 4,
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        },
    }
    for n in range(5)
]
MODEL = ResolvedModel(UUID(int=1), "small", EngineKind.LOCAL, {"file": "b"}, Price(1, 2), None)
EDGE = 10


def answer() -> Answer:
    message = {"role": "assistant", "content": REPLY, "refusal": None}
    raw = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "small",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300},
    }
    return Answer(120.0, raw, "stop", 100, 200, 90, 20.0, "b4000", "q8_0", "t" * 64)


def talk(turns: int, hinted: bool) -> list[Prompt]:
    """One conversation's prompts; encoding them is the engine's cost, not the log's."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM}]
    prompts = []
    for turn in range(turns):
        shared = len(messages) - 1 if turn and hinted else 0
        messages.append({"role": "user", "content": TEXT.format(turn)})
        params = {"temperature": 0.7, "seed": turn}
        body = {"model": "m", "messages": messages, **params, "tools": TOOLS}
        sent = msgspec.json.encode(body)
        prompts.append(Prompt(list(messages), sent, params, TOOLS, None, shared))
        messages.append({"role": "assistant", "content": REPLY})
    return prompts


def cpu_us(fn: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time_ns()
    result = fn()
    return (time.process_time_ns() - began) / 1000, result


class Bench:
    def __init__(self, folder: Path) -> None:
        rooms.import_models()
        self.path = folder / "bench.db"
        self.database = Database(f"sqlite:///{self.path}")
        migrate(self.database)
        self.clock, self.rng = SystemClock(), Random(1)
        self.tenant = Tenant(self.new_id(), self.new_id())
        self.who = {"source": "run", "session": "s", "agent_id": "proposer", "agent_version": "v"}

    def new_id(self) -> UUID:
        return uuid7(self.clock, self.rng)

    def run(self, turns: int, talks: int, batch: int, hinted: bool) -> dict[str, Any]:
        """Record `talks` conversations side by side, `batch` calls a commit."""
        recorder = Recorder(self.clock, self.new_id)
        prompts = talk(turns, hinted)
        threads = [Thread() if hinted else None for _ in range(talks)]
        run_ids = [self.new_id() for _ in range(talks)]
        record, write, last = [[] for _ in prompts], [[] for _ in prompts], None
        size = self._size()
        for turn, prompt in enumerate(prompts):
            made = []
            for place in range(talks):
                asker = Asker(
                    self.tenant, UUID(int=3), run_id=run_ids[place], step_key=f"t[{turn}]",
                    trace_id="a" * 32, **self.who,
                )  # fmt: skip
                took, each = cpu_us(
                    lambda a=asker, p=prompt, t=threads[place]: recorder.record(
                        a, MODEL, p, answer(), thread=t
                    )
                )
                record[turn].append(took)
                made.append(each)
            for start in range(0, talks, batch):
                some = made[start : start + batch]
                took, _ = cpu_us(lambda s=some: self._write(s))
                write[turn].append(took / len(some))
            for each in made:
                each.keep()
            last = made[-1].id
        grown = self._size() - size
        read, library = cpu_us(lambda: self.database.read(self.tenant, read_library, [last]))
        assert library.said(last).sent == prompts[-1].sent
        first, end = record[1 : 1 + EDGE], record[-EDGE:]
        return {
            "batch": batch,
            "hinted": hinted,
            "record_us_first": _median(first),
            "record_us_last": _median(end),
            "write_us_first": _median(write[1 : 1 + EDGE]),
            "write_us_last": _median(write[-EDGE:]),
            "bytes_a_turn": round(grown / turns / talks),
            "appended_bytes_a_turn": len(TEXT) + len(REPLY),
            "whole_prompts_bytes_a_turn": round(sum(len(p.sent) for p in prompts) / turns),
            "read_last_us": round(read),
        }

    def _write(self, made: list[Any]) -> None:
        with self.database.begin() as connection:
            apply_appends(connection, [Append(self.tenant, m.entries) for m in made], set())

    def _size(self) -> int:
        with self.database.writer.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.stat().st_size


def _median(turns: list[list[float]]) -> float:
    return round(statistics.median(each for turn in turns for each in turn), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--talks", type=int, default=20)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {options.turns} turns, {options.talks} talks")
    results = []
    for batch, hinted in ((1, True), (20, True), (1, False)):
        with tempfile.TemporaryDirectory() as folder:
            result = Bench(Path(folder)).run(options.turns, options.talks, batch, hinted)
        results.append(result)
        print(" ".join(f"{name}={value}" for name, value in result.items()))
    print(json.dumps({"bench": "recording", "results": results}))


if __name__ == "__main__":
    main()
