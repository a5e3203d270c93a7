"""What this room's routes are called with by strangers, viewers and other organisations."""

from functools import partial

from tests.conftest import House
from tests.evaluation.conftest import eventually
from tests.route_calls import CANARY, CREATES, HIDDEN, LISTS, NAME, Call, Cases, Owned, get, send

SUITES = "/api/v1/suites"
EVALUATIONS = "/api/v1/evaluations"
JUDGINGS = "/api/v1/judgings"
COMPARISONS = "/api/v1/comparisons"
OTHER = {
    "name": "other",
    "scorers": {"any": {"verify": "length"}},
    "cases": [{"topic": "a", "input": {"goal": "x"}}],
}


def of_ours(path: str, **fields: object) -> Call:
    """Send something about the evaluations of A."""
    return lambda client, owned: client.post(
        path,
        json={
            "baseline_id": owned.ids["evaluation_id"],
            "candidate_id": owned.ids["candidate_id"],
            **fields,
        },
    )


CASES: Cases = {
    ("POST", SUITES): (send("POST", SUITES, OTHER), CREATES),
    ("GET", SUITES): (get(SUITES), LISTS),
    ("GET", SUITES + "/{name}"): (get(f"{SUITES}/{NAME}"), HIDDEN),
    ("GET", SUITES + "/{name}/versions"): (get(f"{SUITES}/{NAME}/versions"), HIDDEN),
    ("GET", "/api/v1/suite-versions/{version_id}"): (
        get("/api/v1/suite-versions/{suite_version_id}"),
        HIDDEN,
    ),
    ("POST", EVALUATIONS): (
        send("POST", EVALUATIONS, {"suite": NAME, "workflow": "canary4711-flow"}),
        HIDDEN,
    ),
    ("POST", EVALUATIONS + "/plan"): (
        send("POST", EVALUATIONS + "/plan", {"suite": NAME, "workflow": "canary4711-flow"}),
        HIDDEN,
    ),
    ("GET", EVALUATIONS): (get(EVALUATIONS), LISTS),
    ("GET", EVALUATIONS + "/{evaluation_id}"): (get(EVALUATIONS + "/{evaluation_id}"), HIDDEN),
    ("GET", EVALUATIONS + "/{evaluation_id}/cases"): (
        get(EVALUATIONS + "/{evaluation_id}/cases"),
        HIDDEN,
    ),
    ("POST", EVALUATIONS + "/{evaluation_id}/cancel"): (
        send("POST", EVALUATIONS + "/{evaluation_id}/cancel"),
        HIDDEN,
    ),
    ("POST", JUDGINGS): (of_ours(JUDGINGS, scorer="judge"), HIDDEN),
    ("GET", JUDGINGS): (get(JUDGINGS), LISTS),
    ("GET", JUDGINGS + "/{judging_id}"): (get(JUDGINGS + "/{judging_id}"), HIDDEN),
    ("POST", JUDGINGS + "/{judging_id}/cancel"): (
        send("POST", JUDGINGS + "/{judging_id}/cancel"),
        HIDDEN,
    ),
    ("POST", COMPARISONS): (of_ours(COMPARISONS, policy={"primary": "any"}), HIDDEN),
    ("GET", COMPARISONS): (get(COMPARISONS), LISTS),
    ("GET", COMPARISONS + "/{comparison_id}"): (get(COMPARISONS + "/{comparison_id}"), HIDDEN),
}


async def own(house: House, owned: Owned) -> None:
    """A suite, two evaluations, a judging and a comparison of the local organisation."""
    judge = {"model": NAME, "criteria": CANARY}
    suite: dict[str, object] = {
        "name": NAME,
        "description": CANARY,
        "scorers": {"any": {"verify": "contains", "params": {"none": [CANARY]}},
                    "judge": {"judge": judge}},
        "cases": [{"topic": f"{CANARY} {n}", "input": {"goal": f"{CANARY} {n}"}} for n in "ab"],
    }  # fmt: skip
    defined = await _made(house, SUITES, suite)
    wanted = {"suite": NAME, "workflow": "canary4711-flow"}
    ids = [(await _made(house, EVALUATIONS, wanted | {"seed": seed}))["id"] for seed in (1, 2)]
    for each in ids:
        await eventually(partial(_succeeded, house, each))
    both = {"baseline_id": ids[0], "candidate_id": ids[1]}
    judging = await _made(house, JUDGINGS, {**both, "scorer": "judge"})
    comparison = await _made(house, COMPARISONS, {**both, "policy": {"primary": "any"}})
    owned.ids |= {
        "suite_version_id": defined["id"],
        "evaluation_id": ids[0],
        "candidate_id": ids[1],
        "judging_id": judging["id"],
        "comparison_id": comparison["id"],
    }


async def _made(house: House, path: str, body: dict[str, object]) -> dict[str, str]:
    answer = await house.client.post(path, json=body)
    assert answer.status_code in (201, 202), answer.text
    made: dict[str, str] = answer.json()
    return made


async def _succeeded(house: House, evaluation_id: str) -> bool | None:
    found = (await house.client.get(f"{EVALUATIONS}/{evaluation_id}")).json()
    assert found["state"] not in ("failed", "cancelled"), found
    return True if found["state"] == "succeeded" else None
