"""What the workflows room keeps for the life of a process: its tools, its sandbox, its engines' way.

Opened by the server and the worker alike. It runs nothing by itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from camel_ext.core.runtime import Runtime
from camel_ext.settings import Settings
from camel_ext.workflows.agents import warm
from camel_ext.workflows.calls import Patience
from camel_ext.workflows.sweeping import Sweeper
from camel_ext.workflows.tools import Limits, Sandbox, Scratch, Tool, code_tools, collect, load


@dataclass
class Workshop:
    """Tools by name, and the folder where runs keep their scratch states."""

    tools: dict[str, Tool]
    sandbox: Sandbox
    scratch_root: Path
    tool_timeout_s: float
    max_turns: int
    patience: Patience
    context_tokens: int
    _warm: bool = field(default=False, init=False)

    def scratch(self, run_id: UUID) -> Scratch:
        """Return the scratch states of one run."""
        return Scratch(self.scratch_root / str(run_id))

    async def ready(self, runtime: Runtime) -> None:
        """Import camel on a thread before the first agent speaks (2 s, 85 MB)."""
        if not self._warm:
            await runtime.threads.run("work", warm)
            self._warm = True


def workshop_of(runtime: Runtime) -> Workshop:
    """Return this process's workshop."""
    workshop: Workshop = runtime.extras["workflows"]
    return workshop


@asynccontextmanager
async def opened(runtime: Runtime, settings: Settings) -> AsyncIterator[None]:
    """Load the operator's tools; a module that cannot be loaded stops the start."""
    knobs = settings.serving
    limits = Limits(wall_s=settings.workflows.tool_timeout_s)
    sandbox = Sandbox(limits, hidden=[settings.data_dir])
    tools = collect(code_tools(sandbox), load(settings.workflows.tool_modules).values())
    scratch_root = settings.data_dir / "scratch"
    runtime.extras["workflows"] = Workshop(
        tools=tools,
        sandbox=sandbox,
        scratch_root=scratch_root,
        tool_timeout_s=settings.workflows.tool_timeout_s,
        max_turns=settings.workflows.max_turns,
        patience=Patience(knobs.provider_wait_s, knobs.provider_wait_max_s, knobs.provider_tries),
        context_tokens=knobs.context_tokens,
    )
    sweeper = Sweeper(runtime, scratch_root, settings.workflows.scratch_keep_s)
    try:
        async with sweeper.sweeping():
            yield
    finally:
        sandbox.close()
