"""Routes of suites, evaluations, judgings and comparisons.

Written by `make client` from `evaluation.py`: change that one.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from camel_ext_client.aio.pages import each
from camel_ext_client.aio.transport import AsyncTransport
from camel_ext_client.evaluation import (
    COMPARISONS,
    EVALUATIONS,
    JUDGINGS,
    SUITES,
    VERSIONS,
    _target,
)
from camel_ext_client.shapes import Page
from camel_ext_client.shapes_evaluation import (
    Comparison,
    Evaluation,
    EvaluationCase,
    EvaluationCases,
    Judging,
    Plan,
    Suite,
    SuiteVersion,
    WholeSuiteVersion,
)
from camel_ext_client.transport import Json


class Suites:
    """`client.suites`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def define(self, name: str, **content: Any) -> SuiteVersion:
        """Define a suite, or its next version: `cases`, `scorers`, `primary`, `description`."""
        return cast(SuiteVersion, await self._transport.create(SUITES, {"name": name, **content}))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Suite]:
        """Return a page of suites, newest first."""
        return cast(Page[Suite], await self._transport.get(SUITES, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Suite]:
        """Yield all suites, newest first."""
        return each(lambda at: self.list(limit=200, cursor=at))

    async def get(self, name: str) -> Suite:
        """Return a suite."""
        return cast(Suite, await self._transport.get(f"{SUITES}/{name}"))

    async def versions(
        self, name: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[SuiteVersion]:
        """Return a page of a suite's versions, newest first, without their cases."""
        found = await self._transport.get(f"{SUITES}/{name}/versions", limit=limit, cursor=cursor)
        return cast(Page[SuiteVersion], found)

    def each_version(self, name: str) -> AsyncIterator[SuiteVersion]:
        """Yield all versions of a suite, newest first."""
        return each(lambda at: self.versions(name, limit=200, cursor=at))

    async def version(self, version_id: str) -> WholeSuiteVersion:
        """Return a version with its cases."""
        return cast(WholeSuiteVersion, await self._transport.get(f"{VERSIONS}/{version_id}"))


class Evaluations:
    """`client.evaluations`, with `.judgings`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.judgings = Judgings(transport)

    async def start(
        self,
        suite: str,
        *,
        workflow: str | None = None,
        model: str | None = None,
        models: Mapping[str, str] | None = None,
        seed: int = 0,
        parallel: int = 16,
        reuse: bool = True,
        priority: int = 0,
    ) -> Evaluation:
        """Evaluate a workflow, with aliases pinned by `models`, or a model by itself."""
        body = _target(suite, workflow, model, models) | {
            "seed": seed,
            "parallel": parallel,
            "reuse": reuse,
            "priority": priority,
        }
        return cast(Evaluation, await self._transport.create(EVALUATIONS, body))

    async def plan(
        self,
        suite: str,
        *,
        workflow: str | None = None,
        model: str | None = None,
        models: Mapping[str, str] | None = None,
        policy: Mapping[str, Any] | None = None,
        alpha: float | None = None,
        seed: int = 0,
    ) -> Plan:
        """Say what such an evaluation could show, and what it would take."""
        body = _target(suite, workflow, model, models) | {"alpha": alpha, "seed": seed}
        body["policy"] = None if policy is None else dict(policy)
        return cast(Plan, await self._transport.send("POST", f"{EVALUATIONS}/plan", body=body))

    async def list(
        self, *, suite: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Evaluation]:
        """Return a page of evaluations, newest first."""
        found = await self._transport.get(EVALUATIONS, suite=suite, limit=limit, cursor=cursor)
        return cast(Page[Evaluation], found)

    def each(self, *, suite: str | None = None) -> AsyncIterator[Evaluation]:
        """Yield all evaluations, newest first."""
        return each(lambda at: self.list(suite=suite, limit=200, cursor=at))

    async def get(self, evaluation_id: str) -> Evaluation:
        """Return one evaluation, and how far it is."""
        return cast(Evaluation, await self._transport.get(f"{EVALUATIONS}/{evaluation_id}"))

    async def cases(
        self, evaluation_id: str, *, after: int = -1, limit: int = 100
    ) -> EvaluationCases:
        """Return cases after a position, in the suite's order."""
        path = f"{EVALUATIONS}/{evaluation_id}/cases"
        return cast(EvaluationCases, await self._transport.get(path, after=after, limit=limit))

    async def each_case(self, evaluation_id: str) -> AsyncIterator[EvaluationCase]:
        """Yield all cases, in the suite's order."""
        after: int | None = -1
        while after is not None:
            page = await self.cases(evaluation_id, after=after, limit=500)
            for item in page["items"]:
                yield item
            after = page["next_after"]

    async def cancel(self, evaluation_id: str) -> Evaluation:
        """Stop an evaluation for good; what it found until now stays."""
        path = f"{EVALUATIONS}/{evaluation_id}/cancel"
        return cast(Evaluation, await self._transport.send("POST", path))


class Judgings:
    """`client.evaluations.judgings`: judges that see the answers of two evaluations."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def start(
        self, baseline_id: str, candidate_id: str, scorer: str, *, seed: int = 0
    ) -> Judging:
        """Let a judge of the suite look at both."""
        body: Json = {
            "baseline_id": baseline_id,
            "candidate_id": candidate_id,
            "scorer": scorer,
            "seed": seed,
        }
        return cast(Judging, await self._transport.create(JUDGINGS, body))

    async def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Judging]:
        """Return a page of judgings, newest first."""
        return cast(Page[Judging], await self._transport.get(JUDGINGS, limit=limit, cursor=cursor))

    def each(self) -> AsyncIterator[Judging]:
        """Yield all judgings, newest first."""
        return each(lambda at: self.list(limit=50, cursor=at))

    async def get(self, judging_id: str) -> Judging:
        """Return one judging, and how far it is."""
        return cast(Judging, await self._transport.get(f"{JUDGINGS}/{judging_id}"))

    async def cancel(self, judging_id: str) -> Judging:
        """Stop a judging for good."""
        return cast(Judging, await self._transport.send("POST", f"{JUDGINGS}/{judging_id}/cancel"))


class Comparisons:
    """`client.comparisons`: verdicts, written once."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def make(
        self,
        baseline_id: str,
        candidate_id: str,
        policy: Mapping[str, Any],
        *,
        alpha: float | None = None,
    ) -> Comparison:
        """Compare two evaluations, and write the verdict down."""
        body: Json = {
            "baseline_id": baseline_id,
            "candidate_id": candidate_id,
            "policy": dict(policy),
            "alpha": alpha,
        }
        return cast(Comparison, await self._transport.create(COMPARISONS, body))

    async def list(
        self, *, candidate_id: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Comparison]:
        """Return a page of comparisons, newest first."""
        found = await self._transport.get(
            COMPARISONS, candidate_id=candidate_id, limit=limit, cursor=cursor
        )
        return cast(Page[Comparison], found)

    def each(self, *, candidate_id: str | None = None) -> AsyncIterator[Comparison]:
        """Yield all comparisons, newest first."""
        return each(lambda at: self.list(candidate_id=candidate_id, limit=200, cursor=at))

    async def get(self, comparison_id: str) -> Comparison:
        """Return one comparison."""
        return cast(Comparison, await self._transport.get(f"{COMPARISONS}/{comparison_id}"))
