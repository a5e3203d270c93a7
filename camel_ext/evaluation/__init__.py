"""Evaluation: suites of held-out cases, scores of a version on them, and paired comparisons of two.

Its gate says better, not worse, worse or inconclusive, with the interval that it decided on. It moves
no alias: what follows from a verdict is decided in experiments.
"""

from camel_ext.evaluation.comparisons import (
    Comparable,
    compare_evaluations,
    decide,
    get_comparison,
    list_comparisons,
    load_statistics,
    read_comparable,
    write_comparison,
)
from camel_ext.evaluation.errors import (
    ComparisonUnknown,
    EvaluationUnfinished,
    EvaluationUnknown,
    NotComparable,
    NothingToCompare,
    ScorerUnknown,
    SuiteInvalid,
    SuiteUnknown,
    TargetInvalid,
)
from camel_ext.evaluation.evaluations import (
    cancel_evaluation,
    get_evaluation,
    list_cases,
    list_evaluations,
    read_scores,
    start_evaluation,
)
from camel_ext.evaluation.findings import Finding, RailFinding, TopicFinding
from camel_ext.evaluation.gate import compare
from camel_ext.evaluation.models import (
    Comparison,
    Evaluation,
    EvaluationCase,
    Suite,
    SuiteVersion,
    TargetKind,
    Verdict,
)
from camel_ext.evaluation.pairing import Scores
from camel_ext.evaluation.plans import plan
from camel_ext.evaluation.policy import MEASURES, GatePolicy, Guardrail
from camel_ext.evaluation.schemas import EvaluationStart, PlanAsked
from camel_ext.evaluation.statistics import alpha_of_cycle
from camel_ext.evaluation.suite_schemas import JudgeEntry, SuiteCase, SuiteCreate, SuiteScorer
from camel_ext.evaluation.suites import define_suite, get_suite, get_suite_version

__all__ = [
    "MEASURES",
    "Comparable",
    "Comparison",
    "ComparisonUnknown",
    "Evaluation",
    "EvaluationCase",
    "EvaluationStart",
    "EvaluationUnfinished",
    "EvaluationUnknown",
    "Finding",
    "GatePolicy",
    "Guardrail",
    "JudgeEntry",
    "NotComparable",
    "NothingToCompare",
    "PlanAsked",
    "RailFinding",
    "ScorerUnknown",
    "Scores",
    "Suite",
    "SuiteCase",
    "SuiteCreate",
    "SuiteInvalid",
    "SuiteScorer",
    "SuiteUnknown",
    "SuiteVersion",
    "TargetInvalid",
    "TargetKind",
    "TopicFinding",
    "Verdict",
    "alpha_of_cycle",
    "cancel_evaluation",
    "compare",
    "compare_evaluations",
    "decide",
    "define_suite",
    "get_comparison",
    "get_evaluation",
    "get_suite",
    "get_suite_version",
    "list_cases",
    "list_comparisons",
    "list_evaluations",
    "load_statistics",
    "plan",
    "read_comparable",
    "read_scores",
    "start_evaluation",
    "write_comparison",
]
