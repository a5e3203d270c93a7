"""What this room's routes are called with by strangers, viewers and other organisations."""

import json

from tests.conftest import House
from tests.route_calls import (
    CANARY,
    CREATES,
    HIDDEN,
    LISTS,
    NAME,
    OWN,
    Call,
    Cases,
    Owned,
    get,
    send,
)

DATASETS = "/api/v1/datasets"
VERSIONS = "/api/v1/dataset-versions"
SOURCES = "/api/v1/dataset-sources"
EXPORTS = "/api/v1/dataset-exports"
ONE = VERSIONS + "/{dataset_version_id}"
ROUTE = VERSIONS + "/{version_id}"
LINE = json.dumps(
    {
        "prompt": [{"role": "user", "content": CANARY}],
        "chosen": [{"role": "assistant", "content": f"better {CANARY}"}],
        "rejected": [{"role": "assistant", "content": f"worse {CANARY}"}],
        "topic": CANARY,
        "judges": [{"kind": "model", "name": CANARY, "version": None, "principal_id": "0" * 32}],
    }
)


def build_of_ours() -> Call:
    """Build from the interaction of A: B is told that there is none, by its own id alone."""
    return lambda client, owned: client.post(
        DATASETS, json={"name": "own", "interaction_ids": [owned.ids["interaction_id"]]}
    )


def lines(path: str) -> Call:
    return lambda client, owned: client.post(
        path.format(**owned.ids), content=LINE.replace(CANARY, "mine"), params={"at": 0}
    )


CASES: Cases = {
    ("POST", DATASETS): (build_of_ours(), CREATES),
    ("GET", DATASETS): (get(DATASETS), LISTS),
    ("POST", DATASETS + "/preview"): (
        send("POST", DATASETS + "/preview", {"name": "own", "filter": {}}),
        OWN,
    ),
    ("GET", DATASETS + "/{name}"): (get(f"{DATASETS}/{NAME}"), HIDDEN),
    ("GET", DATASETS + "/{name}/versions"): (get(f"{DATASETS}/{NAME}/versions"), HIDDEN),
    ("POST", DATASETS + "/{name}/imports"): (send("POST", f"{DATASETS}/own/imports", {}), CREATES),
    ("GET", VERSIONS): (get(f"{VERSIONS}?target={NAME}"), HIDDEN),
    ("GET", ROUTE): (get(ONE), HIDDEN),
    ("POST", ROUTE + "/cancel"): (send("POST", ONE + "/cancel"), HIDDEN),
    ("GET", ROUTE + "/pairs"): (get(ONE + "/pairs"), HIDDEN),
    ("GET", ROUTE + "/lineage"): (get(ONE + "/lineage"), HIDDEN),
    ("GET", ROUTE + "/diff"): (get(ONE + "/diff?other={dataset_version_id}"), HIDDEN),
    ("GET", ROUTE + "/without"): (get(ONE + "/without?judges=x"), HIDDEN),
    ("POST", ROUTE + "/without"): (send("POST", ONE + "/without", {"judges": ["x"]}), HIDDEN),
    ("POST", ROUTE + "/lines"): (lines(VERSIONS + "/{open_version_id}/lines"), HIDDEN),
    ("POST", ROUTE + "/freeze"): (send("POST", VERSIONS + "/{open_version_id}/freeze"), HIDDEN),
    ("GET", ROUTE + "/export"): (get(ONE + "/export"), HIDDEN),
    ("POST", EXPORTS): (send("POST", EXPORTS, {"version": NAME}), HIDDEN),
    ("GET", EXPORTS): (get(EXPORTS), LISTS),
    ("GET", EXPORTS + "/{export_id}"): (get(EXPORTS + "/{export_id}"), HIDDEN),
    ("POST", EXPORTS + "/{export_id}/cancel"): (
        send("POST", EXPORTS + "/{export_id}/cancel"),
        HIDDEN,
    ),
    ("GET", SOURCES): (get(f"{SOURCES}?kind=judge&ref={NAME}"), LISTS),
}


async def own(house: House, owned: Owned) -> None:
    """A frozen version of the local organisation, and one that waits for lines."""
    client = house.client
    frozen = (await client.post(f"{DATASETS}/{NAME}/imports", json={})).json()
    path = f"{VERSIONS}/{frozen['id']}"
    assert (await client.post(path + "/lines", content=LINE)).is_success
    version = (await client.post(path + "/freeze")).json()
    for _ in range(600):
        if version["state"] not in ("queued", "running"):
            break
        await house.runtime.clock.sleep(0.02)
        version = (await client.get(path)).json()
    assert version["state"] == "succeeded", version
    owned.ids["dataset_version_id"] = version["id"]
    export = await client.post(EXPORTS, json={"version": NAME})
    assert export.status_code == 202, export.text
    owned.ids["export_id"] = export.json()["id"]
    opened = (await client.post(f"{DATASETS}/{NAME}/imports", json={})).json()
    owned.ids["open_version_id"] = opened["id"]
