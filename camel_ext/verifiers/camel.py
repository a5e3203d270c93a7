"""camel-ai's own verifiers, by name, loaded when the first is asked for.

SUCCESS is passed, FAILURE failed; ERROR and TIMEOUT stay apart, they say nothing about the answer.
Offered is what needs neither torch nor network nor runs foreign code: its Python and physics
verifiers execute the answer without a sandbox, so they are not.
"""

import importlib
from typing import Any, Literal

from pydantic import Field

from camel_ext.verifiers.registry import Params, verifier
from camel_ext.verifiers.verdicts import Outcome, Verdict, broken, found, late

_CLASSES = {"math": ("camel.verifiers.math_verifier", "MathVerifier", "math-verify")}


class CamelParams(Params):
    """Which of camel's verifiers, and the right answer."""

    verifier: Literal["math"] = Field(description="`math`: equal as mathematics (math-verify).")
    expected: str | int | float = Field(description="The right answer.")
    timeout_s: float = Field(10.0, gt=0, le=60, description="Seconds until it is given up.")


@verifier("camel", CamelParams, awaited=True)
async def camel(params: CamelParams, outcome: Outcome) -> Verdict:
    """One of camel-ai's own verifiers finds the text right."""
    module, name, package = _CLASSES[params.verifier]
    try:
        kind = getattr(importlib.import_module(module), name)
        importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        return broken(f"camel's `{params.verifier}` needs the package {package}: {error}")
    checker = kind(timeout=params.timeout_s, max_retries=1)
    return await run_camel(checker, outcome.text, str(params.expected))


async def run_camel(checker: Any, text: str, expected: str) -> Verdict:
    """Run one of camel's verifiers from set-up to clean-up and translate what it found."""
    try:
        await checker.setup()
        result = await checker.verify(text, expected)
    except RuntimeError as error:
        return broken(f"camel's verifier could not be run: {error}")
    finally:
        await checker.cleanup()
    return translate(result.status.value, result.error_message or result.result)


def translate(status: str, reason: str) -> Verdict:
    """Return our verdict for one of camel's four outcomes."""
    if status in {"success", "failure"}:
        return found(status == "success", reason or status)
    return late(reason or "timeout") if status == "timeout" else broken(reason or status)
