"""The process in which one of camel's verifiers runs: a question on stdin, an answer on stdout.

It is started by camel.py and never imported by the server: it loads camel, and it limits itself so
that an answer like 9**9**9 ends here.
"""

import asyncio
import importlib
import json
import resource
import sys
from typing import Any

MAX_BYTES = 3 << 30  # camel and sympy need about 300 MB
_CLASSES = {"math": ("camel.verifiers.math_verifier", "MathVerifier", "math_verify")}


class NoBatches:
    """Stands for camel's BatchProcessor, which measures the CPU for a second at each of three places."""


def answer(question: dict[str, Any]) -> dict[str, str]:
    """Return camel's outcome for a question, `error` when its package is missing."""
    module, name, package = _CLASSES[question["verifier"]]
    try:
        importlib.import_module(package)
        kind = getattr(importlib.import_module(module), name)
    except ImportError as error:
        needed = package.replace("_", "-")
        return {"status": "error", "reason": f"it needs the package {needed}: {error}"}
    checker = kind(timeout=question["timeout_s"], max_retries=1)
    return asyncio.run(run_camel(checker, question["text"], question["expected"]))


async def run_camel(checker: Any, text: str, expected: str) -> dict[str, str]:
    """Run one of camel's verifiers from set-up to clean-up and return what it found."""
    await checker.setup()
    try:
        result = await checker.verify(text, expected)
    finally:
        await checker.cleanup()
    return {"status": result.status.value, "reason": result.error_message or result.result}


def main() -> None:
    """Answer the one question on stdin."""
    question = json.loads(sys.stdin.read())
    seconds = int(question["timeout_s"]) + 20
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    base = importlib.import_module("camel.verifiers.base")
    base.BatchProcessor = NoBatches  # type: ignore[attr-defined]
    sys.stdout.write(json.dumps(answer(question)) + "\n")


if __name__ == "__main__":
    main()
