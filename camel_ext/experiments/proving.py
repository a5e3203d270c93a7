"""Stages that prove: baseline and candidate over the same held-out goals, then the gate.

Both run the whole workflow on the same engine, with the alias pinned. The candidate's first look at
held-out goals spends a piece of the workflow's error budget, before anything is known. The statistics
and the verdict are evaluation's.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.evaluation import (
    EvaluationStart,
    SuiteCase,
    SuiteCreate,
    SuiteScorer,
    cancel_evaluation,
    compare_evaluations,
    define_suite,
    get_evaluation,
    load_statistics,
    start_evaluation,
)
from camel_ext.experiments import certificates
from camel_ext.experiments.budget import take_look
from camel_ext.experiments.config import ImproveConfig, each_goal
from camel_ext.experiments.errors import StageFailed
from camel_ext.experiments.models import StageName
from camel_ext.experiments.sampling import first_error
from camel_ext.experiments.setting import inputs_of
from camel_ext.experiments.stages import Alone, Json, Look, Plain, Way, look_of
from camel_ext.workflows import DefinitionKind, Workflow, get_definition, workflow_of


@dataclass(frozen=True, slots=True)
class Baseline(Plain):
    """Examine the workflow as it is."""

    name: StageName = StageName.BASELINE

    def plan(self, db: Session, way: Way) -> list[Json]:  # noqa: ARG002
        """One evaluation."""
        return [{"version_id": str(way.improvement.baseline_version_id)}]

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start it."""
        return _evaluate(db, way, wanted["version_id"])

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """How many goals are answered."""
        return _look(db, child)

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Say what each scorer found."""
        return _found(db, way, looks)

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel it."""
        cancel_evaluation(db, way.asker.clock, child)


@dataclass(frozen=True, slots=True)
class Candidate(Baseline):
    """Examine the workflow with the adapter; from now on a look at held-out goals is spent."""

    name: StageName = StageName.CANDIDATE

    def plan(self, db: Session, way: Way) -> list[Json]:
        """One evaluation, and a look: once, however often this stage begins."""
        improvement = way.improvement
        if improvement.cycle is None:
            clock, level = way.asker.clock, way.config.gate.level
            improvement.cycle, improvement.alpha = take_look(db, clock, improvement.workflow, level)
        return [{"version_id": str(improvement.candidate_version_id)}]


@dataclass(frozen=True, slots=True)
class Gate(Alone):
    """Compare both, pair by pair, and issue the certificate."""

    name: StageName = StageName.GATE

    def warm(self) -> None:
        """Import numpy and scipy, so that no transaction waits for them."""
        load_statistics()

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:  # noqa: ARG002
        """Write verdict and certificate down, both or neither."""
        improvement, asker = way.improvement, way.asker
        (baseline,) = way.children(StageName.BASELINE)
        (candidate,) = way.children(StageName.CANDIDATE)
        require_only_alias_differs(db, baseline, candidate, improvement.alias)
        comparison = compare_evaluations(
            db,
            asker.clock,
            asker.new_id,
            asker.principal_id,
            baseline,
            candidate,
            way.config.gate,
            improvement.alpha,
        )
        certificate = certificates.issue(db, way, comparison)
        improvement.verdict = comparison.verdict
        improvement.certificate_id = certificate.id
        return {
            "comparison_id": str(comparison.id),
            "certificate_id": str(certificate.id),
            "verdict": comparison.verdict,
            "effect": comparison.effect,
            "interval": [comparison.low, comparison.high],
            "level": comparison.level,
        }


def suite_of(config: ImproveConfig, workflow: Workflow, name: str) -> SuiteCreate:
    """Return the examination that a configuration describes, cases in its order."""
    scorers = {
        key: SuiteScorer(
            verify=scorer.verify,
            params=scorer.params,
            per_case={parameter: f"input.{field}" for parameter, field in scorer.per_goal.items()},
            description=scorer.description,
        )
        for key, scorer in config.scorers.items()
    }
    cases = [
        SuiteCase(topic=topic, input=inputs_of(workflow, goal))
        for topic, goal in each_goal(config.heldout)
    ]
    return SuiteCreate(
        name=f"{name}-heldout"[:64],
        description=config.description,
        cases=cases,
        scorers=scorers,
        primary=config.gate.primary,
    )


def require_only_alias_differs(db: Session, baseline: UUID, candidate: UUID, alias: str) -> None:
    """Refuse to compare what differs in anything but the model behind the alias.

    Raises: StageFailed, where a workflow, an agent or another alias was changed in between.
    """
    sides = []
    for evaluation_id in (baseline, candidate):
        pinned = get_evaluation(db, evaluation_id).pinned
        models = {name: each for name, each in pinned["models"].items() if name != alias}
        sides.append({**pinned, "models": models})
    if sides[0] != sides[1]:
        raise StageFailed(
            "the workflow, an agent or another alias was changed between both examinations, so a "
            "difference could be of that: improve it anew"
        )


def _evaluate(db: Session, way: Way, version_id: str) -> UUID:
    improvement, asker = way.improvement, way.asker
    name = improvement.workflow
    workflow = workflow_of(get_definition(db, DefinitionKind.WORKFLOW, name))
    wanted = suite_of(way.config, workflow, name)
    version = define_suite(db, asker.clock, asker.new_id, asker.principal_id, wanted)
    asked = EvaluationStart(
        suite=f"{wanted.name}@{version.number}",
        workflow=name,
        models={improvement.alias: version_id},
        seed=way.seed("evaluation"),
        priority=improvement.priority,
    )
    return start_evaluation(db, asker, asked).id


def _look(db: Session, child: UUID) -> Look:
    evaluation = get_evaluation(db, child)
    return look_of(
        evaluation.state,
        done=evaluation.done,
        total=evaluation.total,
        error=(evaluation.error_code, evaluation.error_detail),
    )


def _found(db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
    child, look = next(iter(looks.items()))
    if not look.good:
        raise StageFailed(f"the held-out goals could not be examined: {first_error(looks)}")
    evaluation = get_evaluation(db, child)
    means = {name: mean for name, mean in evaluation.means.items() if name in way.config.scorers}
    return {
        "cases": evaluation.total,
        "failed": evaluation.failed,
        "reused": evaluation.reused,
        "means": means,
        "cost_usd_micros": evaluation.cost_usd_micros,
    }
