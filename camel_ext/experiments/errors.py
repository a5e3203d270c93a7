"""What can be wrong with improvements, their decisions and certificates."""

from typing import Any

from camel_ext.core.errors import Conflict, Invalid, NotFound


class ImprovementUnknown(NotFound):
    """There is no improvement by this id in this project."""


class CertificateUnknown(NotFound):
    """There is no certificate by this id or number in this project."""


class NumberTaken(Conflict):
    """Another certificate got this number at this moment: the next one is tried."""

    retryable = True


class BudgetJustOpened(Conflict):
    """Another improvement of this workflow took its first look at this moment: it is tried again."""

    retryable = True


class DecisionUnknown(NotFound):
    """There is no decision by this id in this project."""


class ImprovementStateUnfit(Conflict):
    """The improvement is in a state that does not allow this."""


class NothingToRollBack(Conflict):
    """No promotion of this alias is in force, so there is nothing to roll back."""


class AliasMovedSince(Conflict):
    """The alias was moved since, by somebody or something else, so this decision no longer fits."""


class NotProven(Conflict):
    """The verdict does not allow a promotion: say `override` and why, or prove it first."""


class WrittenOnce(Conflict):
    """Decisions and certificates are written once and never changed."""


class ConfigWrong(Invalid):
    """The configuration of the improvement does not fit what is there."""

    def __init__(self, detail: str, path: tuple[str | int, ...] = (), fix: str = "") -> None:
        self.path = path
        self.fix = fix
        problem: dict[str, Any] = {"loc": ["body", "config", *path], "msg": detail, "fix": fix}
        said = f"`{_dotted(path)}`: {detail}" if path else detail
        super().__init__(f"{said} {fix}".strip(), problems=[problem])


class StageFailed(Invalid):
    """A stage of the loop could not be done; what came before it is kept."""


class NothingLearnable(Invalid):
    """The candidates hold no preference, so there is nothing to train on."""


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
