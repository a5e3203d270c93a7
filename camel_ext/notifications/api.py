"""Routes of rules, channels and the delivery log."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from sqlalchemy.orm import Session

from camel_ext.core.door import Created, IfMatch, MaybeIfMatch, TenantDoor, etag
from camel_ext.core.http import problems
from camel_ext.core.paging import Page
from camel_ext.core.routes import Router
from camel_ext.identity import Editor, Owner, Viewer
from camel_ext.notifications import channels, deliveries, inbox, rules
from camel_ext.notifications.models import Channel, Delivery
from camel_ext.notifications.schemas import (
    ChannelChange,
    ChannelCreate,
    ChannelMade,
    ChannelShown,
    ChannelsShown,
    DeliveryQuery,
    DeliveryShown,
    EventTypesShown,
    InboxQuery,
    NoticeShown,
    ReadMark,
    RuleChange,
    RulePreview,
    RulePreviewShown,
    RuleShown,
    RulesShown,
    UnreadShown,
)
from camel_ext.notifications.sending import office_of

BASE = "/api/v1/notifications"
router = Router(prefix=BASE, tags=["notifications"])

ChannelId = Annotated[UUID, Path(description="The channel's id.")]
RuleId = Annotated[UUID, Path(description="The rule's id.")]
DeliveryId = Annotated[UUID, Path(description="The delivery's id.")]


# -- channels --------------------------------------------------------------------------------------


@router.post("/channels", status_code=201, response_model=ChannelMade, responses=problems(409),
             summary="Make a channel; a webhook's secret is shown this once")  # fmt: skip
async def create_channel(body: ChannelCreate, request: Request, door: Owner) -> Response:
    office_of(door.runtime).check(body.config)

    def make(db: Session) -> Created:
        made = channels.create_channel(db, door, body)
        thing = {**_columns(door, made), "secret": made.secret}
        return Created(thing, f"{BASE}/channels/{made.id}", made.revision)

    return await door.create(request, ChannelMade, make, remember=ChannelShown)


@router.get("/channels", responses=problems(), summary="Every channel, by name")
async def list_channels(door: Viewer) -> ChannelsShown:
    found = await door.read(channels.list_channels)
    return ChannelsShown(items=[_channel(door, each) for each in found])


@router.get("/channels/{channel_id}", responses=problems(404), summary="One channel")
async def show_channel(channel_id: ChannelId, door: Viewer, response: Response) -> ChannelShown:
    return _tagged(response, door, await door.read(channels.get_channel, channel_id))


@router.put("/channels/{channel_id}", responses=problems(404, 412, 428),
            summary="Replace where a channel goes, and whether it is on")  # fmt: skip
async def change_channel(
    channel_id: ChannelId, body: ChannelChange, door: Owner, revision: IfMatch, response: Response
) -> ChannelShown:
    office_of(door.runtime).check(body.config)
    changed = await door.write(channels.change_channel, door, channel_id, revision, body)
    return _tagged(response, door, changed)


@router.delete("/channels/{channel_id}", responses=problems(404, 409, 412, 428),
               summary="Delete a channel that no rule uses; its delivery log stays")  # fmt: skip
async def delete_channel(channel_id: ChannelId, door: Owner, revision: IfMatch) -> ChannelShown:
    return _channel(door, await door.write(channels.delete_channel, channel_id, revision))


@router.post("/channels/{channel_id}/rotate-secret", responses=problems(404, 409, 412),
             summary="Give a webhook a fresh secret; for a day the one before signs, too")  # fmt: skip
async def rotate_secret(
    channel_id: ChannelId, door: Owner, revision: MaybeIfMatch, response: Response
) -> ChannelMade:
    changed = await door.write(channels.rotate_secret, door, channel_id, revision)
    response.headers["ETag"] = etag(changed.revision)
    return ChannelMade(**_columns(door, changed), secret=changed.secret)


@router.post("/channels/{channel_id}/test", status_code=202, response_model=DeliveryShown,
             responses=problems(404, 409), summary="Send a test by a channel")  # fmt: skip
async def test_channel(channel_id: ChannelId, request: Request, door: Editor) -> Response:
    def make(db: Session) -> Created:
        made = deliveries.test_channel(db, door, channel_id)
        return Created(made, f"{BASE}/deliveries/{made.id}")

    return await door.create(request, DeliveryShown, make, status=202)


def _columns(door: TenantDoor, channel: Channel) -> dict[str, Any]:
    computed = ("target", "problem", "secret")
    columns = {n: getattr(channel, n) for n in ChannelShown.model_fields if n not in computed}
    return {
        **columns,
        "target": channels.target_of(channel.kind, channel.config),
        "problem": office_of(door.runtime).problem(channel),
    }


def _channel(door: TenantDoor, channel: Channel) -> ChannelShown:
    return ChannelShown(**_columns(door, channel))


def _tagged(response: Response, door: TenantDoor, channel: Channel) -> ChannelShown:
    response.headers["ETag"] = etag(channel.revision)
    return _channel(door, channel)


# -- rules -----------------------------------------------------------------------------------------


@router.get("/events", responses=problems(), summary="Types of events that rules can ask for")
async def list_events(_door: Viewer) -> EventTypesShown:
    return EventTypesShown(items=rules.event_types())


@router.post("/rules/preview", responses=problems(),
             summary="What a rule would have noticed among the last events")  # fmt: skip
async def preview(body: RulePreview, door: Editor) -> RulePreviewShown:
    return await door.read(rules.preview, body)


@router.post("/rules", status_code=201, response_model=RuleShown, responses=problems(404, 409),
             summary="Make a rule")  # fmt: skip
async def create_rule(body: RuleChange, request: Request, door: Editor) -> Response:
    def make(db: Session) -> Created:
        made = rules.create_rule(db, door, body)
        shown = rules.shown(made, rules.channel_names(db))
        return Created(shown, f"{BASE}/rules/{made.id}", made.revision)

    return await door.create(request, RuleShown, make)


@router.get("/rules", responses=problems(), summary="Every rule, by name")
async def list_rules(door: Viewer) -> RulesShown:
    def read(db: Session) -> RulesShown:
        names = rules.channel_names(db)
        return RulesShown(items=[rules.shown(rule, names) for rule in rules.all_rules(db)])

    return await door.read(read)


@router.get("/rules/{rule_id}", responses=problems(404), summary="One rule")
async def show_rule(rule_id: RuleId, door: Viewer, response: Response) -> RuleShown:
    def read(db: Session) -> RuleShown:
        return rules.shown(rules.get_rule(db, rule_id), rules.channel_names(db))

    return _rule_tagged(response, await door.read(read))


@router.put("/rules/{rule_id}", responses=problems(404, 409, 412, 428),
            summary="Replace all of a rule")  # fmt: skip
async def change_rule(
    rule_id: RuleId, body: RuleChange, door: Editor, revision: IfMatch, response: Response
) -> RuleShown:
    def write(db: Session) -> RuleShown:
        changed = rules.change_rule(db, door, rule_id, revision, body)
        return rules.shown(changed, rules.channel_names(db))

    return _rule_tagged(response, await door.write(write))


@router.delete("/rules/{rule_id}", responses=problems(404, 409, 412, 428),
               summary="Delete a rule; what it noticed stays")  # fmt: skip
async def delete_rule(rule_id: RuleId, door: Editor, revision: IfMatch) -> RuleShown:
    def write(db: Session) -> RuleShown:
        names = rules.channel_names(db)
        return rules.shown(rules.delete_rule(db, rule_id, revision), names)

    return await door.write(write)


def _rule_tagged(response: Response, shown: RuleShown) -> RuleShown:
    response.headers["ETag"] = etag(shown.revision)
    return shown


# -- deliveries ------------------------------------------------------------------------------------


@router.get("/deliveries", response_model=Page[DeliveryShown], responses=problems(),
            summary="The delivery log, newest first")  # fmt: skip
async def list_deliveries(
    door: Viewer, wanted: Annotated[DeliveryQuery, Query()]
) -> dict[str, Any]:
    found, following = await door.read(deliveries.list_deliveries, wanted, wanted.place)
    return {"items": found, "next_cursor": following}


@router.get("/deliveries/{delivery_id}", response_model=DeliveryShown, responses=problems(404),
            summary="One delivery")  # fmt: skip
async def show_delivery(delivery_id: DeliveryId, door: Viewer) -> Delivery:
    return await door.read(deliveries.get_delivery, delivery_id)


@router.post("/deliveries/{delivery_id}/resend", status_code=202, response_model=DeliveryShown,
             responses=problems(404, 409), summary="Send a delivery that has ended again")  # fmt: skip
async def resend(delivery_id: DeliveryId, door: Editor) -> Delivery:
    return await door.write(deliveries.send_again, door.runtime, delivery_id)


@router.post("/deliveries/{delivery_id}/cancel", response_model=DeliveryShown,
             responses=problems(404), summary="Send a delivery no more")  # fmt: skip
async def cancel(delivery_id: DeliveryId, door: Editor) -> Delivery:
    return await door.write(deliveries.cancel_delivery, door.runtime.clock, delivery_id)


# -- inbox -----------------------------------------------------------------------------------------


@router.get("/inbox", responses=problems(), summary="Your inbox, newest first")
async def list_inbox(door: Viewer, wanted: Annotated[InboxQuery, Query()]) -> Page[NoticeShown]:
    def read(db: Session) -> tuple[list[NoticeShown], str | None]:
        return inbox.list_inbox(db, door.principal_id, wanted.place, unread=wanted.unread)

    found, following = await door.read(read)
    return Page(items=found, next_cursor=following)


@router.get("/inbox/unread", responses=problems(), summary="How many notices you have not read")
async def count_unread(door: Viewer) -> UnreadShown:
    return await door.read(inbox.count_unread, door.principal_id)


@router.post("/inbox/read", responses=problems(), summary="Say which notices you have read")
async def mark_read(body: ReadMark, door: Viewer) -> UnreadShown:
    def write(db: Session) -> UnreadShown:
        clock = door.runtime.clock
        return inbox.mark_read(db, clock, door.principal_id, body.ids, everything=body.all)

    return await door.write(write)
