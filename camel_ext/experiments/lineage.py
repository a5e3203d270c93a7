"""Where a model's version comes from: from those who judged to the alias that it answers for.

A graph of what is written elsewhere: the adapter, its base, the training, the pairs it learnt from
and what these rest on, certificates, decisions, aliases. It is read and keeps nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from camel_ext.core.paging import Place
from camel_ext.datasets import SourceKind, get_version, trace_version
from camel_ext.experiments.models import Certificate, Decision, Improvement
from camel_ext.experiments.schemas_lineage import (
    LineageEdge,
    LineageNode,
    NodeKind,
    VersionLineage,
)
from camel_ext.experiments.setting import target_name
from camel_ext.registry import get_version as get_model_version
from camel_ext.registry import list_aliases
from camel_ext.training import TrainingJob, list_trainings_of

TRAININGS = 3  # equal pairs and parameters give equal adapters: a version may have several
JUDGES = 20
IMPROVEMENTS = 10
ALIASES = 500


@dataclass(slots=True)
class _Graph:
    """Nodes by name, and edges from what was first to what came of it."""

    nodes: dict[str, LineageNode] = field(default_factory=dict)
    edges: list[LineageEdge] = field(default_factory=list)

    def add(
        self,
        kind: NodeKind,
        ref: UUID | str,
        label: str,
        *,
        into: str | None = None,
        out_of: Iterable[str] = (),
        count: int | None = None,
        detail: str | None = None,
    ) -> str:
        name = f"{kind}:{ref}"
        self.nodes.setdefault(
            name,
            LineageNode(id=name, kind=kind, ref=str(ref), label=label, count=count, detail=detail),
        )
        if into is not None:
            self.link(name, into)
        for each in out_of:
            self.link(each, name)
        return name

    def link(self, source: str, target: str) -> None:
        edge = LineageEdge(source=source, target=target)
        if edge not in self.edges:
            self.edges.append(edge)


def trace_model(db: Session, version_id: UUID) -> VersionLineage:
    """Return what a version rests on and what was made of it; a bounded number of queries.

    Raises: VersionUnknown.
    """
    version = get_model_version(db, version_id)
    graph = _Graph()
    name = target_name(db, version_id)
    here = graph.add(NodeKind.VERSION, version_id, name, detail=version.content_hash)
    trainings = list_trainings_of(db, version_id, TRAININGS)
    for training in trainings:
        _training(db, graph, training, here)
    if version.base_version_id is not None:
        base_id = version.base_version_id
        base = graph.add(NodeKind.VERSION, base_id, target_name(db, base_id))
        for each in [f"{NodeKind.TRAINING}:{one.id}" for one in trainings] or [here]:
            graph.link(base, each)
    _proof(db, graph, version_id, here)
    for alias in list_aliases(db, Place(ALIASES))[0]:
        weights = [t["weight"] for t in alias.targets if t["version_id"] == str(version_id)]
        if weights and alias.retired_at is None:
            graph.add(NodeKind.ALIAS, alias.name, alias.name, out_of=[here], count=sum(weights))
    return VersionLineage(root=here, nodes=list(graph.nodes.values()), edges=graph.edges)


def _training(db: Session, graph: _Graph, training: TrainingJob, here: str) -> None:
    node = graph.add(
        NodeKind.TRAINING, training.id, training.name, into=here,
        detail=f"{training.preset}, {training.state}",
    )  # fmt: skip
    told = trace_version(db, training.dataset_version_id)
    dataset = graph.add(
        NodeKind.DATASET, training.dataset_version_id, training.dataset, into=node,
        count=told.pairs, detail=training.dataset_hash,
    )  # fmt: skip
    younger = dataset
    for parent_id in told.parent_ids:
        parent = get_version(db, parent_id)
        label = f"{parent.dataset}@{parent.number}"
        younger = graph.add(
            NodeKind.DATASET, parent_id, label, into=younger, count=parent.pairs,
            detail=parent.content_hash,
        )  # fmt: skip
    ref = training.dataset_version_id
    graph.add(NodeKind.RUNS, ref, "runs", into=dataset, count=told.runs)
    answers = graph.add(NodeKind.ANSWERS, ref, "answers", into=dataset, count=told.interactions)
    graph.link(f"{NodeKind.RUNS}:{ref}", answers)
    judged = graph.add(NodeKind.JUDGEMENTS, ref, "judgements", into=dataset, count=told.annotations)
    judges = [each for each in told.sources if each.kind == SourceKind.JUDGE]
    for judge in judges[:JUDGES]:
        graph.add(NodeKind.JUDGE, judge.ref, judge.label, into=judged, count=judge.pairs)


def _proof(db: Session, graph: _Graph, version_id: UUID, here: str) -> None:
    """Add what was found about the version and decided on it, newest first."""
    query = (
        select(Certificate)
        .join(Improvement, Improvement.id == Certificate.improvement_id)
        .where(Improvement.candidate_version_id == version_id)
        .order_by(Certificate.created_at.desc(), Certificate.id.desc())
        .limit(IMPROVEMENTS)
    )
    found = list(db.scalars(query))
    for certificate in found:
        graph.add(
            NodeKind.CERTIFICATE, certificate.id, f"C-{certificate.number:04d}", out_of=[here],
            detail=certificate.verdict,
        )  # fmt: skip
    for decision in _decisions(db, found):
        before = f"{NodeKind.CERTIFICATE}:{decision.certificate_id}"
        if decision.undoes_id is not None:
            before = f"{NodeKind.DECISION}:{decision.undoes_id}"
        out_of = [before] if before in graph.nodes else [here]
        graph.add(
            NodeKind.DECISION, decision.id, decision.kind, out_of=out_of, detail=decision.reason
        )


def _decisions(db: Session, certificates: Sequence[Certificate]) -> list[Decision]:
    """Return what was decided on these certificates, and what took that back, oldest first."""
    made = select(Decision.id).where(Decision.certificate_id.in_([c.id for c in certificates]))
    query = select(Decision).where(or_(Decision.id.in_(made), Decision.undoes_id.in_(made)))
    return list(db.scalars(query.order_by(Decision.created_at, Decision.id).limit(50)))
