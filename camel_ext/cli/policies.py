"""The policy of a gate as it is typed: a file, or a scorer and its guardrails."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from camel_ext.cli.exits import Exit, Stop
from camel_ext.cli.inputs import from_file


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed: a file, and what stands on top of it."""

    file: Path | None
    primary: str | None
    guards: list[str]
    alpha: float | None

    def read(self) -> dict[str, Any] | None:
        """Return the policy; None where nothing was typed. Raises: Stop."""
        policy = {} if self.file is None else from_file(self.file)
        if self.primary is not None:
            policy["primary"] = self.primary
        if self.guards:
            typed = [_guard(each) for each in self.guards]
            names = {each["measure"] for each in typed}
            kept = [each for each in policy.get("guardrails") or [] if each["measure"] not in names]
            policy["guardrails"] = kept + typed
        return policy or None


def _guard(given: str) -> dict[str, Any]:
    measure, sign, margin = given.partition("=")
    try:
        if sign and margin.endswith("%"):
            return {"measure": measure, "margin_ratio": float(margin[:-1]) / 100}
        if sign:
            return {"measure": measure, "margin": float(margin)}
    except ValueError:
        pass
    raise Stop(
        Exit.USAGE, f"--guard {given}: that is no MEASURE=MARGIN.",
        "Examples: --guard relevant=0.1 --guard latency_ms=20%",
    )  # fmt: skip
