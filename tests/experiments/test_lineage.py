"""Where a promoted adapter comes from, and what the improvement that made it cost."""

from collections import Counter
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from camel_ext.interactions.models import Interaction
from tests.experiments.conftest import GOALS, MODELS, Json, Loop
from tests.statements import counted

PRICED = MODELS.replace("2048}", "2048, price: {input_usd: 1.0, output_usd: 2.0}}")


def edges_of(graph: Json) -> set[tuple[str, str]]:
    """Its edges, by the kinds of their ends."""
    kinds = {each["id"]: each["kind"] for each in graph["nodes"]}
    return {(kinds[each["source"]], kinds[each["target"]]) for each in graph["edges"]}


HOUSE_KEEPING = (
    "jobs",
    "workers",
    "outbox",
    "schedules",
    "notification",
    "feed_heads",
)  # meanwhile


async def test_from_the_judge_to_the_alias(loop: Loop) -> None:
    files = {"models.yaml": PRICED}
    applied = await loop.client.put("/api/v1/configurations", json={"files": files})
    assert applied.status_code == 200, applied.text
    shown = await loop.improved()
    version_id = shown["candidate_version_id"]
    path = f"/api/v1/model-versions/{version_id}/lineage"
    with counted(loop.house.runtime, ("FROM",)) as seen:
        graph = await loop.get(path)
    seen = [each for each in seen if not any(f"FROM {table}" in each for table in HOUSE_KEEPING)]
    assert len(seen) <= 20, seen
    assert graph["root"] == f"version:{version_id}"
    kinds = Counter(each["kind"] for each in graph["nodes"])
    assert kinds == dict.fromkeys(
        ("judgements", "runs", "answers", "dataset", "training", "certificate", "decision",
         "alias", "judge"), 1,
    ) | {"version": 2}  # fmt: skip
    assert edges_of(graph) == {
        ("judge", "judgements"), ("judgements", "dataset"), ("runs", "dataset"),
        ("runs", "answers"), ("answers", "dataset"), ("dataset", "training"),
        ("version", "training"), ("training", "version"), ("version", "certificate"),
        ("certificate", "decision"), ("version", "alias"),
    }  # fmt: skip
    by_kind = {each["kind"]: each for each in graph["nodes"]}
    certificate = await loop.get(f"/api/v1/certificates/{shown['certificate_id']}")
    assert by_kind["dataset"]["count"] == certificate["pairs"]
    assert 0 < by_kind["runs"]["count"] <= 2 * GOALS
    assert (by_kind["certificate"]["label"], by_kind["certificate"]["detail"]) == (
        "C-0001", "better",
    )  # fmt: skip
    assert (by_kind["decision"]["label"], by_kind["alias"]["label"]) == ("promotion", "brief")
    await costs_of_forks_are_in(loop, certificate)
    await a_rollback_is_in(loop, path)


async def costs_of_forks_are_in(loop: Loop, certificate: Json) -> None:
    """All that was asked before the promotion: runs, further answers, both examinations."""

    def paid(db: Session) -> int:
        asked = Interaction.run_id != UUID(certificate["live"]["run_id"])
        query = select(func.sum(Interaction.cost_usd_micros))
        return int(db.scalar(query.where(asked | Interaction.run_id.is_(None))) or 0)

    spent = await loop.house.runtime.read(loop.house.owner.tenant, paid)
    assert certificate["cost"]["usd_micros"] == spent > 0


async def a_rollback_is_in(loop: Loop, path: str) -> None:
    await loop.do("/api/v1/decisions/rollback", {"alias": "brief", "reason": "too curt"})
    graph = await loop.get(path)
    labels = [each["label"] for each in graph["nodes"] if each["kind"] == "decision"]
    assert labels == ["promotion", "rollback"]
    assert ("decision", "decision") in edges_of(graph)
    assert not [each for each in graph["nodes"] if each["kind"] == "alias"]


async def test_a_base_rests_on_nothing_we_know(loop: Loop) -> None:
    version_id = await loop.target()
    graph = await loop.get(f"/api/v1/model-versions/{version_id}/lineage")
    assert {each["label"] for each in graph["nodes"]} == {"base@1", "brief", "other"}
    assert edges_of(graph) == {("version", "alias")}
    nowhere = await loop.client.get(f"/api/v1/model-versions/{UUID(int=1)}/lineage")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "registry.version_unknown")
