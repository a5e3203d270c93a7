"""What the wire accepts and shows of configurations, workflows, runs and turns."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from camel_ext.core.models import State, WaitingFor
from camel_ext.core.paging import Place, decode_cursor
from camel_ext.interactions import Purpose
from camel_ext.registry import Name
from camel_ext.workflows.models import DefinitionKind, TurnKind

WITHOUT_NUL = r"^[^\x00]*$"  # PostgreSQL keeps no text with one
Tag = Annotated[str, Field(min_length=1, max_length=64, pattern=WITHOUT_NUL)]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)]
PinnedModel = Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)]


def _storable(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what Python's JSON reader lets through, and nobody could store or show again."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    except ValueError:
        raise ValueError("it holds a number that is not finite") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return value


class Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _shown_with(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class BudgetsGiven(Wire):
    """Limits of a run; what is left out is as the workflow says."""

    max_turns: int | None = Field(None, ge=1, le=1_000_000, description="Model and tool calls.")
    max_tokens: int | None = Field(None, ge=1, le=10**12, description="Tokens in and out.")
    max_seconds: float | None = Field(None, gt=0, le=10**9, description="Seconds of running.")
    max_cost_usd: float | None = Field(None, ge=0, le=10**9, description="Cost of model calls.")


class RunStart(Wire):
    """What a run is asked for with."""

    model_config = _shown_with(
        {
            "workflow": "solve",
            "input": {"goal": "Name three rivers of Europe."},
            "budgets": {"max_turns": 40},
            "tags": ["topic:rivers"],
        }
    )

    workflow: Name = Field(description="Name of the workflow.", examples=["solve"])
    input: Annotated[dict[str, Any], AfterValidator(_storable)] = Field(
        {}, description="What it asks for, by name."
    )
    budgets: BudgetsGiven = Field(BudgetsGiven(), description="Limits of this run.")
    seed: int | None = Field(None, ge=0, lt=2**31, description="Null: a random one, recorded.")
    single_step: bool = Field(False, description="Pause after each turn.")
    priority: int = Field(0, ge=-100, le=100, description="Higher is executed first.")
    session: str | None = Field(
        None, max_length=120, pattern=WITHOUT_NUL, description="Groups runs of one user."
    )
    tags: list[Tag] = Field([], max_length=20, description="Words to find it by.")
    purpose: Literal["run", "sample", "eval"] = Field(
        "run", description="Why: answers to `eval` are never learnt from."
    )
    models: dict[Name, PinnedModel] = Field(
        {},
        max_length=50,
        description="What aliases stand for in this run: `model`, `model/adapter@2`, or a version's "
        "id. Left out, what they stand for now.",
        examples=[{"thinker": "bundled/brief@2"}],
    )


class RunFilter(Wire):
    """Which runs; what is left out does not matter."""

    state: State | None = Field(None, description="Only runs in this state.")
    workflow: Word | None = Field(None, description="Only runs of this workflow.")
    purpose: Purpose | None = Field(None, description="Only runs for this.")
    session: Word | None = Field(None, description="Only runs of this session.")
    parent_run_id: UUID | None = Field(None, description="Only retries of this run.")
    tag: Word | None = Field(None, description="Only runs with this tag.")
    text: Word | None = Field(None, description="Found in what it was given, such as its goal.")
    since: AwareDatetime | None = Field(None, description="Asked for at or after this time.")
    until: AwareDatetime | None = Field(None, description="Asked for before this time.")


class RunQuery(RunFilter):
    """A filter and the page that is wanted of it."""

    limit: int = Field(50, ge=1, le=500, description="Rows a page.")
    cursor: str | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def place(self) -> Place:
        return Place(self.limit, None if self.cursor is None else decode_cursor(self.cursor))


class RunShown(Shown):
    id: UUID = Field(description="Its id.")
    workflow: str = Field(description="Name of the workflow.")
    workflow_version_id: UUID = Field(description="The version that runs.")
    purpose: Purpose = Field(description="Why it is run.")
    state: State = Field(description="One of the six states.")
    waiting_for: WaitingFor | None = Field(description="For whom it waits.")
    waiting_detail: str | None = Field(description="What it waits for.")
    input: dict[str, Any] = Field(description="What it was given.")
    output: Any = Field(description="What it gave; null before it succeeded.")
    error_code: str | None = Field(description="Stable code of its failure.")
    error_detail: str | None = Field(description="What happened.")
    resolved: dict[str, Any] = Field(description="The versions it runs with, by name.")
    budgets: dict[str, Any] = Field(description="Its limits.")
    seed: int = Field(description="All its sampling is drawn from this.")
    single_step: bool = Field(description="Pauses after each turn.")
    parent_run_id: UUID | None = Field(description="The run it retries.")
    prefix_seq: int = Field(description="How many turns of the parent it starts from.")
    session: str | None = Field(description="Groups runs of one user.")
    tags: list[str] = Field(description="Words to find it by.")
    turns: int = Field(description="Number of its last turn.")
    prompt_tokens: int = Field(description="Tokens read.")
    completion_tokens: int = Field(description="Tokens written.")
    cost_usd_micros: int = Field(description="Cost in millionths of a dollar.")
    running_ms: int = Field(description="Time spent running.")
    principal_id: UUID = Field(description="Who started it.")
    trace_id: str = Field(description="Ties it to interactions and logs.")
    revision: int = Field(description="Its ETag.")
    created_at: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When it began.")
    finished_at: datetime | None = Field(description="When it ended.")


class TurnShown(Shown):
    model_config = _shown_with(
        {
            "run_id": "0190f3c2-0000-7000-8000-000000000000",
            "seq": 3,
            "step_key": "solve[0]/act/tool[0]",
            "kind": "tool",
            "name": "python",
            "interaction_id": None,
            "input": {"code": "print(6 * 7)"},
            "output": {"text": "42\n", "state": "9f2c"},
            "total_ms": 61.5,
            "created_at": "2026-01-31T12:00:00.123456Z",
        }
    )

    run_id: UUID = Field(description="The run that did it: this one, or the one it retries.")
    seq: int = Field(description="Its number, in the order of commit, from 1.")
    step_key: str = Field(description="Path through steps, rounds, candidates and calls.")
    kind: TurnKind = Field(description="Model, tool or verify.")
    name: str = Field(description="The agent, tool or verifier.")
    interaction_id: UUID | None = Field(description="Prompt and answer of a model turn.")
    input: Any = Field(description="Arguments of a tool or check.")
    output: Any = Field(description="Result of a tool or check.")
    total_ms: float = Field(description="How long it took.")
    created_at: datetime = Field(description="When it was committed.")


class TurnsShown(BaseModel):
    items: list[TurnShown] = Field(description="In order.")
    next_after: int | None = Field(description="Send it as `after` for more; null: that is all.")


class Decision(Wire):
    """What is known about a call that may or may not have happened."""

    model_config = _shown_with(
        {"step_key": "send/tool[0]", "decision": "happened", "result": "sent"},
        {"step_key": "send/tool[0]", "decision": "repeat"},
    )

    step_key: str = Field(
        max_length=1000, pattern=WITHOUT_NUL, description="The call, from the run's waiting_detail."
    )
    decision: Literal["happened", "repeat"] = Field(
        description="`happened`: take `result` as its result. `repeat`: it did not, call it."
    )
    result: str = Field(
        "", max_length=200_000, pattern=WITHOUT_NUL, description="What the tool answered."
    )


class Resume(Wire):
    model_config = _shown_with({"budgets": {"max_turns": 80}})

    budgets: BudgetsGiven = Field(BudgetsGiven(), description="Limits to raise.")
    single_step: bool | None = Field(None, description="Change whether it pauses each turn.")


class Retry(Wire):
    model_config = _shown_with({"step_key": "solve[2]/review", "seed": 7})

    step_key: str | None = Field(
        None,
        max_length=1000,
        pattern=WITHOUT_NUL,
        description="Do this turn and all after it anew; null: everything after the last turn.",
    )
    seed: int | None = Field(None, ge=0, lt=2**31, description="Null: the run's own seed.")


FileName = Literal["agents.yaml", "workflows.yaml", "models.yaml"]


class ConfigurationApply(Wire):
    model_config = _shown_with(
        {"files": {"agents.yaml": "agents:\n  proposer: {model: small, system: You plan.}\n"}}
    )

    name: Name = Field("main", description="Name of this set of files in the project.")
    files: dict[FileName, str] = Field(description="Text of each file, as it stands.", min_length=1)
    dry_run: bool = Field(False, description="Only check, and say what would change.")


ChangeWord = Literal["added", "changed", "revised", "unchanged", "retired"]


class Change(BaseModel):
    kind: str = Field(description="agent, workflow, model or alias.")
    name: str = Field(description="Its name.")
    change: ChangeWord = Field(
        description="What happens; `revised`: told otherwise, with the same content."
    )
    content_hash: str | None = Field(None, description="Of its new content.")


class ProblemShown(Shown):
    """One thing about a file, and where; errors of a 422 have the same fields."""

    file: str = Field(description="The file.")
    line: int = Field(description="From 1.")
    column: int = Field(description="From 1.")
    field: str = Field(description="What it is about, `workflows.solve.steps[0].agent`.")
    message: str = Field(description="What it is.")
    fix: str = Field(description="What would be right; may be empty.")
    severity: Literal["error", "warning"] = Field(description="Errors refuse the files.")


class Applied(BaseModel):
    name: str = Field(description="Name of the configuration.")
    revision: int = Field(description="Its revision now.")
    dry_run: bool = Field(description="True: nothing was written.")
    changes: list[Change] = Field(description="By kind and name.")
    warnings: list[str] = Field([], description="What is allowed and probably not meant.")
    problems: list[ProblemShown] = Field([], description="The warnings, each with its place.")


class ConfigurationShown(Shown):
    name: str = Field(description="Its name.")
    revision: int = Field(description="Its revision.")
    files: dict[str, str] = Field(description="Text of each file, comments and all.")
    updated_at: datetime = Field(description="When it was last applied.")


class Restore(Wire):
    model_config = _shown_with({"dry_run": True})

    dry_run: bool = Field(False, description="Only check, and say what would change.")


class RevisionListed(Shown):
    revision: int = Field(description="Its number.")
    principal_id: UUID = Field(description="Who applied it.")
    created_at: datetime = Field(description="When.")
    changed: list[str] = Field(description="Files that differ from the revision before.")


class RevisionsShown(BaseModel):
    items: list[RevisionListed] = Field(description="Newest first.")
    next_before: int | None = Field(description="Send it as `before` for older ones; null: end.")


class RevisionShown(Shown):
    revision: int = Field(description="Its number.")
    files: dict[str, str] = Field(description="Text of each file, as it was.")
    principal_id: UUID = Field(description="Who applied it.")
    created_at: datetime = Field(description="When.")


class DefinitionShown(BaseModel):
    kind: DefinitionKind = Field(description="Agent or workflow.")
    name: str = Field(description="Its name.")
    version_id: UUID = Field(description="Its current version.")
    content_hash: str = Field(description="What names the version.")
    content: dict[str, Any] = Field(description="Canonical content.")
    configuration: str = Field(description="The configuration it stands in.")
    updated_at: datetime = Field(description="When its version last changed.")


class ToolShown(BaseModel):
    name: str = Field(description="Its name.")
    description: str = Field(description="What it does.")
    parameters: dict[str, Any] = Field(description="JSON Schema of its arguments.")
    idempotent: bool = Field(description="False: never called twice without a person's word.")
