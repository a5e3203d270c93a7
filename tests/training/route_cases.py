"""How each route of trainings is called with things of A; tests/test_routes.py tries them as others."""

from sqlalchemy.orm import Session

from camel_ext.training.process import EXTRA, Yard
from tests.conftest import House
from tests.fakes.launcher import Act, FakeLauncher
from tests.route_calls import CANARY, HIDDEN, LISTS, NAME, Cases, Owned, get, send
from tests.training.makers import add_dataset, make_pair

TRAININGS = "/api/v1/trainings"
ONE = TRAININGS + "/{training_id}"
PAIRS = f"{NAME}-pairs"
WANTED = {"name": "another", "base": "base", "dataset": PAIRS}

CASES: Cases = {
    ("POST", TRAININGS): (send("POST", TRAININGS, WANTED), HIDDEN),
    ("GET", TRAININGS): (get(TRAININGS), LISTS),
    ("GET", TRAININGS + "/presets"): (get(TRAININGS + "/presets"), LISTS),
    ("GET", TRAININGS + "/hyper"): (get(TRAININGS + "/hyper"), LISTS),
    ("GET", TRAININGS + "/environment"): (get(TRAININGS + "/environment"), LISTS),
    ("GET", ONE): (get(ONE), HIDDEN),
    ("GET", ONE + "/metrics"): (get(ONE + "/metrics"), HIDDEN),
    ("GET", ONE + "/console"): (get(ONE + "/console"), HIDDEN),
    ("POST", ONE + "/cancel"): (send("POST", ONE + "/cancel"), HIDDEN),
    ("POST", ONE + "/resume"): (send("POST", ONE + "/resume"), HIDDEN),
}


async def own(house: House, owned: Owned) -> None:
    """A training of the local organisation, whose trainer works until it is stopped."""
    yard: Yard = house.runtime.extras[EXTRA]
    yard.launcher, yard.slots = FakeLauncher(Act(holds=True, console=CANARY)), 0
    runtime, tenant = house.runtime, house.owner.tenant

    def make(db: Session) -> None:
        add_dataset(db, runtime, [make_pair(1)], name=PAIRS)

    await runtime.write(tenant, make)
    made = await house.client.post(TRAININGS, json={**WANTED, "name": NAME})
    assert made.status_code == 202, made.text
    owned.ids["training_id"] = made.json()["id"]
