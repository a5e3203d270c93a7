"""Stages that learn: verifiers judge the candidates, verdicts become pairs, pairs an adapter.

Each is another room's work, asked for and watched here. What a preference is, the configuration's
rules say; whether it made the agent better is `proving`'s to find out.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from camel_ext.annotations import (
    BatchStart,
    JudgeKind,
    cancel_batch,
    get_batch,
    start_batch,
    verifier_version,
)
from camel_ext.datasets import (
    DatasetBuild,
    PairRules,
    cancel_build,
    get_version,
    start_build,
)
from camel_ext.experiments.config import ScorerEntry
from camel_ext.experiments.errors import NothingLearnable, StageFailed
from camel_ext.experiments.models import StageName
from camel_ext.experiments.sampling import first_error
from camel_ext.experiments.setting import inputs_of, target_name
from camel_ext.experiments.stages import Json, Look, Plain, Way, look_of
from camel_ext.interactions import list_candidates
from camel_ext.registry import resolve_version
from camel_ext.training import TrainingStart, cancel_training, get_training, start_training
from camel_ext.workflows import DefinitionKind, get_definition, workflow_of

BATCH_ROWS = 5_000  # candidates of one batch: it may name 10,000


@dataclass(frozen=True, slots=True)
class JudgeCandidates(Plain):
    """Have every scorer that makes preferences judge every candidate."""

    name: StageName = StageName.JUDGE

    def plan(self, db: Session, way: Way) -> list[Json]:
        """One batch for each scorer; for each goal, too, where its parameters are the goal's."""
        workflow = workflow_of(
            get_definition(db, DefinitionKind.WORKFLOW, way.improvement.workflow)
        )
        by_goal = candidates_by_goal(db, way)
        planned: list[Json] = []
        for name in way.config.judges:
            scorer = way.config.scorers[name]
            for ids, params in _parts(scorer, by_goal, workflow):
                for first in range(0, len(ids), BATCH_ROWS):
                    part = ids[first : first + BATCH_ROWS]
                    planned.append({"scorer": name, "params": params, "ids": part})
        return planned

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start a batch."""
        asked = BatchStart(
            verifier=way.config.scorers[wanted["scorer"]].verify,
            params=wanted["params"],
            interaction_ids=[UUID(each) for each in wanted["ids"]],
        )
        asker = way.asker
        return start_batch(db, asker.clock, asker.new_id, asker.principal_id, asked).id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """How many candidates are judged."""
        batch = get_batch(db, child)
        return look_of(
            batch.state,
            done=batch.done,
            total=batch.total or 1,
            error=(batch.error_code, batch.error_detail),
        )

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Say how many verdicts there are, and how each scorer found the candidates."""
        if not all(look.good for look in looks.values()):
            raise StageFailed(f"the candidates could not be judged: {first_error(looks)}")
        scorers: dict[str, Json] = {}
        wanted = way.stages[self.name].planned
        for child, planned in zip(looks, wanted, strict=True):
            batch = get_batch(db, child)
            row = scorers.setdefault(planned["scorer"], {"passed": 0, "failed": 0, "unfound": 0})
            for key in row:
                row[key] += getattr(batch, key)
        found = sum(row["passed"] + row["failed"] for row in scorers.values())
        candidates = {each for planned in wanted for each in planned["ids"]}
        return {"judgements": found, "candidates": len(candidates), "scorers": scorers}

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel a batch."""
        cancel_batch(db, way.asker.clock, child)


def candidates_by_goal(db: Session, way: Way) -> list[tuple[Any, list[str]]]:
    """Return each fork's goal with its candidates: the original and every further answer."""
    found: list[tuple[Any, list[str]]] = []
    for planned in way.stages[StageName.FORK].planned:
        rows = list_candidates(db, UUID(planned["interaction_id"]))
        found.append((planned["goal"], [str(row.id) for row in rows if row.error_code is None]))
    return found


def _parts(
    scorer: ScorerEntry, by_goal: list[tuple[Any, list[str]]], workflow: Any
) -> list[tuple[list[str], Json]]:
    if not scorer.per_goal:
        return [([each for _, ids in by_goal for each in ids], dict(scorer.params))]
    return [(ids, params_of(scorer, inputs_of(workflow, goal))) for goal, ids in by_goal]


def _judge(scorer: ScorerEntry) -> str:
    """Return how a dataset names a scorer: with the version of its parameters where there is one."""
    if scorer.per_goal:  # each goal has its own
        return scorer.verify
    return f"{scorer.verify}@{verifier_version(scorer.verify, scorer.params, {})}"


def params_of(scorer: ScorerEntry, given: Json) -> Json:
    """Return a scorer's parameters for one goal."""
    mine = {parameter: given[field] for parameter, field in scorer.per_goal.items()}
    return {**scorer.params, **mine}


@dataclass(frozen=True, slots=True)
class BuildPairs(Plain):
    """Freeze a dataset version of the preferences among the candidates."""

    name: StageName = StageName.PAIR

    def plan(self, db: Session, way: Way) -> list[Json]:  # noqa: ARG002
        """One version."""
        return [{"dataset": f"{way.improvement.workflow}-pairs"}]

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start its build."""
        entry, scorers = way.config.pairs, way.config.scorers
        ids = [UUID(each) for _, found in candidates_by_goal(db, way) for each in found]
        chosen = entry.model_dump(exclude={"by"})
        rules = PairRules(
            **chosen,
            judges=[_judge(scorers[name]) for name in way.config.judges],
            judge_kinds=[JudgeKind.VERIFIER],
            seed=way.seed("pairs"),
        )
        asked = DatasetBuild(name=wanted["dataset"], interaction_ids=ids, rules=rules)
        asker = way.asker
        return start_build(db, asker.clock, asker.new_id, asker.principal_id, asked).id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """How far the build is."""
        version = get_version(db, child)
        return look_of(version.state, error=(version.error_code, version.error_detail))

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Say what the version holds; too few pairs teach nothing, and are said so."""
        child, look = next(iter(looks.items()))
        if not look.good:
            raise NothingLearnable(f"no dataset could be built: {first_error(looks)}")
        version = get_version(db, child)
        if version.pairs < way.config.train.min_pairs:
            raise NothingLearnable(
                f"the candidates hold {version.pairs} pairs, fewer than `train.min_pairs` "
                f"({way.config.train.min_pairs}): take more goals or a larger `sample.count`, or a "
                "scorer that some answers pass and some do not"
            )
        return {"pairs": version.pairs, "hash": version.content_hash, "version": version.number}

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel the build."""
        cancel_build(db, way.asker.clock, child)


@dataclass(frozen=True, slots=True)
class TrainAdapter(Plain):
    """Train a LoRA adapter on the pairs."""

    name: StageName = StageName.TRAIN

    def plan(self, db: Session, way: Way) -> list[Json]:
        """One training."""
        entry = way.config.train
        adapter = entry.adapter or way.improvement.workflow
        base = resolve_version(db, way.improvement.baseline_version_id).version_id
        return [{"adapter": adapter, "base": target_name(db, base)}]

    def start(self, db: Session, way: Way, wanted: Json) -> UUID:
        """Start it."""
        entry, asker = way.config.train, way.asker
        asked = TrainingStart(
            name=wanted["adapter"],
            dataset_version_id=way.children(StageName.PAIR)[0],
            base=wanted["base"],
            preset=entry.preset,
            hyper=entry.hyper,
            seed=way.seed("train"),
            priority=way.improvement.priority,
        )
        return start_training(db, asker.clock, asker.new_id, asker.principal_id, asked).id

    def look(self, db: Session, way: Way, child: UUID) -> Look:  # noqa: ARG002
        """At which step it is."""
        training = get_training(db, child)
        progress = training.progress or {}
        return look_of(
            training.state,
            done=progress.get("step") or 0,
            total=progress.get("steps") or 1,
            words=str(progress.get("phase") or ""),
            error=(training.error_code, training.error_detail),
        )

    def end(self, db: Session, way: Way, looks: dict[UUID, Look]) -> Json:
        """Note the adapter that came of it."""
        child, look = next(iter(looks.items()))
        training = get_training(db, child)
        if not look.good or training.adapter_version_id is None:
            advice = f" {training.error_advice}" if training.error_advice else ""
            raise StageFailed(f"the training failed: {first_error(looks)}{advice}")
        way.improvement.candidate_version_id = training.adapter_version_id
        return {"adapter_version_id": str(training.adapter_version_id), **(training.result or {})}

    def stop(self, db: Session, way: Way, child: UUID) -> None:
        """Cancel the training; it leaves a checkpoint."""
        cancel_training(db, way.asker.clock, child)
