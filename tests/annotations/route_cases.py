"""What this room's routes are called with by strangers, viewers and other organisations."""

from tests.conftest import House
from tests.route_calls import CANARY, HIDDEN, LISTS, NAME, Call, Cases, Owned, get, send

ANNOTATIONS = "/api/v1/annotations"
BATCHES = "/api/v1/annotation-batches"
QUEUES = "/api/v1/annotation-queues"
ITEMS = "/api/v1/annotation-queue-items"


def about_ours(path: str, **fields: object) -> Call:
    """Send something about the interaction of A."""
    return lambda client, owned: client.post(
        path, json={"interaction_ids": [owned.ids["interaction_id"]], **fields}
    )


def queue_of_ours(name: str) -> Call:
    return lambda client, owned: client.post(
        QUEUES, json={"name": name, "kind": "thumbs", "sets": [[owned.ids["interaction_id"]]]}
    )


CASES: Cases = {
    ("POST", ANNOTATIONS): (about_ours(ANNOTATIONS, kind="thumbs", up=True), HIDDEN),
    ("GET", ANNOTATIONS): (get(ANNOTATIONS), LISTS),
    ("GET", ANNOTATIONS + "/{annotation_id}"): (get(ANNOTATIONS + "/{annotation_id}"), HIDDEN),
    ("POST", ANNOTATIONS + "/{annotation_id}/withdraw"): (
        send("POST", ANNOTATIONS + "/{annotation_id}/withdraw"),
        HIDDEN,
    ),
    ("POST", BATCHES): (about_ours(BATCHES, verifier="length"), HIDDEN),
    ("GET", BATCHES): (get(BATCHES), LISTS),
    ("GET", BATCHES + "/{batch_id}"): (get(BATCHES + "/{batch_id}"), HIDDEN),
    ("POST", BATCHES + "/{batch_id}/cancel"): (
        send("POST", BATCHES + "/{batch_id}/cancel"),
        HIDDEN,
    ),
    ("POST", BATCHES + "/{batch_id}/undo"): (send("POST", BATCHES + "/{batch_id}/undo"), HIDDEN),
    ("POST", QUEUES): (queue_of_ours("another"), HIDDEN),
    ("GET", QUEUES): (get(QUEUES), LISTS),
    ("GET", QUEUES + "/{queue_id}"): (get(QUEUES + "/{queue_id}"), HIDDEN),
    ("POST", QUEUES + "/{queue_id}/next"): (send("POST", QUEUES + "/{queue_id}/next"), HIDDEN),
    ("GET", QUEUES + "/{queue_id}/items"): (get(QUEUES + "/{queue_id}/items"), HIDDEN),
    ("GET", QUEUES + "/{queue_id}/progress"): (get(QUEUES + "/{queue_id}/progress"), HIDDEN),
    ("POST", QUEUES + "/{queue_id}/close"): (send("POST", QUEUES + "/{queue_id}/close"), HIDDEN),
    ("GET", ITEMS + "/{item_id}"): (get(ITEMS + "/{item_id}"), HIDDEN),
    ("POST", ITEMS + "/{item_id}/reserve"): (send("POST", ITEMS + "/{item_id}/reserve"), HIDDEN),
    ("POST", ITEMS + "/{item_id}/release"): (
        send("POST", ITEMS + "/{item_id}/release", {}),
        HIDDEN,
    ),
}


async def own(house: House, owned: Owned) -> None:
    """A judgement, a batch and a queue of the local organisation, about its interaction."""
    client, it = house.client, owned.ids["interaction_id"]
    thumbs = {"kind": "thumbs", "interaction_ids": [it], "up": True, "rationale": CANARY}
    annotation = await client.post(ANNOTATIONS, json=thumbs)
    params = {"all": [CANARY]}
    batch = await client.post(
        BATCHES, json={"verifier": "contains", "params": params, "interaction_ids": [it]}
    )
    queue = await client.post(
        QUEUES,
        json={"name": NAME, "kind": "thumbs", "guideline": CANARY, "sets": [[it]]},
    )
    for made in (annotation, batch, queue):
        assert made.status_code in (201, 202), made.text
    item = (await client.post(f"{QUEUES}/{queue.json()['id']}/next")).json()["item"]
    owned.ids |= {
        "annotation_id": annotation.json()["id"],
        "batch_id": batch.json()["id"],
        "queue_id": queue.json()["id"],
        "item_id": item["id"],
    }
