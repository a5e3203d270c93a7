"""Who am I, and keys."""

from tests.conftest import House


async def test_me_names_the_owner(house: House) -> None:
    me = (await house.client.get("/api/v1/me")).json()
    assert (me["name"], me["role"], me["kind"]) == ("owner", "owner", "user")


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(house: House) -> None:
    wanted = {"name": "ci", "role": "viewer"}
    headers = {"Idempotency-Key": "one"}
    made = await house.client.post("/api/v1/keys", json=wanted, headers=headers)
    assert made.status_code == 201
    secret = made.json()["secret"]
    again = await house.client.post("/api/v1/keys", json=wanted, headers=headers)
    assert again.json().get("secret") is None
    assert again.json()["id"] == made.json()["id"]
    ci = house.as_key(secret)
    assert (await ci.get("/api/v1/me")).json()["role"] == "viewer"
    assert (await ci.get("/api/v1/keys")).status_code == 403
    gone = await house.client.delete(f"/api/v1/keys/{made.json()['id']}")
    assert gone.status_code == 200
    assert (await ci.get("/api/v1/me")).status_code == 401


async def test_no_secret_is_stored_in_the_clear(house: House) -> None:
    headers = {"Idempotency-Key": "two"}
    made = await house.client.post("/api/v1/keys", json={"name": "x"}, headers=headers)
    secret = made.json()["secret"]
    await house.runtime.gate.drain()
    for path in house.data_dir.iterdir():
        if path.is_file() and path.name != "owner.key":
            assert secret.encode() not in path.read_bytes(), path.name


async def test_keys_of_another_organisation_are_not_there(house: House) -> None:
    made = (await house.client.post("/api/v1/keys", json={"name": "mine"})).json()
    other = await house.as_role("owner", org="other")
    answer = await other.delete(f"/api/v1/keys/{made['id']}")
    assert answer.status_code == 404
    assert made["id"] not in (await other.get("/api/v1/keys")).text


async def test_a_key_cannot_revoke_itself(house: House) -> None:
    mine = (await house.client.get("/api/v1/keys")).json()[0]
    answer = await house.client.delete(f"/api/v1/keys/{mine['id']}")
    assert answer.status_code == 409
    assert answer.json()["code"] == "identity.last_owner_key"


async def test_a_stranger_is_told_how_to_send_a_key(house: House) -> None:
    answer = await house.as_key(None).get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.json()["code"] == "identity.key_missing"
    wrong = await house.as_key("cx_wrong").get("/api/v1/me")
    assert wrong.json()["code"] == "identity.key_refused"
