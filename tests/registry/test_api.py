"""Models and aliases over HTTP: owners register, editors move, strangers see nothing."""

from typing import Any

import pytest

from tests.conftest import House

BIG = {
    "name": "big",
    "engine": "provider",
    "url": "https://api.example.com/v1",
    "model": "big-1",
    "api_key_env": "BIG_KEY",
}
SMALL = {"name": "small", "engine": "local", "file": "bundled"}
ROUTES = [
    ("GET", "/api/v1/models"),
    ("POST", "/api/v1/models"),
    ("GET", "/api/v1/models/small"),
    ("PUT", "/api/v1/models/small"),
    ("GET", "/api/v1/models/small/versions"),
    ("POST", "/api/v1/models/small/adapters"),
    ("GET", "/api/v1/model-versions/00000000-0000-0000-0000-000000000000"),
    ("GET", "/api/v1/aliases"),
    ("POST", "/api/v1/aliases"),
    ("GET", "/api/v1/aliases/fast"),
    ("PUT", "/api/v1/aliases/fast"),
    ("DELETE", "/api/v1/aliases/fast"),
    ("GET", "/api/v1/aliases/fast/moves"),
]


async def furnish(house: House) -> dict[str, Any]:
    """Two models, an adapter and an alias."""
    for body in (BIG, SMALL):
        assert (await house.client.post("/api/v1/models", json=body)).status_code == 201
    adapter = {"name": "critic", "file": "critic.gguf"}
    made = await house.client.post("/api/v1/models/small/adapters", json=adapter)
    assert made.status_code == 201, made.text
    alias = {"name": "fast", "targets": [{"target": "small"}], "reason": "first"}
    answer = await house.client.post("/api/v1/aliases", json=alias)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_stranger_is_refused(house: House, method: str, path: str) -> None:
    assert (await house.as_key(None).request(method, path)).status_code == 401


async def test_another_organisation_sees_and_changes_nothing(house: House) -> None:
    alias = await furnish(house)
    version = alias["targets"][0]["version_id"]
    other = await house.as_role("owner", org="other")
    for path in ("models", "aliases"):
        assert (await other.get(f"/api/v1/{path}")).json() == {"items": [], "next_cursor": None}
    headers = {"If-Match": '"1"'}
    moved = {"targets": [{"target": "small"}]}
    answers = [
        await other.get("/api/v1/models/small"),
        await other.get("/api/v1/models/small/versions"),
        await other.put("/api/v1/models/small", json={}, headers=headers),
        await other.post("/api/v1/models/small/adapters", json={"name": "a", "file": "f"}),
        await other.get(f"/api/v1/model-versions/{version}"),
        await other.get("/api/v1/aliases/fast"),
        await other.get("/api/v1/aliases/fast/moves"),
        await other.put("/api/v1/aliases/fast", json=moved, headers=headers),
        await other.delete("/api/v1/aliases/fast", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 9
    theirs = await other.post("/api/v1/models", json=SMALL)
    assert theirs.status_code == 201  # hashes are unique per organisation, not over all
    assert theirs.json()["id"] != version


async def test_who_may_do_what(house: House) -> None:
    await furnish(house)
    viewer, editor = await house.as_role("viewer"), await house.as_role("editor")
    alias = {"name": "a", "targets": [{"target": "big"}]}
    assert (await viewer.get("/api/v1/models/big")).status_code == 200
    assert (await viewer.post("/api/v1/aliases", json=alias)).status_code == 403
    assert (await editor.post("/api/v1/aliases", json=alias)).status_code == 201
    assert (await editor.post("/api/v1/models", json=BIG)).status_code == 403


async def test_a_version_is_named_by_its_content(house: House) -> None:
    one = await house.client.post("/api/v1/models", json=BIG)
    same = await house.client.post("/api/v1/models", json={**BIG, "description": "words only"})
    two = await house.client.post("/api/v1/models", json={**BIG, "model": "big-2"})
    assert one.json()["id"] == same.json()["id"] != two.json()["id"]
    assert (await house.client.get(two.headers["Location"])).json() == two.json()
    listed = (await house.client.get("/api/v1/models/big/versions")).json()["items"]
    assert [each["number"] for each in listed] == [2, 1]
    model = (await house.client.get("/api/v1/models/big")).json()
    assert model["current_version_id"] == two.json()["id"]


async def test_adapters_have_names_in_two_parts(house: House) -> None:
    await furnish(house)
    model = (await house.client.get("/api/v1/models/small/critic")).json()
    assert (model["name"], model["kind"]) == ("small/critic", "adapter")
    versions = (await house.client.get("/api/v1/models/small/critic/versions")).json()["items"]
    assert versions[0]["id"] == model["current_version_id"]
    assert (await house.client.get("/api/v1/models/small/nobody")).status_code == 404


async def test_an_alias_moves_only_from_where_it_was_seen(house: House) -> None:
    await furnish(house)
    seen = await house.client.get("/api/v1/aliases/fast")
    change = {"targets": [{"target": "small", "weight": 95}, {"target": "small/critic",
              "weight": 5}], "reason": "ramp"}  # fmt: skip
    put = house.client.put
    assert (await put("/api/v1/aliases/fast", json=change)).status_code == 428
    headers = {"If-Match": seen.headers["ETag"]}
    moved = await put("/api/v1/aliases/fast", json=change, headers=headers)
    assert moved.status_code == 200
    assert [each["weight"] for each in moved.json()["targets"]] == [95, 5]
    assert moved.json()["split"] is True
    again = await put("/api/v1/aliases/fast", json={**change, "targets": [{"target": "big"}]},
                      headers=headers)  # fmt: skip
    assert again.status_code == 412
    moves = (await house.client.get("/api/v1/aliases/fast/moves")).json()["items"]
    assert [(move["revision"], move["reason"]) for move in moves] == [(2, "ramp"), (1, "first")]


async def test_a_retired_alias_keeps_its_history(house: House) -> None:
    await furnish(house)
    gone = await house.client.delete("/api/v1/aliases/fast", headers={"If-Match": '"1"'})
    assert (gone.status_code, gone.json()["targets"]) == (200, [])
    assert (await house.client.get("/api/v1/aliases/fast")).status_code == 404
    assert (await house.client.get("/api/v1/aliases")).json()["items"] == []
    moves = await house.client.get("/api/v1/aliases/fast/moves")
    assert len(moves.json()["items"]) == 2


async def test_a_repeated_request_makes_one_alias(house: House) -> None:
    await furnish(house)
    body = {"name": "twice", "targets": [{"target": "big"}]}
    headers = {"Idempotency-Key": "k"}
    one = await house.client.post("/api/v1/aliases", json=body, headers=headers)
    two = await house.client.post("/api/v1/aliases", json=body, headers=headers)
    assert (one.status_code, one.json(), one.headers["ETag"]) == (201, two.json(), '"1"')
    assert (await house.client.post("/api/v1/aliases", json=body)).status_code == 409


async def test_the_key_moves_without_a_version(house: House) -> None:
    await furnish(house)
    seen = await house.client.get("/api/v1/models/big")
    change = {"description": "the big one", "api_key_file": "/run/secrets/big"}
    headers = {"If-Match": seen.headers["ETag"]}
    changed = await house.client.put("/api/v1/models/big", json=change, headers=headers)
    assert changed.status_code == 200
    assert changed.json()["current_version_id"] == seen.json()["current_version_id"]
    assert changed.json()["api_key_env"] is None
    late = await house.client.put("/api/v1/models/big", json=change, headers=headers)
    assert late.status_code == 412


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({**BIG, "engine": "cloud"}, "cloud"),
        ({**BIG, "name": "Big"}, "name"),
        ({**BIG, "headers": {"x-api-key": "k"}}, "carries a secret"),
        ({**BIG, "api_key_file": "/k"}, "keep one"),
        ({**BIG, "price": {"input_usd": -1}}, "input_usd"),
        ({**BIG, "secret": "k"}, "secret"),
    ],
)
async def test_a_wrong_model_is_refused(house: House, body: dict[str, Any], says: str) -> None:
    answer = await house.client.post("/api/v1/models", json=body)
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.parametrize(
    ("path", "most"), [("models", 1), ("aliases", 1), ("models/small/versions", 2)]
)
async def test_lists_take_a_fixed_number_of_statements(
    house: House, house_statements: list[str], path: str, most: int
) -> None:
    await furnish(house)
    await house.client.get(f"/api/v1/{path}")  # the key is proven
    house_statements.clear()
    await house.client.get(f"/api/v1/{path}")
    assert len([each for each in house_statements if each.startswith("SELECT")]) == most
