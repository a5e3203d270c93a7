"""What only one place may do: hop to a thread, step across tenants; and the small pure tools."""

import ast
import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.core.clock import SystemClock
from camel_ext.core.hashing import canonical_json, content_hash, sha256_hex
from camel_ext.core.ids import uuid7
from camel_ext.core.threads import ThreadLanes
from tests.fakes.clock import START, FakeClock

SOURCES = Path(__file__).parents[2] / "camel_ext"
HOPS = {"to_thread", "run_in_executor", "ThreadPoolExecutor", "run_in_threadpool"}
ACROSS = {"system_session", "system_options", "read_system", "write_system", "acting_as"}
MARKS = {"tenant_system", "tenant_scoped"}
# Who steps across tenants, and why. A new one is a decision: write the reason here.
ACROSS_TENANTS = {
    "interactions/months.py": "months of the log hold the rows of all",
    "core/tenancy.py": "defines it",
    "core/database.py": "read_system",
    "core/runtime.py": "read_system, write_system",
    "core/journal.py": "fences of a batch, rows whose tenants it compared",
    "core/jobs.py": "workers serve all tenants",
    "core/claiming.py": "workers serve all tenants",
    "core/concurrency.py": "workers serve all tenants; a device is shared by all",
    "jobs/limits.py": "what runs on a device is counted, whosever it is",
    "core/queue.py": "workers serve all tenants",
    "core/numbering.py": "journal and dispatcher number all feeds",
    "core/outbox.py": "the dispatcher prunes all feeds",
    "core/migrate.py": "DDL, and the version of the schema",
    "brokers/announcing.py": "one process publishes the events of all tenants",
    "brokers/published.py": "one process publishes the events of all tenants",
    "events/dispatcher.py": "one dispatcher numbers and announces all feeds",
    "events/feeds.py": "one dispatcher reads what other processes committed",
    "events/hub.py": "what was missed is read for the client's own organisation",
    "notifications/leader.py": "one leader notices the events of all tenants",
    "notifications/noticing.py": "one cursor for all events of an organisation",
    "scheduling/scheduler.py": "one scheduler fires the schedules of all tenants",
    "core/postgres.py": "a transaction begins before it is known whose rows it reaches",
    "core/moving.py": "a whole installation moves, whosever its rows are",
    "app.py": "the local organisation at start",
    "health.py": "readiness",
    "metrics.py": "an operator's figures are of the whole installation",
    "cli/server.py": "a link to sign in is for the owner of the key that is in the data folder",
    "identity/doors.py": "a key is proved before its tenant is known",
    "identity/sign_ins.py": "a code is found before its tenant is known",
    "core/sweeping.py": "files lie by id, whosever it was; it learns which of them are over",
}


def trees() -> Iterator[tuple[str, ast.AST]]:
    for path in sorted(SOURCES.rglob("*.py")):
        yield path.relative_to(SOURCES).as_posix(), ast.parse(path.read_text())


def used_names(tree: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def literals(tree: ast.AST) -> set[str]:
    named = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
    return named | {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_only_one_module_hops_to_a_thread() -> None:
    assert {where for where, tree in trees() if used_names(tree) & HOPS} == {"core/threads.py"}


def test_who_steps_across_tenants_is_listed() -> None:
    found = {where for where, tree in trees() if used_names(tree) & ACROSS}
    assert found <= ACROSS_TENANTS.keys(), "say in ACROSS_TENANTS why"


def test_nobody_forges_the_mark() -> None:
    found = {where for where, tree in trees() if literals(tree) & MARKS}
    assert found == {"core/tenancy.py"}


class TestThreads:
    async def test_a_lane_of_one_keeps_the_order_and_one_thread(self) -> None:
        threads = ThreadLanes()
        seen = await asyncio.gather(
            *(threads.run("write", lambda: threading.current_thread().name) for _ in range(20))
        )
        assert len(set(seen)) == 1
        threads.close()

    async def test_context_goes_along_and_does_not_come_back(self) -> None:
        threads, spoken = ThreadLanes(), ContextVar("spoken", default="nothing")
        spoken.set("hello")

        def answer() -> str:
            heard = spoken.get()
            spoken.set("bye")
            return heard

        assert await threads.run("read", answer) == "hello"
        assert spoken.get() == "hello"
        threads.close()

    async def test_an_error_arrives(self) -> None:
        threads = ThreadLanes()
        with pytest.raises(ZeroDivisionError):
            await threads.run("work", lambda: 1 / 0)
        threads.close()


class TestIds:
    def test_are_uuid7_of_the_clock_and_the_seed(self) -> None:
        clock = FakeClock()
        made = uuid7(clock, Random(1))
        assert (made.version, made.variant) == (7, "specified in RFC 4122")
        assert made.int >> 80 == int(START.timestamp() * 1000)
        assert made == uuid7(clock, Random(1))

    def test_sort_by_time_and_never_meet(self) -> None:
        clock, rng, made = FakeClock(), Random(1), []
        for _ in range(1000):
            made.append(uuid7(clock, rng))
            clock.advance(0.001)
        assert sorted(made) == made
        assert len({uuid7(clock, rng) for _ in range(10_000)}) == 10_000


class TestClock:
    def test_is_aware_and_moves(self) -> None:
        clock = SystemClock()
        assert clock.now().utcoffset() == timedelta(0)
        assert clock.monotonic_s() <= clock.monotonic_s()

    async def test_the_fake_wakes_its_sleepers_in_order(self) -> None:
        clock, woken = FakeClock(), list[int]()

        async def sleep(seconds: int) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        sleepers = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2, 9)]
        await asyncio.sleep(0)
        clock.jump(100)
        clock.advance(5)
        await asyncio.sleep(0)
        assert woken == [1, 2, 3]
        clock.advance(5)
        await asyncio.gather(*sleepers)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


class TestHashing:
    @settings(max_examples=40)
    @given(st.dictionaries(st.text(), JSON, max_size=5))
    def test_order_of_keys_means_nothing(self, content: dict[str, object]) -> None:
        turned = dict(reversed(content.items()))
        assert canonical_json(content) == canonical_json(turned)
        assert content_hash(content) == content_hash(turned)

    @settings(max_examples=40)
    @given(JSON, JSON)
    def test_other_content_has_another_hash(self, one: object, other: object) -> None:
        same = canonical_json(one) == canonical_json(other)
        assert (content_hash(one) == content_hash(other)) == same

    def test_is_utf8_and_compact(self) -> None:
        assert canonical_json({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'.encode()
        assert content_hash({}) == f"sha256:{sha256_hex(b'{}')}"

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_what_json_cannot_say_is_refused(self, number: float) -> None:
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json([number])
