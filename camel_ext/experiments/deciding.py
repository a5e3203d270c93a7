"""Stages that decide: the policy's word or a person's, and a look whether the adapter really answers.

The decision itself, and the alias that it moves, are `decisions`'.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.experiments import decisions
from camel_ext.experiments.certificates import evidence_of
from camel_ext.experiments.config import Approval, When, each_goal
from camel_ext.experiments.decisions import Decider
from camel_ext.experiments.errors import StageFailed
from camel_ext.experiments.models import DecisionKind, StageName
from camel_ext.experiments.sampling import first_error, tags_of
from camel_ext.experiments.setting import inputs_of
from camel_ext.experiments.stages import Alone, Json, Look, Plain, Way, look_of
from camel_ext.workflows import (
    DefinitionKind,
    RunStart,
    cancel_run,
    get_definition,
    get_run,
    start_run,
    workflow_of,
)


@dataclass(frozen=True, slots=True)
class Decide(Alone):
    """Promote or refuse as the policy says; where it asks for a person, wait for one."""

    name: StageName = StageName.PROMOTE

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:  # noqa: ARG002
        """Decide, once; a decision that was made meanwhile by a person stands."""
        improvement, policy = way.improvement, way.config.promote
        if improvement.decision_id is not None:
            return _result(db, improvement.decision_id)
        good = decisions.allows(policy.when, str(improvement.verdict))
        if good and policy.approval == Approval.PERSON:
            return {"waits": True}
        asker = way.asker
        decider = Decider(asker.principal_id, asker.clock, asker.new_id, automatic=True)
        evidence = evidence_of(db, improvement)
        reason = f"the verdict is {improvement.verdict}; the policy promotes {_WORDS[policy.when]}"
        decide = decisions.promote if good else decisions.refuse
        decision = decide(db, decider, improvement, evidence, reason=reason)
        improvement.decision_id = decision.id
        return _result(db, decision.id)


@dataclass(frozen=True, slots=True)
class VerifyLive(Plain):
    """Run the workflow once as anybody would, and see that the promoted adapter answers."""

    name: StageName = StageName.VERIFY_LIVE

    def plan(self, db: Session, way: Way) -> list[Json]:
        """One run of the first held-out goal, where something was promoted and still is."""
        decision_id = way.improvement.decision_id
        if decision_id is None:
            return []
        decision = decisions.get_decision(db, decision_id)
        undone = decisions.find_undoing(db, decision_id)
        if decision.kind != DecisionKind.PROMOTION or undone is not None:
            return []
        topic, goal = next(each_goal(way.config.heldout))
        return [{"topic": topic, "goal": goal}]

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start it without pinning anything: the alias decides, as for everybody."""
        workflow = get_definition(db, DefinitionKind.WORKFLOW, way.improvement.workflow)
        asked = RunStart(
            workflow=way.improvement.workflow,
            input=inputs_of(workflow_of(workflow), wanted["goal"]),
            purpose="eval",  # a held-out goal must never be learnt from
            seed=way.seed("live"),
            priority=way.improvement.priority,
            tags=tags_of(way, wanted["topic"]),
        )
        run = start_run(db, way.asker, asked)
        way.improvement.live_run_id = run.id
        return run.id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """How the run is."""
        run = get_run(db, child)
        return look_of(run.state, error=(run.error_code, run.error_detail))

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Make sure that the run was answered by the adapter."""
        if not looks:
            return {"skipped": "nothing was promoted"}
        child, look = next(iter(looks.items()))
        if not look.good:
            raise StageFailed(
                f"the adapter is promoted, and its first run failed: {first_error(looks)}. Go back "
                f"with `camel-ext rollback {way.improvement.alias}`"
            )
        run = get_run(db, child)
        answered = run.resolved["models"][way.improvement.alias]["version_id"]
        if answered != str(way.improvement.candidate_version_id):
            return {"run_id": str(child), "live": False, "answered_by": answered}
        return {"run_id": str(child), "live": True, "output": run.output, "input": run.input}

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel the run."""
        cancel_run(db, way.asker.clock, child, None)


_WORDS = {
    When.BETTER: "what is better",
    When.NOT_WORSE: "what is not worse",
    When.NEVER: "nothing by itself",
}


def _result(db: Session, decision_id: UUID) -> Json:
    decision = decisions.get_decision(db, decision_id)
    return {"decision_id": str(decision.id), "kind": decision.kind, "reason": decision.reason}
