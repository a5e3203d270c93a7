"""Stages that make candidates: runs over the training goals, and further answers to each prompt.

A run is an ordinary one, of purpose `run`, tagged with its topic. A fork asks one turn of the agent
again, from the identical prompt; no tool is called. What the answers are worth is `learning`'s.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.core.models import State, WaitingFor
from camel_ext.core.paging import Place
from camel_ext.experiments.config import each_goal
from camel_ext.experiments.errors import StageFailed
from camel_ext.experiments.models import StageName
from camel_ext.experiments.setting import inputs_of
from camel_ext.experiments.stages import Json, Look, Plain, Way, look_of
from camel_ext.interactions import InteractionFilter, list_interactions
from camel_ext.workflows import (
    DefinitionKind,
    ForkStart,
    RunStart,
    Variant,
    cancel_fork,
    cancel_run,
    cost_of_fork,
    get_definition,
    get_fork,
    get_run,
    start_fork,
    start_run,
    workflow_of,
)

NEEDS_SOMEBODY = frozenset({WaitingFor.PERSON, WaitingFor.BUDGET, WaitingFor.PAUSE})
TURNS_PER_RUN = 500


@dataclass(frozen=True, slots=True)
class SampleRuns(Plain):
    """Run the workflow once over each training goal."""

    name: StageName = StageName.SAMPLE

    def plan(self, db: Session, way: Way) -> list[Json]:  # noqa: ARG002
        """One run for each goal."""
        return [{"topic": topic, "goal": goal} for topic, goal in each_goal(way.config.goals)]

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start a run."""
        workflow = get_definition(db, DefinitionKind.WORKFLOW, way.improvement.workflow)
        given = inputs_of(workflow_of(workflow), wanted["goal"])
        asked = RunStart(
            workflow=way.improvement.workflow,
            input=given,
            purpose="run",
            models={way.improvement.alias: str(way.improvement.baseline_version_id)},
            seed=way.seed("run", wanted["topic"], wanted["goal"]),
            priority=way.improvement.priority,
            tags=tags_of(way, wanted["topic"]),
        )
        return start_run(db, way.asker, asked).id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """A run that waits for somebody is over for us: nobody is asked in the middle of a loop."""
        run = get_run(db, child)
        if run.state == State.WAITING and run.waiting_for in NEEDS_SOMEBODY:
            detail = f"it waits for {run.waiting_for}: {run.waiting_detail or ''}"
            return Look(over=True, error=("experiments.run_waits", detail))
        return look_of(run.state, error=(run.error_code, run.error_detail))

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Say how many runs there are to learn from; one that failed is data, all are a failure."""
        for child, look in looks.items():
            if not look.good:
                self.stop(db, way, child)
        good = sum(look.good for look in looks.values())
        if not good:
            raise StageFailed(f"none of {len(looks)} runs succeeded: {first_error(looks)}")
        paid = sum(get_run(db, child).cost_usd_micros for child in looks)
        return {"runs": good, "failed": len(looks) - good, "cost_usd_micros": paid}

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel a run."""
        cancel_run(db, way.asker.clock, child, None)


@dataclass(frozen=True, slots=True)
class ForkTurns(Plain):
    """Ask each turn of the agent again, from the identical prompt."""

    name: StageName = StageName.FORK

    def plan(self, db: Session, way: Way) -> list[Json]:
        """One fork for each turn of the agent that ended in an answer."""
        runs, wanted = way.children(StageName.SAMPLE), way.stages[StageName.SAMPLE].planned
        planned = [
            {"interaction_id": str(turn["id"]), "turn": number, **asked}
            for run_id, asked in zip(runs, wanted, strict=True)
            for number, turn in enumerate(_turns(db, run_id, way.improvement.agent))
        ]
        if not planned:
            raise StageFailed(
                f"no run holds an answer of {way.improvement.agent!r}: look at one with "
                "`camel-ext show`"
            )
        return planned

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start a fork."""
        sample = way.config.sample
        given = sample.model_dump(include={"temperature", "top_p", "max_tokens"}, exclude_none=True)
        asked = ForkStart(
            interaction_id=UUID(wanted["interaction_id"]),
            samples=sample.count,
            variants=[Variant(**given)],
            seed=way.seed("fork", wanted["topic"], wanted["goal"], wanted["turn"]),
            priority=way.improvement.priority,
        )
        return start_fork(db, way.asker, asked).id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """How many answers it has."""
        fork = get_fork(db, child)
        return look_of(
            fork.state,
            done=fork.done + fork.failed,
            total=fork.total,
            error=(fork.error_code, fork.error_detail),
        )

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:  # noqa: ARG002
        """Say how many answers were added."""
        good = sum(look.good for look in looks.values())
        if not good:
            raise StageFailed(f"no prompt could be asked again: {first_error(looks)}")
        return {
            "forks": good,
            "failed": len(looks) - good,
            "samples": sum(get_fork(db, child).done for child in looks),
            "cost_usd_micros": sum(cost_of_fork(db, child) for child in looks),
        }

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel a fork."""
        cancel_fork(db, way.asker.clock, child)


def tags_of(way: Way, topic: str) -> list[str]:
    """Return the tags by which a run's topic and its improvement are found again."""
    return [f"topic:{topic}", f"improvement:{way.improvement.id}"]


def first_error(looks: dict[UUID, Look]) -> str:
    """Return what the first child that failed said."""
    for look in looks.values():
        if look.error is not None:
            return f"{look.error[1]} ({look.error[0]})"
    return "they were cancelled"


def _turns(db: Session, run_id: UUID, agent: str) -> list[dict[str, Any]]:
    """Return the calls of an agent in a run that ended well, oldest first."""
    wanted = InteractionFilter(run_id=run_id, agent_id=agent, failed=False)
    found = list_interactions(db, wanted, Place(TURNS_PER_RUN)).items
    return [row for row in reversed(found) if row["answer_preview"]]
