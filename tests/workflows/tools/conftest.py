from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from camel_ext.core.clock import SystemClock
from camel_ext.core.threads import ThreadLanes
from camel_ext.workflows.tools import Limits, Sandbox, ToolContext
from camel_ext.workflows.tools.limits import MIB


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Small limits, so that an attempt to pass them is over soon."""
    limits = Limits(wall_s=5, memory_bytes=256 * MIB, scratch_bytes=8 * MIB, written_bytes=64 * MIB)
    one = Sandbox(limits)
    found = await one.available()
    assert found.ok, found.reason  # no skip: without a sandbox none of this is known to hold
    yield one
    one.close()


@pytest.fixture
def threads() -> Iterator[ThreadLanes]:
    lanes = ThreadLanes()
    yield lanes
    lanes.close()


@pytest.fixture
def make_context(tmp_path: Path, threads: ThreadLanes) -> Callable[..., ToolContext]:
    def make(effect_key: str = "key", timeout_s: float = 5) -> ToolContext:
        return ToolContext(effect_key, tmp_path, timeout_s, SystemClock(), threads)

    return make
