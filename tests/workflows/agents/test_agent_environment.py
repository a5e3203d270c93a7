"""camel's import: late, quiet, and with nobody outside contacted."""

import asyncio
import os
import subprocess
import sys

import pytest
import pytest_socket

from camel_ext.workflows.agents import AgentSpec, ToolSpec, step
from tests.fakes.calls import ScriptedCalls, answer


def in_a_fresh_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_face_leaves_camel_alone() -> None:
    code = (
        "import sys, camel_ext.workflows.agents as a\n"
        "a.AgentSession(a.AgentSpec('a', 's', 4096))\n"
        "print([m for m in ('camel', 'openai', 'mcp', 'jsonschema') if m in sys.modules])"
    )
    assert in_a_fresh_process(code) == "[]\n"


@pytest.mark.slow  # camel's import
def test_warm_imports_camel_and_quiets_it() -> None:
    code = (
        "import os, sys, logging, camel_ext.workflows.agents as a\n"
        "a.warm()\n"
        "print('camel.agents' in sys.modules, logging.root.handlers,"
        " [m for m in ('agentops', 'langfuse', 'traceroot', 'torch') if m in sys.modules],"
        " [n for n in ('AGENTOPS_API_KEY', 'LANGFUSE_ENABLED', 'TRACEROOT_ENABLED',"
        " 'CAMEL_MODEL_LOG_ENABLED', 'MODEL_TIMEOUT') if n in os.environ])"
    )
    shown = in_a_fresh_process(
        code,
        AGENTOPS_API_KEY="x",
        LANGFUSE_ENABLED="true",
        TRACEROOT_ENABLED="true",
        CAMEL_MODEL_LOG_ENABLED="true",
        MODEL_TIMEOUT="1",
    )
    assert shown == "True [] [] []\n"


def test_a_step_opens_no_socket_at_all(event_loop_policy: asyncio.AbstractEventLoopPolicy) -> None:
    tool = ToolSpec("look", "Look.", {"type": "object", "properties": {}})
    calls = ScriptedCalls(answer(None, ("look", "{}")), answer("done"))
    loop = event_loop_policy.new_event_loop()  # it needs a socket pair of its own
    pytest_socket.disable_socket()  # loopback too
    try:
        given = loop.run_until_complete(step(AgentSpec("a", "s", 4096), [], "go", calls, [tool]))
    finally:
        pytest_socket.enable_socket()
        loop.close()
    assert given.text == "done"
