"""Routes of improvements, certificates, decisions and error budgets.

Shapes of answers are below; they are plain dicts. A newer server may send more than stands here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from camel_ext_client.pages import each
from camel_ext_client.shapes import Page, State
from camel_ext_client.transport import Transport

IMPROVEMENTS = "/api/v1/improvements"
CERTIFICATES = "/api/v1/certificates"
DECISIONS = "/api/v1/decisions"


class Stage(TypedDict):
    """One stage of an improvement."""

    name: str
    state: State
    children: list[str]
    result: dict[str, Any] | None
    started_at: str
    finished_at: str | None
    wall_s: float | None


class Improvement(TypedDict):
    """One turn of the loop; `config` and `stages` are in a single one, not in lists."""

    id: str
    workflow: str
    agent: str
    alias: str
    baseline_version_id: str
    candidate_version_id: str | None
    seed: int
    policy_hash: str
    state: State
    waiting_for: str | None
    stage: str | None
    cycle: int | None
    alpha: float | None
    verdict: str | None
    certificate_id: str | None
    decision_id: str | None
    live_run_id: str | None
    error_code: str | None
    error_detail: str | None
    principal_id: str
    trace_id: str
    revision: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    config: dict[str, Any]
    stages: list[Stage]


class Decision(TypedDict):
    """What was decided about an alias."""

    id: str
    kind: Literal["promotion", "refusal", "rollback"]
    alias: str
    workflow: str | None
    from_targets: list[dict[str, Any]]
    to_targets: list[dict[str, Any]]
    improvement_id: str | None
    certificate_id: str | None
    undoes_id: str | None
    policy_hash: str | None
    evidence: dict[str, Any]
    automatic: bool
    override: bool
    principal_id: str
    reason: str
    created_at: str


class Listed(TypedDict):
    """A certificate in a list."""

    id: str
    number: int
    improvement_id: str
    workflow: str
    verdict: str
    content_hash: str
    created_at: str


class Budget(TypedDict):
    """A workflow's error budget."""

    workflow: str
    level: float
    cycles: int
    spent: float
    next_alpha: float


class Improvements:
    """`client.improvements`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def start(
        self,
        workflow: str,
        config: Mapping[str, Any],
        *,
        seed: int | None = None,
        priority: int = 0,
    ) -> Improvement:
        """Start improving a workflow as improve.yaml says."""
        body = {"workflow": workflow, "config": dict(config), "seed": seed, "priority": priority}
        return cast(Improvement, self._transport.create(IMPROVEMENTS, body))

    def plan(self, workflow: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an improvement would do and could prove; nothing is started."""
        body = {"workflow": workflow, "config": dict(config)}
        found = self._transport.send("POST", f"{IMPROVEMENTS}/plan", body=body)
        return cast(dict[str, Any], found)

    def list(
        self,
        *,
        state: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Improvement]:
        """Return a page of improvements, newest first."""
        found = self._transport.get(
            IMPROVEMENTS, state=state, workflow=workflow, limit=limit, cursor=cursor
        )
        return cast(Page[Improvement], found)

    def each(self, *, workflow: str | None = None) -> Iterator[Improvement]:
        """Yield all improvements, newest first."""
        return each(lambda at: self.list(workflow=workflow, limit=200, cursor=at))

    def get(self, improvement_id: str) -> Improvement:
        """Return one improvement with its stages."""
        return cast(Improvement, self._transport.get(f"{IMPROVEMENTS}/{improvement_id}"))

    def cancel(self, improvement_id: str) -> Improvement:
        """Stop an improvement and what it started."""
        found = self._transport.send("POST", f"{IMPROVEMENTS}/{improvement_id}/cancel")
        return cast(Improvement, found)

    def resume(self, improvement_id: str) -> Improvement:
        """Go on with one that failed or was cancelled."""
        found = self._transport.send("POST", f"{IMPROVEMENTS}/{improvement_id}/resume")
        return cast(Improvement, found)

    def promote(self, improvement_id: str, *, reason: str = "", override: bool = False) -> Decision:
        """Promote its candidate: the alias moves."""
        body = {"reason": reason, "override": override}
        found = self._transport.create(f"{IMPROVEMENTS}/{improvement_id}/promote", body)
        return cast(Decision, found)

    def refuse(self, improvement_id: str, *, reason: str = "") -> Decision:
        """Refuse its candidate: the alias stays."""
        found = self._transport.create(
            f"{IMPROVEMENTS}/{improvement_id}/refuse", {"reason": reason}
        )
        return cast(Decision, found)

    def budgets(self) -> Sequence[Budget]:
        """Return the error budget of each workflow that took a look."""
        return cast(Sequence[Budget], self._transport.get("/api/v1/error-budgets"))


class Certificates:
    """`client.certificates`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, workflow: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Listed]:
        """Return a page of certificates, newest first."""
        found = self._transport.get(CERTIFICATES, workflow=workflow, limit=limit, cursor=cursor)
        return cast(Page[Listed], found)

    def get(self, certificate_id: str) -> dict[str, Any]:
        """Return one certificate, with the decision made on it."""
        return cast(dict[str, Any], self._transport.get(f"{CERTIFICATES}/{certificate_id}"))

    def html(self, certificate_id: str) -> bytes:
        """Return one certificate as a page that opens offline."""
        return self._transport.read(f"{CERTIFICATES}/{certificate_id}/html")

    def markdown(self, certificate_id: str) -> bytes:
        """Return one certificate as Markdown."""
        return self._transport.read(f"{CERTIFICATES}/{certificate_id}/markdown")


class Decisions:
    """`client.decisions`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, *, alias: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Decision]:
        """Return a page of decisions, newest first."""
        found = self._transport.get(DECISIONS, alias=alias, limit=limit, cursor=cursor)
        return cast(Page[Decision], found)

    def get(self, decision_id: str) -> Decision:
        """Return one decision."""
        return cast(Decision, self._transport.get(f"{DECISIONS}/{decision_id}"))

    def roll_back(self, alias: str, *, reason: str = "") -> Decision:
        """Take the last promotion of an alias back."""
        body = {"alias": alias, "reason": reason}
        return cast(Decision, self._transport.create(f"{DECISIONS}/rollback", body))
