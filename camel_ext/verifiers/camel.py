"""camel-ai's own verifiers, by name, each check in a process of its own.

SUCCESS is passed, FAILURE failed; ERROR and TIMEOUT stay apart, they say nothing about the answer.
A process, because math-verify keeps its time by SIGALRM (main thread only), cannot be stopped
otherwise, and camel measures the CPU for three seconds around each verifier. Offered is what needs
neither torch nor network nor runs foreign code: camel's Python and physics verifiers execute the
answer without a sandbox, so they are not.
"""

import asyncio
import json
import os
import sys
from typing import Any, Literal

from pydantic import Field

from camel_ext.verifiers.registry import Params, example, verifier
from camel_ext.verifiers.verdicts import Outcome, Verdict, broken, excerpt, found, late

START_S = 20.0  # loading camel takes about 2 s of CPU, on a busy machine several times that


class CamelParams(Params):
    """Which of camel's verifiers, and the right answer."""

    model_config = example(verifier="math", expected="1/2")

    verifier: Literal["math"] = Field(description="`math`: equal as mathematics (math-verify).")
    expected: str | int | float = Field(description="The right answer.")
    timeout_s: float = Field(10.0, gt=0, le=60, description="Seconds until it is given up.")


@verifier("camel", CamelParams, awaited=True)
async def camel(params: CamelParams, outcome: Outcome) -> Verdict:
    """One of camel-ai's own verifiers finds the text right; takes seconds, not milliseconds."""
    question = {
        "verifier": params.verifier,
        "text": outcome.text,
        "expected": str(params.expected),
        "timeout_s": params.timeout_s,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "camel_ext.verifiers.camel_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # No key of the server reaches it; the path is ours, so that it finds what we find.
        env={"PYTHONPATH": os.pathsep.join(sys.path), "CAMEL_LOGGING_DISABLED": "true"},
    )
    try:
        async with asyncio.timeout(START_S + params.timeout_s):
            answer, _ = await child.communicate(json.dumps(question).encode())
    except TimeoutError:
        return late(f"camel's `{params.verifier}` took more than {params.timeout_s:g} s")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return _read(answer, params.verifier)


def _read(answer: bytes, name: str) -> Verdict:
    try:
        said: dict[str, Any] = json.loads(answer.splitlines()[-1])
        return translate(str(said["status"]), str(said["reason"]))
    except (ValueError, LookupError, TypeError):
        return broken(f"camel's `{name}` ended without an answer")


def translate(status: str, reason: str) -> Verdict:
    """Return our verdict for one of camel's four outcomes."""
    reason = excerpt(reason, 200) or status
    if status in {"success", "failure"}:
        return found(status == "success", reason)
    return late(reason) if status == "timeout" else broken(reason)
