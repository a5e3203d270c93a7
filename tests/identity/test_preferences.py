"""Preferences are one document of each principal, changed only as it was read."""

import pytest

from tests.conftest import House

PATH = "/api/v1/preferences"
DEFAULTS = {
    "theme": "system", "density": "default", "keys_enabled": True, "remapped_keys": {},
    "fast_lane": False, "columns": {}, "views": {}, "toured": False,
}  # fmt: skip


async def test_who_never_said_any_has_the_defaults(house: House) -> None:
    answer = await house.client.get(PATH)
    assert (answer.json(), answer.headers["etag"]) == (DEFAULTS, '"0"')


async def test_they_are_kept_as_a_whole(house: House) -> None:
    layout = {"order": ["time", "agent"], "shown": {"cost": False}, "widths": {"agent": 180.0}}
    view = {"name": "Failed today", "query": "q=failed:yes"}
    wanted = {
        **DEFAULTS, "theme": "dark", "remapped_keys": {"Fork this turn": "Shift+f"},
        "columns": {"logs": layout}, "views": {"/interactions": [view]}, "toured": True,
    }  # fmt: skip
    kept = await house.client.put(PATH, json=wanted, headers={"If-Match": '"0"'})
    assert (kept.status_code, kept.json(), kept.headers["etag"]) == (200, wanted, '"1"')
    answer = await house.client.get(PATH)
    assert (answer.json(), answer.headers["etag"]) == (wanted, '"1"')
    back = await house.client.put(PATH, json={"theme": "light"}, headers={"If-Match": '"1"'})
    assert back.json() == {**DEFAULTS, "theme": "light"}
    assert back.headers["etag"] == '"2"'


async def test_another_browsers_change_is_not_lost(house: House) -> None:
    for tag in ('"0"', '"1"'):
        await house.client.put(PATH, json={"theme": "dark"}, headers={"If-Match": tag})
    late = await house.client.put(PATH, json={"theme": "light"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "core.precondition_failed")
    blind = await house.client.put(PATH, json={"theme": "light"})
    assert blind.status_code == 428
    assert (await house.client.get(PATH)).json()["theme"] == "dark"


async def test_each_principal_has_its_own(house: House) -> None:
    viewer, other = await house.as_role("viewer"), await house.as_role("owner", org="other")
    await house.client.put(PATH, json={"theme": "dark"}, headers={"If-Match": '"0"'})
    for who in (viewer, other):
        assert (await who.get(PATH)).json() == DEFAULTS
        kept = await who.put(PATH, json={"density": "compact"}, headers={"If-Match": '"0"'})
        assert kept.status_code == 200
    assert (await house.client.get(PATH)).json()["density"] == "default"


@pytest.mark.parametrize(
    "wrong",
    [
        {"theme": "blue"}, {"colour": "red"}, {"columns": {"logs": {"widths": {"a": -1}}}},
        {"columns": {"logs": {"order": "abc"}}}, {"views": {"/": [{"name": ""}]}},
        {"views": {"/": [{"name": "n", "query": "q" * 4001}]}}, {"remapped_keys": {"a": "k" * 41}},
        {"toured": "perhaps"}, [],
    ],
)  # fmt: skip
async def test_what_has_another_shape_is_refused(house: House, wrong: object) -> None:
    answer = await house.client.put(PATH, json=wrong, headers={"If-Match": '"0"'})
    assert answer.status_code == 422
    assert (await house.client.get(PATH)).json() == DEFAULTS


async def test_64_kb_are_kept_and_not_more(house: House) -> None:
    views = {
        f"/{page}": [{"name": f"v{n}", "query": "x" * 4000} for n in range(4)] for page in range(5)
    }
    answer = await house.client.put(PATH, json={"views": views}, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json()["code"]) == (413, "identity.preferences_too_large")
    del views["/4"]
    views["/3"].pop()
    answer = await house.client.put(PATH, json={"views": views}, headers={"If-Match": '"0"'})
    assert answer.status_code == 200
