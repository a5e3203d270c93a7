"""The two tools that come with the platform: `python` and `shell`, both in the sandbox.

They are idempotent because all they can change is the scratch folder, and that has versions. They
are not a notebook: files stay from call to call, variables do not.
"""

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from camel_ext.workflows.tools.limits import Limits
from camel_ext.workflows.tools.registry import Tool, ToolContext
from camel_ext.workflows.tools.sandbox import Finished, Sandbox
from camel_ext.workflows.tools.walls import python

_MOST_CHARACTERS = 200_000


def code_tools(sandbox: Sandbox) -> list[Tool]:
    """Return the tools `python` and `shell` of this sandbox."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shell = next((one for one in ("/bin/bash", "/bin/sh") if Path(one).exists()), "/bin/sh")
    bounds = f"No network, at most {sandbox.limits.wall_s:g} seconds."
    return [
        _tool(
            sandbox,
            "python",
            f"Run a Python {version} program and return what it prints. Standard library only. "
            f"{bounds} Files in the current folder stay for later calls, variables do not.",
            ("code", "The whole program; print what you want to see.", "/run/main.py"),
            [str(python()), "-s", "-S", "-B", "-u"],
        ),
        _tool(
            sandbox,
            "shell",
            f"Run a shell command and return what it prints. {bounds} Files in the current "
            "folder stay for later calls, everything else is read-only.",
            ("command", "The command, as for sh -c; it may have several lines.", "/run/command"),
            [shell],
        ),
    ]


def _tool(
    sandbox: Sandbox,
    name: str,
    description: str,
    argument: tuple[str, str, str],
    interpreter: Sequence[str],
) -> Tool:
    field, told, path = argument

    async def call(given: dict[str, Any], context: ToolContext) -> str:
        limits = replace(
            sandbox.limits, wall_s=min(sandbox.limits.wall_s, max(context.timeout_s, 0.1))
        )
        done = await sandbox.run(
            [*interpreter, path],
            scratch=context.scratch,
            files={path: given[field].encode(errors="replace")},
            limits=limits,
        )
        return report(done, limits)

    text = {"type": "string", "description": told, "maxLength": _MOST_CHARACTERS, "minLength": 1}
    parameters = {
        "type": "object",
        "properties": {field: text},
        "required": [field],
        "additionalProperties": False,
    }
    return Tool(
        name,
        description,
        parameters,
        True,
        call,
        uses_scratch=True,
        timeout_s=sandbox.limits.wall_s,
    )


def report(done: Finished, limits: Limits) -> str:
    """Return the output and how the command ended, for a model to read."""
    output = done.output.rstrip("\n") or "(nothing was printed)"
    if done.stopped is not None:
        return f"{output}\n[stopped: {limits.sentence(done.stopped)}]"
    return f"{output}\n[exit code {_spoken(done.exit_code or 0)}]"


def _spoken(exit_code: int) -> str:
    with suppress(ValueError):
        if exit_code > 128:  # the shell's way to say it
            return f"{exit_code}: killed by {signal.Signals(exit_code - 128).name}"
    return str(exit_code)
