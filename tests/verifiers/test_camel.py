"""camel's verifiers through ours: its four outcomes stay four, and what runs foreign code is not offered."""

import asyncio
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from camel_ext.verifiers import Outcome, verify
from camel_ext.verifiers.camel import translate
from camel_ext.verifiers.camel_process import NoBatches, run_camel


@pytest.mark.parametrize(
    ("status", "state", "passed"),
    [
        ("success", "passed", True),
        ("failure", "failed", False),
        ("error", "error", None),
        ("timeout", "timeout", None),
    ],
)
def test_the_four_outcomes_stay_apart(status: str, state: str, passed: bool | None) -> None:
    verdict = translate(status, "why")
    assert (verdict.state, verdict.passed, verdict.reason) == (state, passed, "why")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("math_verify") is not None, reason="math-verify is installed")
async def test_what_is_not_installed_is_an_error_not_a_failure() -> None:
    verdict = await verify("camel", {"verifier": "math", "expected": "1/2"}, Outcome("0.5"))
    assert verdict.state == "error"
    assert "math-verify" in verdict.reason


def test_camel_is_loaded_only_when_asked_for() -> None:
    code = "import sys, camel_ext.verifiers; sys.exit('camel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "state"),
    [("right", "passed"), ("wrong", "failed"), ("raises", "error"), ("sleeps", "timeout")],
)
async def test_a_real_camel_verifier_gives_each_outcome(
    answer: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import camel.verifiers.base as base
    from camel.verifiers.models import VerificationOutcome, VerificationResult

    monkeypatch.setattr(base, "BatchProcessor", NoBatches)  # as in the process: saves 3 s a check

    class Checker(base.BaseVerifier):  # type: ignore[misc]
        async def _setup(self, **_: Any) -> None: ...

        async def _cleanup(self) -> None: ...

        async def _verify_implementation(self, solution: str, reference: str | None) -> Any:
            if solution == "raises":
                raise ValueError("cannot")
            if solution == "sleeps":
                await asyncio.sleep(10)
            good = solution == reference
            status = VerificationOutcome.SUCCESS if good else VerificationOutcome.FAILURE
            return VerificationResult(status=status, result=solution)

    said = await run_camel(Checker(timeout=0.2, max_retries=1), answer, "right")
    assert translate(**said).state == state


@pytest.mark.slow
@pytest.mark.skipif(find_spec("math_verify") is None, reason="math-verify is not installed")
@pytest.mark.parametrize(
    ("text", "state"),
    [("0.5", "passed"), (r"$\frac{1}{2}$", "passed"), ("0.6", "failed"), ("no idea", "error")],
)
async def test_mathematics_is_compared_as_such(text: str, state: str) -> None:
    verdict = await verify("camel", {"verifier": "math", "expected": "1/2"}, Outcome(text))
    assert verdict.state == state
