"""`status`: what a running server depends on, for people and machines."""

import json
from dataclasses import replace
from typing import Any

import pytest
from camel_ext_client import Client

from camel_ext.core.dependencies import Condition
from camel_ext.core.runtime import DATABASE, POLICY
from tests.cli.conftest import Camel, Served


def test_when_all_is_well_it_says_so_and_what_is_not_set(camel: Camel) -> None:
    result = camel("status")
    assert result.exit_code == 0, result.output
    assert "All that is used works." in result.output
    assert "Redis" in result.output
    assert "not set" in result.output
    assert "meanwhile: the feed, runs and answers go by the database" in result.output


def test_for_machines_each_has_its_state(camel: Camel) -> None:
    found = json.loads(camel("status", "--json").output)
    states = {each["name"]: each["state"] for each in found["dependencies"]}
    assert (found["state"], states[DATABASE], states["Redis"], states["disk"]) == (
        "ok",
        "up",
        "off",
        "up",
    )
    assert {"model endpoints", "local models"} <= states.keys()
    asked = {each["name"]: each["policy"] for each in found["dependencies"]}
    assert asked[DATABASE]["at_once"] > 0
    assert asked["Redis"] is None


def test_what_is_away_is_named_with_what_works_meanwhile(camel: Camel, served: Served) -> None:
    assert served.runtime is not None
    database = served.runtime.dependencies[DATABASE]
    file_policy = database.policy
    database.policy = replace(POLICY, open_s=60)  # as a server's; no probe meanwhile
    for _ in range(5):
        database.failed(ConnectionError("secret.host:5432 refused"))
    try:
        result = camel("status")
        assert result.exit_code == 1
        assert "lost: nothing is read or written" in result.output
        assert "meanwhile: clients keep their place" in result.output
        assert "secret.host" not in result.output
    finally:
        database.policy = file_policy
        database.worked()
    assert database.condition is Condition.UP
    assert camel("status").exit_code == 0


@pytest.mark.parametrize(
    ("months", "words"),
    [
        (None, None),
        ({"ahead": 2, "outside": False}, "✓ log by months    made to 2027-02-01, 2 months ahead"),
        ({"ahead": 0, "outside": False}, "! log by months    made to 2027-02-01, no month ahead"),
        ({"ahead": -1, "outside": False}, "✗ log by months    this one is not made"),
        ({"ahead": 2, "outside": True}, "2 months ahead  calls lie outside of them"),
    ],
)
def test_how_far_the_months_of_the_log_are_made_is_said_on_postgres(
    camel: Camel, monkeypatch: pytest.MonkeyPatch, months: dict[str, Any] | None, words: str | None
) -> None:
    told = months and {"until": "2027-02-01T00:00:00Z", **months}
    status: dict[str, Any] = {"state": "ok", "version": "1", "dependencies": [], "log_months": told}
    monkeypatch.setattr(Client, "status", lambda _self: status)
    said = camel("status").output
    assert ("log by months" in said) == (words is not None)
    assert words is None or words in said
    assert json.loads(camel("status", "--json").output)["log_months"] == told
