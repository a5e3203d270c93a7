"""One tool turn: from the arguments to the text and the scratch state that the journal stores.

The caller journals what comes back, and before it the intent of a tool that is not idempotent; on
resume it hands in the state of the last finished turn again. Nothing here reads or writes a row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camel_ext.core.clock import Clock
from camel_ext.core.threads import Threads
from camel_ext.workflows.tools.errors import ScratchFull
from camel_ext.workflows.tools.registry import Tool, ToolContext
from camel_ext.workflows.tools.scratch import Scratch


@dataclass(frozen=True, slots=True)
class ToolTurn:
    """What a finished call leaves: its text, and the state that the next call starts from."""

    text: str
    scratch_state: str | None


async def execute(
    tool: Tool,
    arguments: Mapping[str, Any] | str,
    *,
    step_key: str,
    effect_key: str,
    scratch: Scratch,
    parent_state: str | None,
    timeout_s: float,
    clock: Clock,
    threads: Threads,
) -> ToolTurn:
    """Run the tool on a copy of the parent state; the same inputs can be executed again.

    Raises: SandboxMissing, SandboxFailed, ScratchLost, and what the platform itself raises.
    """
    folder = scratch.folder(step_key) if tool.uses_scratch else scratch.root
    context = ToolContext(effect_key, folder, timeout_s, clock, threads)
    if not tool.uses_scratch:
        return ToolTurn(await tool.run(arguments, context), parent_state)
    try:
        await threads.run("work", scratch.begin, step_key, parent_state)
        text = await tool.run(arguments, context)
        try:
            state: str | None = await threads.run("work", scratch.finish, step_key)
        except ScratchFull as error:
            text, state = f"{text}\n[{error}]", parent_state
        return ToolTurn(text, state)
    finally:
        await threads.run("work", scratch.discard, step_key)
