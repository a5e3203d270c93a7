"""Certificates: gathering what an improvement found, issuing it once, and showing it with its decision.

The content is evidence and is never changed; the decision made on it is read beside it, because it may
come later, and be taken back. How it looks is `rendering`'s.
"""

import os
import platform
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from camel_ext import __version__
from camel_ext.core.hashing import content_hash
from camel_ext.core.outbox import publish
from camel_ext.core.paging import Place, fetch_page
from camel_ext.datasets import read_pairs
from camel_ext.evaluation import (
    Comparison,
    EvaluationCase,
    get_evaluation,
    get_suite_version,
    list_cases,
)
from camel_ext.experiments import decisions
from camel_ext.experiments.budget import get_budget
from camel_ext.experiments.config import each_goal
from camel_ext.experiments.errors import CertificateUnknown, NumberTaken
from camel_ext.experiments.events import CertificateIssued
from camel_ext.experiments.models import (
    Certificate,
    Decision,
    DecisionKind,
    Improvement,
    ImprovementStage,
    StageName,
)
from camel_ext.experiments.setting import target_name
from camel_ext.experiments.stages import Json, Way, list_stages
from camel_ext.identity import list_principals
from camel_ext.registry import get_version
from camel_ext.training import MetricKind, get_training, list_metrics

FORMAT = 1
EXAMPLES = {"broken": 20, "fixed": 5}
POINTS = 200  # of a curve


def issue(db: Session, way: Way, comparison: Comparison) -> Certificate:
    """Write down what an improvement found, once. Raises: NumberTaken, which may be retried."""
    improvement, asker = way.improvement, way.asker
    number = (db.scalar(select(func.max(Certificate.number))) or 0) + 1
    now = asker.clock.now()
    certificate_id = asker.new_id()
    content = {
        "format": FORMAT,
        "id": str(certificate_id),
        "number": number,
        "name": f"C-{number:04d}",
        "improvement_id": str(improvement.id),
        "issued_at": now.isoformat(),
        **_found(db, way, comparison),
        **_made_from(db, way),
        **_took(db, way, now),
    }
    certificate = Certificate(
        id=certificate_id,
        number=number,
        improvement_id=improvement.id,
        workflow=improvement.workflow,
        verdict=comparison.verdict,
        content=content,
        content_hash=content_hash(content),
        created_at=now,
    )
    try:
        with db.begin_nested():
            db.add(certificate)
    except IntegrityError as error:  # another process was first, on PostgreSQL
        raise NumberTaken() from error
    said = CertificateIssued(str(certificate_id), number, str(improvement.id), comparison.verdict)
    publish(db, asker.clock, said)
    db.flush()
    return certificate


def get_certificate(db: Session, certificate_id: UUID) -> Certificate:
    """Return a certificate as it was issued. Raises: CertificateUnknown."""
    certificate = db.scalar(select(Certificate).where(Certificate.id == certificate_id))
    if certificate is None:
        raise CertificateUnknown(f"there is no certificate {certificate_id}")
    return certificate


def list_certificates(
    db: Session, where: Place, workflow: str | None
) -> tuple[list[Certificate], str | None]:
    """Return a page of certificates, newest first."""
    query = select(Certificate)
    if workflow is not None:
        query = query.where(Certificate.workflow == workflow)
    return fetch_page(db, query, Certificate.created_at, Certificate.id, where)


def show_certificate(db: Session, certificate_id: UUID) -> Json:
    """Return a certificate with the newest decision that was made on it, and the first live run.

    Raises: CertificateUnknown.
    """
    certificate = get_certificate(db, certificate_id)
    improvement = db.get_one(Improvement, certificate.improvement_id)
    decision = _decision(db, improvement)
    promoted = decision is not None and decision["kind"] == DecisionKind.PROMOTION
    live = next(
        (row.result for row in list_stages(db, improvement.id) if row.name == "verify_live"), None
    )
    return {
        **certificate.content,
        "content_hash": certificate.content_hash,
        "decision_id": None if decision is None else decision["id"],
        "approved_by": decision["decided_by"] if decision and promoted else None,
        "decision": decision,
        "live": live,
    }


def evidence_of(db: Session, improvement: Improvement) -> Json:
    """Return the certificate of an improvement in short, as a decision carries it."""
    if improvement.certificate_id is None:
        return {}
    content = get_certificate(db, improvement.certificate_id).content
    names = ("name", "verdict", "effect", "interval", "level", "n", "topics")
    return {name: content[name] for name in names}


def _decision(db: Session, improvement: Improvement) -> Json | None:
    if improvement.decision_id is None:
        return None
    made = decisions.get_decision(db, improvement.decision_id)
    undone = decisions.find_undoing(db, made.id)
    return {
        "id": str(made.id),
        "kind": made.kind,
        "created_at": made.created_at.isoformat(),
        "automatic": made.automatic,
        "override": made.override,
        "principal_id": str(made.principal_id),
        "decided_by": _who(db, made),
        "reason": made.reason,
        "rolled_back_at": None if undone is None else undone.created_at.isoformat(),
    }


def _who(db: Session, made: Decision) -> str:
    names = {each.id: each.name for each in list_principals(db)}
    name = names.get(made.principal_id, str(made.principal_id))
    return f"the policy, for {name}" if made.automatic else name


# -- what it says ----------------------------------------------------------------------------------


def _found(db: Session, way: Way, comparison: Comparison) -> Json:
    """What the gate found, and the examination it rests on."""
    improvement, config, found = way.improvement, way.config, comparison.result
    primary = config.gate.primary
    before, after = found["kept"] + found["broken"], found["kept"] + found["fixed"]
    copied = ("effect", "alpha", "level", "needed", "p", "method", "n", "topics", "fixed", "broken",
              "kept", "still_wrong", "unscored", "about_n_more", "by_topic", "checks", "warnings",
              "reason")  # fmt: skip
    budget = get_budget(db, improvement.workflow, config.gate.level)
    return {
        "workflow": improvement.workflow,
        "agent": improvement.agent,
        "alias": improvement.alias,
        "primary": primary,
        "description": config.scorers[primary].description,
        "verdict": str(comparison.verdict),
        "interval": [found["low"], found["high"]],
        **{name: found[name] for name in copied},
        "baseline": _side(db, way, StageName.BASELINE, found["baseline"], before),
        "candidate": _side(db, way, StageName.CANDIDATE, found["candidate"], after),
        "guardrails": [
            {**rail, "description": _description(way, rail["measure"])}
            for rail in found["guardrails"]
        ],
        "examples": _examples(db, way),
        "cycle": improvement.cycle,
        "budget": {"level": budget.level, "spent": budget.spent, "cycles": budget.cycles},
        "policy": config.policy,
        "comparison_id": str(comparison.id),
        "seed": improvement.seed,
    }


def _side(db: Session, way: Way, stage: StageName, score: float, passed: int) -> Json:
    improvement = way.improvement
    is_candidate = stage == StageName.CANDIDATE
    version_id = (
        improvement.candidate_version_id if is_candidate else improvement.baseline_version_id
    )
    assert version_id is not None, "both were examined"
    return {
        "target": target_name(db, version_id),
        "version_id": str(version_id),
        "content_hash": get_version(db, version_id).content_hash,
        "evaluation_id": str(way.children(stage)[0]),
        "score": score,
        "passed": passed,
    }


def _description(way: Way, measure: str) -> str:
    scorer = way.config.scorers.get(measure)
    return "" if scorer is None else scorer.description


def _examples(db: Session, way: Way) -> Json:
    """Return goals that were broken or fixed with both answers, for people to read."""
    primary = way.config.gate.primary
    goals = [goal for _, goal in each_goal(way.config.heldout)]
    before = _cases(db, way, StageName.BASELINE)
    after = _cases(db, way, StageName.CANDIDATE)
    found: dict[str, list[Json]] = {kind: [] for kind in EXAMPLES}
    for position, (was, now) in enumerate(zip(before, after, strict=True)):
        good_before, good_now = _passed(was, primary), _passed(now, primary)
        if good_before == good_now:
            continue
        kind = "fixed" if good_now else "broken"
        if len(found[kind]) < EXAMPLES[kind]:
            goal = goals[position] if position < len(goals) else was.case_id
            found[kind].append(
                {"goal": _plain(goal), "before": _plain(was.answer), "after": _plain(now.answer)}
            )
    return found


def _cases(db: Session, way: Way, stage: StageName) -> list[EvaluationCase]:
    count = sum(len(goals) for goals in way.config.heldout.values())
    return list_cases(db, way.children(stage)[0], -1, count)


def _passed(case: EvaluationCase, scorer: str) -> bool:
    return bool((case.scores.get(scorer) or {}).get("state") == "passed")


def _plain(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    text = "(no answer)" if value is None else value if isinstance(value, str) else str(value)
    return text[:1_000]


def _made_from(db: Session, way: Way) -> Json:
    """What it was learnt from; all zero where nothing was, and a candidate was there already."""
    made: Json = {
        "made_from": {
            "runs": 0, "candidates": 0, "judgements": 0, "pairs": 0, "steps": 0, "dataset": None,
        },
        "training": {"id": None, "alarms": [], "curve": [], "hyper": {}},
        "pairs": 0,
        "leaked": 0,
    }  # fmt: skip
    if StageName.TRAIN not in way.stages:
        return made
    training = get_training(db, way.children(StageName.TRAIN)[0])
    pair, result = way.result(StageName.PAIR), way.result(StageName.TRAIN)
    metrics = list_metrics(db, training.id, MetricKind.STEP, limit=POINTS)
    curve = [[each.step, round(each.values["margin"], 4)] for each in metrics]
    made["made_from"] = {
        "runs": way.result(StageName.SAMPLE)["runs"],
        "candidates": way.result(StageName.JUDGE)["candidates"],
        "judgements": way.result(StageName.JUDGE)["judgements"],
        "pairs": pair["pairs"],
        "steps": result["steps"],
        "dataset": training.dataset,
    }
    alarms = [{"code": each["code"], "words": each["words"]} for each in training.alarms]
    made["training"] = {
        "id": str(training.id), "alarms": alarms, "curve": curve, "hyper": training.hyper,
    }  # fmt: skip
    made["pairs"] = pair["pairs"]
    made["leaked"] = _leaked(db, way)
    return made


def _leaked(db: Session, way: Way) -> int:
    """Return how many held-out goals are of a topic that some pair is of: there must be none."""
    pairs = read_pairs(db, way.children(StageName.PAIR)[0])
    learnt = {pair.topic.removeprefix("topic:").casefold() for pair in pairs}
    return sum(
        len(goals) for topic, goals in way.config.heldout.items() if topic.casefold() in learnt
    )


def _took(db: Session, way: Way, now: datetime) -> Json:
    """What it took, where it was measured, and what names each thing it rests on."""
    evaluations = [
        get_evaluation(db, way.children(stage)[0])
        for stage in (StageName.BASELINE, StageName.CANDIDATE)
    ]
    baseline, candidate = evaluations
    base_id = get_version(db, way.improvement.baseline_version_id)
    base = base_id if base_id.base_version_id is None else get_version(db, base_id.base_version_id)
    train = way.result(StageName.TRAIN) if StageName.TRAIN in way.stages else {}
    trained = train.get("adapter_sha256")
    pair = way.result(StageName.PAIR) if StageName.PAIR in way.stages else {}
    adapter_id = way.improvement.candidate_version_id
    assert adapter_id is not None, "a candidate was examined"
    stages: list[Json] = [
        {"name": str(row.name), "wall_s": round(_wall_s(row, now), 2)}
        for row in sorted(way.stages.values(), key=lambda row: row.position)
    ]
    paid = sum(each.cost_usd_micros for each in evaluations)
    asked = [each for each in (StageName.SAMPLE, StageName.FORK) if each in way.stages]
    paid += sum(way.result(each).get("cost_usd_micros", 0) for each in asked)
    return {
        "stages": stages,
        "wall_s": round(sum(each["wall_s"] for each in stages), 2),
        "cost": {"usd_micros": paid, "cpu_s": round(train.get("cpu_seconds", 0.0), 1)},
        "hashes": {
            "workflow": baseline.pinned["workflow"]["content_hash"],
            "suite": get_suite_version(db, baseline.suite_version_id).content_hash,
            "dataset": pair.get("hash"),
            "adapter": f"sha256:{trained}" if trained else get_version(db, adapter_id).content_hash,
            "base": base.content_hash,
            "policy": way.improvement.policy_hash,
        },
        "environment": _environment(candidate.engines),
    }


def _wall_s(row: ImprovementStage, now: datetime) -> float:
    return ((row.finished_at or now) - row.started_at).total_seconds()


def _environment(engines: list[Any]) -> Json:
    answered = sorted({f"{each['engine']}, {each['base']}" for each in engines})
    return {
        "platform": f"camel-extensions {__version__}",
        "engine": "; ".join(answered),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 0),
    }
