"""What can be wrong with suites, evaluations and comparisons; a verdict is never one of these."""

from camel_ext.core.errors import Conflict, Invalid, NotFound


class SuiteUnknown(NotFound):
    """There is no such suite, or no such version of it, in this project."""


class SuiteInvalid(Invalid):
    """A suite has cases in topics, each once, and scorers that can be made."""


class ScorerUnknown(Invalid):
    """The suite has no scorer by that name, and nothing else that is measured is called so."""


class EvaluationUnknown(NotFound):
    """There is no such evaluation in this project."""


class TargetInvalid(Invalid):
    """What is to be evaluated cannot be pinned to one version of everything."""


class TargetChanged(Conflict):
    """The workflow or an agent of it was changed while it was evaluated."""


class EvaluationUnfinished(Conflict):
    """The evaluation has no scores yet: wait until it succeeded."""


class NotComparable(Invalid):
    """Two evaluations are compared case by case: they need the same version of a suite."""


class NothingToCompare(Invalid):
    """The evaluations share no case that both have a score of."""


class ComparisonUnknown(NotFound):
    """There is no such comparison in this project."""


class JudgingUnknown(NotFound):
    """There is no such judging in this project."""


class NotJudged(Conflict):
    """A judge that sees both answers was not asked yet about these two evaluations."""


class WrittenOnce(Conflict):
    """Versions of suites and comparisons are written once and never changed."""


class SuiteJustDefined(Conflict):
    """Somebody defined a suite of that name at this very moment: define yours again."""

    retryable = True
