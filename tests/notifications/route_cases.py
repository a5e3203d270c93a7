"""What this room's routes are called with by strangers, viewers and other organisations."""

import asyncio
from typing import Any

from tests.conftest import House
from tests.route_calls import CANARY, CREATES, HIDDEN, LISTS, NAME, OWN, Cases, Owned, get, send

BASE = "/api/v1/notifications"
CHANNEL = BASE + "/channels/{channel_id}"
RULE = BASE + "/rules/{rule_id}"
DELIVERY = BASE + "/deliveries/{delivery_id}"
MAIL: dict[str, Any] = {"kind": "email", "to": ["ada@example.com"]}
TYPES = {"event_types": ["workflows.run.finished"]}
SPARE = BASE + "/channels/{spare_channel_id}"

CASES: Cases = {
    ("POST", BASE + "/channels"): (
        send("POST", BASE + "/channels", {"name": "other", "config": MAIL}),
        CREATES,
    ),
    ("GET", BASE + "/channels"): (get(BASE + "/channels"), LISTS),
    ("GET", CHANNEL): (get(CHANNEL), HIDDEN),
    ("PUT", CHANNEL): (send("PUT", CHANNEL, {"config": MAIL}, If_Match='"1"'), HIDDEN),
    ("DELETE", CHANNEL): (send("DELETE", SPARE, If_Match='"1"'), HIDDEN),
    ("POST", CHANNEL + "/rotate-secret"): (
        send("POST", BASE + "/channels/{hook_id}/rotate-secret"),
        HIDDEN,
    ),
    ("POST", CHANNEL + "/test"): (send("POST", CHANNEL + "/test"), HIDDEN),
    ("GET", BASE + "/events"): (get(BASE + "/events"), LISTS),
    ("POST", BASE + "/rules/preview"): (send("POST", BASE + "/rules/preview", TYPES), CREATES),
    ("POST", BASE + "/rules"): (send("POST", BASE + "/rules", TYPES | {"name": "other"}), CREATES),
    ("GET", BASE + "/rules"): (get(BASE + "/rules"), LISTS),
    ("GET", RULE): (get(RULE), HIDDEN),
    ("PUT", RULE): (send("PUT", RULE, TYPES | {"name": NAME}, If_Match='"1"'), HIDDEN),
    ("DELETE", RULE): (
        send("DELETE", BASE + "/rules/{spare_rule_id}", If_Match='"1"'),
        HIDDEN,
    ),
    ("GET", BASE + "/deliveries"): (get(BASE + "/deliveries"), LISTS),
    ("GET", DELIVERY): (get(DELIVERY), HIDDEN),
    ("POST", DELIVERY + "/resend"): (send("POST", DELIVERY + "/resend"), HIDDEN),
    ("POST", DELIVERY + "/cancel"): (send("POST", DELIVERY + "/cancel"), HIDDEN),
    ("GET", BASE + "/inbox"): (get(BASE + "/inbox"), LISTS),
    ("GET", BASE + "/inbox/unread"): (get(BASE + "/inbox/unread"), LISTS),
    ("POST", BASE + "/inbox/read"): (send("POST", BASE + "/inbox/read", {"all": True}), OWN),
}


async def own(house: House, owned: Owned) -> None:
    """Channels, rules, and a delivery that failed, as no mail server is set."""
    config: dict[str, Any] = MAIL | {"to": [f"{CANARY}@example.com"]}
    hook: dict[str, Any] = {"kind": "webhook", "url": f"https://hooks.example.com/{CANARY}"}
    for name, key, where in (
        (NAME, "channel_id", config), (f"{NAME}-2", "spare_channel_id", config),
        (f"{NAME}-3", "hook_id", hook),
    ):  # fmt: skip
        body = {"name": name, "config": where}
        answer = await house.client.post(BASE + "/channels", json=body)
        assert answer.status_code == 201, answer.text
        owned.ids[key] = answer.json()["id"]
    for name, key in ((NAME, "rule_id"), (f"{NAME}-2", "spare_rule_id")):
        condition = f"event.subject == '{CANARY}'"
        body = TYPES | {"name": name, "condition": condition, "channel": NAME}
        answer = await house.client.post(BASE + "/rules", json=body)
        assert answer.status_code == 201, answer.text
        owned.ids[key] = answer.json()["id"]
    tried = await house.client.post(f"{BASE}/channels/{owned.ids['channel_id']}/test")
    assert tried.status_code == 202, tried.text
    owned.ids["delivery_id"] = tried.json()["id"]
    for _ in range(200):
        one = await house.client.get(f"{BASE}/deliveries/{owned.ids['delivery_id']}")
        if one.json()["state"] == "failed":
            return
        await asyncio.sleep(0.02)
    raise AssertionError(one.text)
