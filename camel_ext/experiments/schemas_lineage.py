"""What the wire shows of where a model's version comes from: a graph."""

from enum import StrEnum

from pydantic import BaseModel, Field


class NodeKind(StrEnum):
    """What stands at a node."""

    JUDGE = "judge"
    JUDGEMENTS = "judgements"
    RUNS = "runs"
    ANSWERS = "answers"
    DATASET = "dataset"
    TRAINING = "training"
    VERSION = "version"
    CERTIFICATE = "certificate"
    DECISION = "decision"
    ALIAS = "alias"


class LineageNode(BaseModel):
    id: str = Field(description="Its name in this graph.")
    kind: NodeKind = Field(description="What it is.")
    ref: str = Field(
        description="Its id; for runs, answers and judgements that of their dataset's version; an "
        "alias's name; a judge's id or name."
    )
    label: str = Field(description="What people call it.")
    count: int | None = Field(
        description="Runs, answers, judgements or pairs; a judge's pairs; an alias's weight."
    )
    detail: str | None = Field(description="Verdict, reason, preset or hash.")


class LineageEdge(BaseModel):
    source: str = Field(description="The node that was first.")
    target: str = Field(description="The node that rests on it.")


class VersionLineage(BaseModel):
    """From those who judged to the alias it answers for; of judges the 20 with most pairs."""

    root: str = Field(description="The node of the version that was asked for.")
    nodes: list[LineageNode] = Field(description="Each once.")
    edges: list[LineageEdge] = Field(description="Each once.")
