"""The routes of datasets, in the running app."""

import asyncio
import json
from importlib import import_module
from io import BytesIO
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.datasets.files import read_lines
from tests.conftest import House
from tests.datasets.test_importing import line, lines
from tests.interactions.conftest import Record

DATASETS = "/api/v1/datasets"
VERSIONS = "/api/v1/dataset-versions"
NDJSON = {"content-type": "application/x-ndjson"}
Json = dict[str, Any]


@pytest.fixture
async def choices(house: House, house_record: Record) -> list[str]:
    """Ids of six judged answers, two to each of three questions of a topic each."""
    ids = []
    for number in range(3):
        about = {"tags": [f"topic:subject {number}"], "run_id": house.runtime.new_id()}
        two = [
            str((await house_record(f"question {number}", f"{word} {number}", **about)).id)
            for word in ("good", "poor")
        ]
        body = {"kind": "choice", "interaction_ids": two, "choice": "first"}
        assert (await house.client.post("/api/v1/annotations", json=body)).is_success
        ids += two
    return ids


async def finished(client: AsyncClient, version: Json) -> Json:
    async with asyncio.timeout(30):
        while version["state"] in ("queued", "running"):
            await asyncio.sleep(0.01)
            version = (await client.get(f"{VERSIONS}/{version['id']}")).json()
    return version


async def built(client: AsyncClient, name: str = "brief", **wanted: Any) -> Json:
    answer = await client.post(DATASETS, json={"name": name, "filter": {}, **wanted})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{VERSIONS}/{answer.json()['id']}"
    return await finished(client, answer.json())


async def test_build_look_and_compare(
    client: AsyncClient, choices: list[str], house_statements: list[str]
) -> None:
    version = await built(client)
    assert (version["state"], version["pairs"]) == ("succeeded", 3)
    assert version["rules"]["strategy"] == "best_vs_worst"
    found = (await client.get(f"{VERSIONS}/{version['id']}/pairs", params={"limit": 2})).json()
    assert [pair["position"] for pair in found["items"]] == [0, 1]
    after = found["next_after"]
    rest = (await client.get(f"{VERSIONS}/{version['id']}/pairs", params={"after": after})).json()
    assert (len(rest["items"]), rest["next_after"]) == (1, None)
    assert {pair["chosen_interaction_id"] for pair in found["items"] + rest["items"]} == set(
        choices[::2]
    )
    by_name = (await client.get(VERSIONS, params={"target": "brief"})).json()
    assert by_name["id"] == version["id"]
    other = await built(client, interaction_ids=choices[:4], filter=None)
    diff = (
        await client.get(f"{VERSIONS}/{version['id']}/diff", params={"other": other["id"]})
    ).json()
    assert (diff["kept"], diff["removed"], diff["added"]) == (2, 1, 0)
    house_statements.clear()
    listed = (await client.get(f"{DATASETS}/brief/versions")).json()["items"]
    assert [each["number"] for each in listed] == [2, 1]
    assert len(house_statements) == 2
    assert not [each for each in house_statements if "given_ids" in each]  # up to 2 MB a version
    assert (await client.get(DATASETS)).json()["items"][0]["last_number"] == 2
    assert (await client.get(f"{DATASETS}/brief")).json()["name"] == "brief"


async def test_a_preview_tells_what_a_build_would_yield_and_keeps_nothing(
    client: AsyncClient, choices: list[str]
) -> None:
    body = {"name": "brief", "filter": {}, "rules": {"eval_ratio": 0}}
    seen = (await client.post(f"{DATASETS}/preview", json=body)).json()
    assert (seen["pairs"], seen["looked_at"], seen["whole"]) == (3, 6, True)
    assert (await client.get(DATASETS)).json()["items"] == []
    version = await built(client, rules={"eval_ratio": 0})
    assert seen["statistics"] == version["statistics"]
    assert [each["code"] for each in seen["warnings"]] == [
        each["code"] for each in version["warnings"]
    ]

    body = {"name": "brief", "interaction_ids": choices, "rules": {"length_ratio_max": 1}}
    none = (
        await client.post(f"{DATASETS}/preview", json={**body, "exclude_judges": ["owner"]})
    ).json()
    assert none["pairs"] == 0
    assert none["why_none"]


async def test_a_key_builds_once(client: AsyncClient, choices: list[str]) -> None:
    body = {"name": "brief", "interaction_ids": choices}
    key = {"Idempotency-Key": "once"}
    one = (await client.post(DATASETS, json=body, headers=key)).json()
    again = await client.post(DATASETS, json=body, headers=key)
    assert again.json()["id"] == one["id"]
    assert again.headers["idempotent-replay"] == "true"
    await finished(client, one)


async def test_lineage_and_without(client: AsyncClient, choices: list[str]) -> None:
    version = await built(client)
    lineage = (await client.get(f"{VERSIONS}/{version['id']}/lineage")).json()
    assert (lineage["runs"], lineage["annotations"], lineage["interactions"]) == (3, 3, 6)
    run = next(each["ref"] for each in lineage["sources"] if each["kind"] == "run")
    touched = (
        await client.get("/api/v1/dataset-sources", params={"kind": "run", "ref": run})
    ).json()
    assert [(each["dataset"], each["number"], each["pairs"]) for each in touched] == [
        ("brief", 1, 1)
    ]
    path = f"{VERSIONS}/{version['id']}/without"
    blast = (await client.get(path, params={"run_ids": [run], "judges": ["nobody"]})).json()
    assert (blast["touched"], blast["left"], blast["unknown"]) == (1, 2, ["nobody"])
    reduced = await finished(client, (await client.post(path, json={"run_ids": [run]})).json())
    assert (reduced["pairs"], reduced["origin"], reduced["parent_id"]) == (
        2,
        "reduced",
        version["id"],
    )
    assert (await client.get(path)).status_code == 422
    assert (await client.post(path, json={})).status_code == 422


async def test_out_and_in_again(client: AsyncClient, choices: list[str]) -> None:
    version = await built(client)
    exported = await client.get(f"{VERSIONS}/{version['id']}/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert exported.headers["content-disposition"] == 'attachment; filename="brief-1.jsonl"'
    assert len(read_lines(exported.content)) == 3
    opened = (await client.post(f"{DATASETS}/theirs/imports", json={})).json()
    assert opened["state"] == "waiting"
    path = f"{VERSIONS}/{opened['id']}"
    received = await client.post(f"{path}/lines", content=exported.content, headers=NDJSON)
    assert (received.json()["done"], received.json()["pairs"]) == (3, 3)
    frozen = await finished(client, (await client.post(f"{path}/freeze")).json())
    assert frozen["content_hash"] == version["content_hash"]
    again = await client.get(f"{path}/export")
    assert again.content == exported.content


async def test_parquet_is_the_same_pairs(client: AsyncClient, choices: list[str]) -> None:
    version = await built(client, rules={"eval_ratio": 0.4})
    answer = await client.get(f"{VERSIONS}/{version['id']}/export", params={"format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    rows = import_module("pyarrow.parquet").read_table(BytesIO(answer.content)).to_pylist()
    lines_ = await client.get(f"{VERSIONS}/{version['id']}/export")
    assert [row["pair_hash"] for row in rows] == [
        json.loads(each)["pair_hash"] for each in lines_.text.splitlines()
    ]
    only = await client.get(f"{VERSIONS}/{version['id']}/export", params={"split": "eval"})
    assert len(only.text.splitlines()) == version["pairs_eval"] == 1


async def test_a_bad_line_is_named_and_nothing_of_its_part_is_kept(client: AsyncClient) -> None:
    opened = (await client.post(f"{DATASETS}/theirs/imports", json={"seed": 3})).json()
    path = f"{VERSIONS}/{opened['id']}/lines"
    bad = lines(0, 1) + b"\n" + line(2, chosen=[])
    refused = await client.post(path, content=bad, headers=NDJSON, params={"first_line": 41})
    assert (refused.status_code, refused.json()["code"]) == (422, "datasets.file_invalid")
    assert refused.json()["detail"].startswith("line 43: chosen: Expected `array` of length >= 1")
    assert (await client.get(f"{VERSIONS}/{opened['id']}")).json()["done"] == 0
    for empty in (b"", b"\n\n"):
        assert (await client.post(path, content=empty, headers=NDJSON)).status_code == 422
    gap = await client.post(path, content=line(9), headers=NDJSON, params={"at": 5})
    assert (gap.status_code, gap.json()["code"]) == (409, "datasets.import_out_of_place")
    given_up = (await client.post(f"{VERSIONS}/{opened['id']}/cancel")).json()
    assert given_up["state"] == "cancelled"


async def test_more_lines_than_one_commit_takes(client: AsyncClient) -> None:
    opened = (await client.post(f"{DATASETS}/theirs/imports", json={})).json()
    path = f"{VERSIONS}/{opened['id']}"
    sent = await client.post(f"{path}/lines", content=lines(*range(450)), headers=NDJSON)
    assert sent.json()["done"] == 450
    frozen = await finished(client, (await client.post(f"{path}/freeze")).json())
    assert frozen["pairs"] == 450
    assert frozen["pairs_eval"] == 45


async def test_a_version_that_failed_says_why_and_gives_no_pairs(client: AsyncClient) -> None:
    version = await built(client)
    assert (version["state"], version["error_code"]) == ("failed", "datasets.no_pairs")
    for route in ("pairs", "lineage", "export"):
        answer = await client.get(f"{VERSIONS}/{version['id']}/{route}")
        assert (answer.status_code, answer.json()["code"]) == (409, "datasets.version_unready")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "brief"}, "give either `filter` or `interaction_ids`"),
        ({"name": "Brief", "filter": {}}, "body.name"),
        ({"name": "brief", "filter": {"purpose": "eval"}}, "only answers of purpose run or sample"),
        ({"name": "brief", "filter": {}, "rules": {"min_margin": 2}}, "body.rules.min_margin"),
        ({"name": "brief", "filter": {}, "rules": {"judges": ["a\0b"]}}, "NUL"),
        ({"name": "brief", "filter": {}, "rules": {"strategy": "luck"}}, "body.rules.strategy"),
    ],
)
async def test_a_wrong_build_is_said_by_field(client: AsyncClient, body: Json, said: str) -> None:
    answer = await client.post(DATASETS, json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
