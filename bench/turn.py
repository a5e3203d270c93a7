"""P2: CPU that an agent's turn costs, beside a bare camel ChatAgent's, over 200 turns.

Arms: `camel` (stock settings but for summarising, which would call the model, and the tiktoken
download), `ours` (`AgentSession`), and `durable` (the same with everything recorded, see
`durable_turn`), all on a stub model in this process; `--arm NAME=MODULE:FACTORY`
adds one (see `Arm`). CPU is the whole process's, threads included. Arms
run in ABBA order so that a drifting machine hurts them alike; the intervals are 95 % bootstrap
over the runs. It says nothing about latency, tokens or a real model.

    python -m bench.turn [--turns 200] [--blocks 5] [--arm NAME=MODULE:FACTORY]
"""

import argparse
import asyncio
import gc
import importlib
import statistics
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from bench.method import abba, about, busy, interval, report
from camel_ext.workflows.agents import AgentSession, AgentSpec, ModelAnswer, ModelCall, prepare

SYSTEM = "You are a careful engineer. " * 10
TEXT = "Part {}. " + "Look at this part of the plan and say what you would change, and why. " * 8
REPLY = "I would make it smaller, because each part of it is a thing to keep true. " * 12
EDGE = 10  # turns at either end that are compared

Turn = Callable[[int], Awaitable[None]]
Arm = Callable[[], AbstractAsyncContextManager[Turn]]
"""A fresh agent with an empty memory; `await turn(n)` says `TEXT.format(n)` to it, from n = 0.

A durable arm implements `Calls` around `StubCalls` and gives each turn a step key of its own:

    @asynccontextmanager
    async def arm():
        async with journal_in_a_temporary_directory() as journal:
            session = AgentSession(SPEC)
            async def turn(n):
                await session.step(TEXT.format(n), JournalledCalls(journal, f"turn[{n}]", StubCalls()))
            yield turn
"""

SPEC = AgentSpec("bench", SYSTEM, 1_000_000)


class StubCalls:
    """A model that answers at once."""

    async def model(self, _index: int, _request: ModelCall) -> ModelAnswer:
        return {
            "id": "chatcmpl-stub",
            "model": "stub",
            "message": {"role": "assistant", "content": REPLY},
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 100, "completion_tokens": 200, "total_tokens": 300},
        }

    async def tool(self, *_: object) -> str:
        return "none"


def bare_camel() -> Arm:
    """Return the peer: camel's own agent, memory and step."""
    from camel.agents import ChatAgent
    from camel.models import BaseModelBackend
    from camel.types import ChatCompletion

    from camel_ext.workflows.agents.backend import CharCounter

    class Stub(BaseModelBackend):  # type: ignore[misc]
        token_counter = property(lambda self: self._token_counter)
        token_limit = 1_000_000

        def _run(self, *_: Any, **__: Any) -> ChatCompletion:
            raise NotImplementedError

        async def _arun(self, messages: Any, *_: Any) -> Any:
            answer = await StubCalls().model(0, ModelCall(messages))
            choice = {"index": 0, "finish_reason": "stop", "message": answer["message"]}
            return ChatCompletion.model_validate(
                {
                    "id": answer["id"],
                    "object": "chat.completion",
                    "created": 0,
                    "model": answer["model"],
                    "choices": [choice],
                    "usage": answer["usage"],
                }
            )

    @asynccontextmanager
    async def arm() -> Any:
        agent = ChatAgent(
            SYSTEM, model=Stub("stub", {}, token_counter=CharCounter()), summarize_threshold=None
        )

        async def turn(number: int) -> None:
            response = await agent.astep(TEXT.format(number))
            assert response.msgs[0].content == REPLY

        yield turn

    return arm


@asynccontextmanager
async def ours() -> Any:
    """Open an agent session as a run does, without a log."""
    session, calls = AgentSession(SPEC), StubCalls()

    async def turn(number: int) -> None:
        answer = await session.step(TEXT.format(number), calls)
        assert answer.text == REPLY

    yield turn


async def measure(arm: Arm, turns: int) -> list[float]:
    """Return CPU milliseconds of each turn of one fresh agent."""
    spent = []
    async with arm() as turn:
        gc.collect()
        for number in range(turns):
            before = time.process_time()
            await turn(number)
            spent.append((time.process_time() - before) * 1e3)
    return spent


def summary(run: list[float]) -> dict[str, float]:
    """Return one run's figures, in CPU milliseconds a turn; the slope per 100 turns."""
    first, last = statistics.median(run[:EDGE]), statistics.median(run[-EDGE:])
    slope = statistics.linear_regression(range(len(run)), run).slope
    return {
        "mean_ms": statistics.fmean(run),
        "first_ms": first,
        "last_ms": last,
        "growth": last / first,
        "slope_ms_per_100": slope * 100,
    }


async def compare(
    arms: dict[str, Arm], turns: int, blocks: int
) -> dict[str, list[dict[str, float]]]:
    """Run every arm twice a block, forth and back, after one warm-up each."""
    for arm in arms.values():
        await measure(arm, 20)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in arms}
    for name in abba(list(arms), blocks):
        runs[name].append(summary(await measure(arms[name], turns)))
    return runs


def table(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Print the table and return its figures."""
    figures: dict[str, Any] = {}
    print(f"{'arm':10} {'figure':18} {'median':>9}  95 % interval")
    for name, of_arm in runs.items():
        figures[name] = {}
        for figure in of_arm[0]:
            middle, low, high = interval([run[figure] for run in of_arm])
            figures[name][figure] = [round(value, 4) for value in (middle, low, high)]
            print(f"{name:10} {figure:18} {middle:9.3f}  {low:.3f} .. {high:.3f}")
    peer = runs["camel"]
    for name in [name for name in runs if name != "camel"]:
        for figure in ("mean_ms", "first_ms"):
            ratios = [a[figure] / b[figure] for a, b in zip(runs[name], peer, strict=True)]
            middle, low, high = interval(ratios)
            figures[name][f"{figure[:-3]}_ratio_to_camel"] = [
                round(value, 4) for value in (middle, low, high)
            ]
            print(f"{name:10} {figure[:-3] + ' / camel':18} {middle:9.3f}  {low:.3f} .. {high:.3f}")
    return figures


def main() -> None:
    """Parse, measure, print one table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--arm", action="append", default=[], metavar="NAME=MODULE:FACTORY")
    options = parser.parse_args()
    load = busy()
    prepare()
    arms: dict[str, Arm] = {"camel": bare_camel(), "ours": ours}
    for given in ["durable=bench.durable_turn:arm", *options.arm]:
        name, target = given.split("=", 1)
        module, factory = target.split(":", 1)
        arms[name] = getattr(importlib.import_module(module), factory)
    # On a thread, for the peer's sake: camel walks the stack at each step, and inspect searches all
    # modules anew for the `<frozen runpy>` frames that `python -m` puts under the main thread
    # (7 ms a turn instead of 1, measured).
    with ThreadPoolExecutor(1) as thread:
        runs = thread.submit(asyncio.run, compare(arms, options.turns, options.blocks)).result()
    figures = table(runs)
    head = about("P2", load, ["camel-ai", "camel-extensions"])
    report(head, turns=options.turns, runs=options.blocks * 2, arms=figures)


if __name__ == "__main__":
    main()
