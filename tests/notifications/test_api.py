"""Notifications through the door: a run that fails reaches inbox and webhook; ETags, secrets, refusals."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from httpx import AsyncClient

from camel_ext.core.outbox import publish
from camel_ext.core.tenancy import Tenant
from camel_ext.settings import Settings
from camel_ext.workflows.events import RunFinished
from tests.conftest import House
from tests.notifications.conftest import Receiver

BASE = "/api/v1/notifications"
HOOK = {"kind": "webhook", "url": "https://hooks.example.com/secret-path?token=x"}
RULE: dict[str, Any] = {"name": "failures", "event_types": ["workflows.run.finished"]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The receiver of these tests is on this machine."""
    settings.outbound.allowed_networks = ["127.0.0.0/8"]
    return settings


async def made(client: AsyncClient, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(f"{BASE}/{what}", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def until(client: AsyncClient, path: str, there: Callable[[Any], Any]) -> Any:
    async with asyncio.timeout(20):
        while True:
            found = (await client.get(f"{BASE}/{path}")).json()
            if there(found):
                return found
            await asyncio.sleep(0.05)


async def fail_a_run(house: House, subject: str = "run-1", tenant: Tenant | None = None) -> None:
    event = RunFinished(subject, "solve", "failed", "serving.provider_failed", 3)
    runtime = house.runtime
    await runtime.write(tenant or house.owner.tenant, lambda db: publish(db, runtime.clock, event))


async def test_an_event_reaches_the_inbox_and_a_webhook(house: House, receiver: Receiver) -> None:
    client = house.client
    await made(client, "channels", {"name": "hook", "config": HOOK | {"url": receiver.url}})
    await made(client, "rules", RULE | {"channel": "hook"})
    await fail_a_run(house)
    (notice,) = (await until(client, "inbox", lambda page: page["items"]))["items"]
    assert notice["title"] == "A run of solve failed"
    assert (notice["path"], notice["read"]) == ("/workflows/run/?id=run-1", False)
    ended = await until(client, "deliveries?state=succeeded", lambda page: page["items"])
    assert ended["items"][0]["response_code"] == 204
    assert receiver.heard[0].headers["webhook-id"] == ended["items"][0]["id"]


async def test_an_inbox_is_read_by_each_for_itself(house: House) -> None:
    client, viewer = house.client, await house.as_role("viewer")
    await fail_a_run(house, "run-1")
    await fail_a_run(house, "run-2")
    await until(client, "inbox/unread", lambda told: told["unread"] == 2)
    page = (await client.get(f"{BASE}/inbox?limit=1")).json()
    assert page["items"][0]["subject"] == "run-2"
    following = (await client.get(f"{BASE}/inbox?limit=1&cursor={page['next_cursor']}")).json()
    assert following["items"][0]["subject"] == "run-1"
    body = {"ids": [page["items"][0]["id"]]}
    assert (await client.post(f"{BASE}/inbox/read", json=body)).json()["unread"] == 1
    assert (await client.get(f"{BASE}/inbox?unread=true")).json()["items"][0]["subject"] == "run-1"
    assert (await viewer.get(f"{BASE}/inbox/unread")).json()["unread"] == 2
    assert (await viewer.post(f"{BASE}/inbox/read", json={"all": True})).json()["unread"] == 0
    assert (await client.get(f"{BASE}/inbox/unread")).json()["unread"] == 1


async def test_the_feed_tells_of_new_notices_and_of_what_was_read(house: House) -> None:
    await fail_a_run(house)
    await until(house.client, "inbox/unread", lambda told: told["unread"] == 1)
    await house.client.post(f"{BASE}/inbox/read", json={"all": True})

    async def told() -> list[str]:
        log = await house.client.get("/api/v1/events/log?topics=notifications")
        return [item["event"] for item in log.json()["items"]]

    async with asyncio.timeout(10):
        while len(seen := await told()) < 2:  # noqa: ASYNC110 - another process would poll, too
            await asyncio.sleep(0.02)
    assert seen == ["notifications.notice.added", "notifications.inbox.read"]


async def test_a_secret_is_shown_once_and_a_url_never_whole(client: AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {"name": "hook", "config": HOOK}
    first = await client.post(f"{BASE}/channels", json=body, headers=headers)
    again = await client.post(f"{BASE}/channels", json=body, headers=headers)
    assert first.json()["secret"].startswith("whsec_")
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["idempotent-replay"] == "true"
    channel = first.json()["id"]
    shown = (await client.get(f"{BASE}/channels/{channel}")).json()
    assert shown["target"] == "https://hooks.example.com/…"
    listed = (await client.get(f"{BASE}/channels")).text
    for text in (again.text, listed, str(shown)):
        assert "whsec_" not in text
        assert "secret-path" not in text
    rotated = (await client.post(f"{BASE}/channels/{channel}/rotate-secret")).json()
    assert rotated["secret"] != first.json()["secret"]
    assert rotated["revision"] == 2


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[::1]/",
        "http://2130706433/", "http://user:pw@example.com/", "ftp://example.com/xx",
    ],
)  # fmt: skip
async def test_a_hostile_url_is_refused_when_it_is_saved(client: AsyncClient, url: str) -> None:
    body = {"name": "hook", "config": {"kind": "webhook", "url": url}}
    answer = await client.post(f"{BASE}/channels", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "core.url_refused"


async def test_changes_name_what_they_saw(client: AsyncClient) -> None:
    rule = await made(client, "rules", RULE)
    path = f"{BASE}/rules/{rule['id']}"
    assert (await client.put(path, json=RULE)).status_code == 428
    changed = await client.put(path, json=RULE | {"enabled": False}, headers={"If-Match": '"1"'})
    assert (changed.json()["enabled"], changed.headers["etag"]) == (False, '"2"')
    late = await client.put(path, json=RULE, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    gone = await client.delete(path, headers={"If-Match": '"2"'})
    assert gone.status_code == 200
    assert (await client.get(path)).status_code == 404


async def test_the_built_in_rule_is_listed_and_cannot_be_deleted(client: AsyncClient) -> None:
    (rule,) = (await client.get(f"{BASE}/rules")).json()["items"]
    assert (rule["name"], rule["builtin"], rule["channel"]) == ("needs-you", True, None)
    path = f"{BASE}/rules/{rule['id']}"
    assert (await client.delete(path, headers={"If-Match": '"0"'})).status_code == 409
    body = RULE | {"name": "needs-you", "enabled": False}
    changed = await client.put(path, json=body, headers={"If-Match": '"0"'})
    assert changed.status_code == 200, changed.text
    (rule,) = (await client.get(f"{BASE}/rules")).json()["items"]
    assert (rule["enabled"], rule["revision"]) == (False, 1)


async def test_a_channel_that_rules_use_stays(client: AsyncClient) -> None:
    channel = await made(client, "channels", {"name": "hook", "config": HOOK})
    await made(client, "rules", RULE | {"channel": "hook"})
    path = f"{BASE}/channels/{channel['id']}"
    refused = await client.delete(path, headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "notifications.channel_in_use")
    assert "failures" in refused.json()["detail"]
    twice = await client.post(f"{BASE}/channels", json={"name": "hook", "config": HOOK})
    assert twice.json()["code"] == "notifications.channel_name_taken"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"timezone": "Mars/Olympus"}, "there is no time zone"),
        ({"channel": "nowhere"}, "there is no channel 'nowhere'"),
        ({"quiet_from": "22:00", "quiet_until": "07:00"}, "the inbox disturbs nobody"),
        ({"quiet_from": "22:00"}, "quiet hours need both"),
        ({"event_types": ["no.such.thing"]}, "no rule can ask for"),
        ({"condition": "1 +"}, "condition"),
        ({"name": "needs-you"}, "needs-you"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused(
    client: AsyncClient, wrong: dict[str, Any], says: str
) -> None:
    answer = await client.post(f"{BASE}/rules", json=RULE | wrong)
    assert answer.status_code in (404, 409, 422)
    assert says in answer.text


async def test_a_test_says_why_no_mail_can_go(client: AsyncClient) -> None:
    mail = {"kind": "email", "to": ["ada@example.com"]}
    channel = await made(client, "channels", {"name": "mail", "config": mail})
    assert "CAMEL_EXT_MAIL__HOST" in channel["problem"]
    sent = await client.post(f"{BASE}/channels/{channel['id']}/test")
    assert sent.status_code == 202
    one = f"deliveries/{sent.json()['id']}"
    ended = await until(client, one, lambda found: found["state"] == "failed")
    assert "CAMEL_EXT_MAIL__HOST" in ended["error_detail"]


async def test_event_types_say_what_conditions_find(client: AsyncClient) -> None:
    found = {each["type"]: each for each in (await client.get(f"{BASE}/events")).json()["items"]}
    assert found["workflows.run.waiting"]["fields"] == ["workflow", "waiting_for", "detail"]
    assert "jobs.job.died" in found
    assert not [name for name in found if name.startswith("notifications.")]
