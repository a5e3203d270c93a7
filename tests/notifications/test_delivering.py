"""Webhooks that really arrive: signed, once where all goes well, again where not, and given up with a cause."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from camel_ext.core.models import State
from camel_ext.notifications import channels, deliveries
from camel_ext.notifications.errors import DeliveryOpen
from camel_ext.notifications.schemas import ChannelChange
from tests.notifications.conftest import Desk, Heard, Receiver, failed


def verify(heard: Heard, secret: str) -> bool:
    """What a receiver does by Standard Webhooks, written anew."""
    headers = heard.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + heard.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return wanted in headers["webhook-signature"].split(" ")


async def sent(desk: Desk, url: str, **rule: object) -> None:
    await desk.channel(url)
    await desk.rule(**rule)  # type: ignore[arg-type]
    await desk.happen(failed())
    await desk.leader().turn()


async def test_a_webhook_arrives_signed_as_a_cloud_event(desk: Desk, receiver: Receiver) -> None:
    await sent(desk, receiver.url)
    assert await desk.work() == [State.SUCCEEDED]
    (heard,) = receiver.heard
    (delivery,) = await desk.deliveries()
    channel = await desk.read(channels.find_channel, "hook")
    assert heard.path == "/hook?token=s3cret"
    assert heard.headers["content-type"].startswith("application/cloudevents+json")
    assert heard.headers["webhook-id"] == str(delivery.id)
    assert heard.headers["webhook-timestamp"] == str(int(desk.clock.now().timestamp()))
    assert verify(heard, channel.secret)
    assert not verify(heard, channels.new_secret())
    assert not verify(Heard("", heard.headers, heard.body + b" "), channel.secret)
    event = json.loads(heard.body)
    assert (event["specversion"], event["type"], event["subject"]) == (
        "1.0", "workflows.run.finished", "run-1",
    )  # fmt: skip
    (notice,) = event["data"]["notices"]
    assert notice["title"] == "A run of solve failed"
    assert notice["url"] == "https://cx.test/workflows/run/?id=run-1"
    assert notice["data"]["error_code"] == "serving.provider_failed"
    assert (delivery.response_code, delivery.attempts) == (204, 1)
    assert delivery.latency_ms is not None


async def test_both_secrets_sign_for_a_day_after_a_change(desk: Desk, receiver: Receiver) -> None:
    old = await desk.channel(receiver.url)
    new = await desk.write(channels.rotate_secret, desk.door, old.id, 1)
    for hours, also_old in ((0, True), (25, False)):
        desk.clock.advance(hours * 3600)
        await desk.write(deliveries.test_channel, desk.door, old.id)
        assert await desk.work() == [State.SUCCEEDED]
        heard = receiver.heard[-1]
        assert verify(heard, new.secret)
        assert verify(heard, str(old.secret)) == also_old
    assert json.loads(receiver.heard[0].body)["type"] == "notifications.test"


async def test_a_try_that_fails_is_made_again_later_under_the_same_id(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [(503, "busy"), (429, "slow down")]
    await sent(desk, receiver.url)
    pauses = []
    for n in range(2):
        assert await desk.work() == [State.WAITING]
        (delivery,) = await desk.deliveries()
        assert delivery.state is State.WAITING
        assert delivery.attempts == n + 1
        assert delivery.next_try_at is not None
        pauses.append((delivery.next_try_at - desk.clock.now()).total_seconds())
        assert await desk.work() == []  # not before its time
        desk.clock.advance(pauses[-1] + 1)
    assert delivery.error_detail == "it answered 429: slow down"
    assert await desk.work() == [State.SUCCEEDED]
    (delivery,) = await desk.deliveries()
    assert (delivery.attempts, delivery.response_code, delivery.error_code) == (3, 204, None)
    assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == 1
    assert 2.5 <= pauses[0] <= 5
    assert 10 <= pauses[1] <= 20


async def test_after_the_last_try_it_is_dead_with_its_cause_and_can_be_sent_again(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [(500, "")] * desk.settings.notifications.attempts
    await sent(desk, receiver.url)
    ends = []
    for _ in range(desk.settings.notifications.attempts):
        ends += await desk.work()
        desk.clock.advance(5 * 3600)
    assert ends == [State.WAITING] * 7 + [State.FAILED]
    (delivery,) = await desk.deliveries()
    assert delivery.state is State.FAILED
    assert (delivery.error_code, delivery.response_code) == ("notifications.not_taken", 500)
    assert delivery.error_detail == "8 tries: it answered 500"
    await desk.write(deliveries.send_again, desk.runtime, delivery.id)
    with pytest.raises(DeliveryOpen):
        await desk.write(deliveries.send_again, desk.runtime, delivery.id)
    assert await desk.work() == [State.SUCCEEDED]
    assert receiver.heard[-1].headers["webhook-id"] == str(delivery.id)


@pytest.mark.parametrize(("status", "words"), [(410, "410"), (404, "404"), (301, "a redirect")])
async def test_what_would_never_be_taken_is_not_tried_again(
    desk: Desk, receiver: Receiver, status: int, words: str
) -> None:
    receiver.answers, receiver.extra = [(status, "")], "Location: http://127.0.0.1:1/\r\n"
    await sent(desk, receiver.url)
    assert await desk.work() == [State.FAILED]
    (delivery,) = await desk.deliveries()
    assert words in str(delivery.error_detail)
    assert delivery.error_code == "notifications.not_sendable"
    assert len(receiver.heard) == 1


async def test_a_worker_that_dies_between_sending_and_writing_sends_it_again(
    desk: Desk, receiver: Receiver
) -> None:
    await sent(desk, receiver.url)
    await desk.work(dies=True)
    (delivery,) = await desk.deliveries()
    assert (delivery.state, len(receiver.heard)) == (State.RUNNING, 1)
    assert await desk.work() == [State.SUCCEEDED]
    (delivery,) = await desk.deliveries()
    assert (delivery.attempts, delivery.state) == (2, State.SUCCEEDED)
    assert [heard.headers["webhook-id"] for heard in receiver.heard] == [str(delivery.id)] * 2


async def test_an_address_that_is_not_allowed_any_more_is_refused_when_it_is_called(
    desk: Desk, receiver: Receiver
) -> None:
    await sent(desk, "http://10.1.2.3/hook")
    assert await desk.work() == [State.FAILED]
    (delivery,) = await desk.deliveries()
    assert "not an address of the open internet" in str(delivery.error_detail)


async def test_by_a_channel_that_is_off_or_gone_nothing_is_sent(
    desk: Desk, receiver: Receiver
) -> None:
    channel = await desk.channel(receiver.url)
    rule = await desk.rule(digest="hourly")
    await desk.happen(failed())
    await desk.leader().turn()
    off = {"config": channel.config, "enabled": False}
    wanted = ChannelChange.model_validate(off)
    await desk.write(channels.change_channel, desk.door, channel.id, 1, wanted)
    desk.clock.advance(timedelta(hours=2).total_seconds())
    assert await desk.work() == [State.SUCCEEDED]
    (delivery,) = await desk.deliveries()
    assert (delivery.state, receiver.heard) == (State.CANCELLED, [])
    assert rule.channel_id == channel.id


async def test_a_digest_says_all_of_it_in_one_message(desk: Desk, receiver: Receiver) -> None:
    await desk.channel(receiver.url)
    await desk.rule(digest="daily", daily_at="08:00", timezone="Europe/Berlin")
    await desk.happen(*(failed(f"run-{n}") for n in range(120)))
    leader = desk.leader()
    while await leader.turn() == 0.0:
        pass
    desk.clock.advance(8 * 3600)
    assert await desk.work() == [State.SUCCEEDED]
    event = json.loads(receiver.heard[0].body)
    assert event["type"] == "notifications.digest"
    assert (event["data"]["count"], len(event["data"]["notices"])) == (120, 100)


async def test_secrets_are_in_no_row_that_is_shown_and_in_no_log(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [(500, "")]
    await sent(desk, receiver.url)
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "httpx")  # as observability sets it: it logs every URL
    await desk.work()
    channel = await desk.read(channels.find_channel, "hook")
    shown = channels.target_of(channel.kind, channel.config)
    assert shown == f"http://127.0.0.1:{receiver.port}/…"
    (delivery,) = await desk.deliveries()
    kept = f"{delivery.error_detail} {delivery.subject}"
    assert "s3cret" not in kept + caplog.text
    assert str(channel.secret) not in caplog.text
