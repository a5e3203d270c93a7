"""Settings, Schedules: what starts by the clock, its next five times, pause, run now, change, the history."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Pages
from tests.web.lived_in import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]


def test_from_settings_to_a_firing_by_hand(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/settings/")
    page.get_by_role("link", name="Schedules").click()
    expect(page.get_by_role("heading", name="Schedules", level=1)).to_be_visible()
    coming = page.get_by_role("listitem").filter(has_text="here")
    expect(coming).to_have_count(5)
    asked = house.ask("GET", f"/schedules/{house.ids['schedule']}/next")
    first = asked["items"][0]["local"][:16].replace("T", " ")
    expect(coming.first).to_contain_text(first)
    fired = page.get_by_role("listitem").filter(has_text="by hand")
    before = fired.count()
    page.get_by_role("button", name="Run now").click()
    expect(fired).to_have_count(before + 1)  # the feed says so: nothing is reloaded
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused since")).to_be_visible()
    assert house.ask("GET", f"/schedules/{house.ids['schedule']}")["paused"] is True
    axe(page)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert house.ask("GET", f"/schedules/{house.ids['schedule']}")["paused"] is False


def test_one_that_came_by_the_command_line_shows_by_itself(house: LivedIn, pages: Pages) -> None:
    page = pages(width=390)
    page.goto("/settings/schedules/")
    expect(page.get_by_role("link", name="nightly")).to_be_visible()
    body = {
        "name": "weekly",
        "task": "datasets.build_version",
        "arguments": {"name": "weekly", "filter": {}},
        "timing": {"kind": "every", "every_s": 604_800},
    }
    made = house.ask("POST", "/schedules", body)
    page.get_by_role("link", name="weekly").click()
    expect(page).to_have_url(f"{house.url}/settings/schedules/?id={made['id']}")
    expect(page.get_by_text("It has not fired yet.")).to_be_visible()


def test_the_next_five_are_seen_before_anything_is_saved(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/settings/schedules/")
    page.get_by_role("button", name="New schedule").click()
    page.get_by_label("Name").fill("rivers")
    page.get_by_label("With").fill('{"workflow": "pair", "input": {"goal": "Name a river."}}')
    page.get_by_label("Minute, hour, day, month, weekday").fill("0 25 * * *")
    page.get_by_label("On the clocks of").fill("Europe/Berlin")
    page.get_by_role("button", name="Show the next five").click()
    expect(page.get_by_text("is no cron expression")).to_be_visible()
    pages.refused(422)
    page.get_by_label("Minute, hour, day, month, weekday").fill("0 9 * * MON")
    page.get_by_label("Of times nobody saw").select_option("none")
    page.get_by_label("Up to so many minutes later").fill("5")
    page.get_by_role("button", name="Show the next five").click()
    coming = page.get_by_role("region", name="The next five times")
    expect(coming.get_by_role("listitem")).to_have_count(5)
    expect(coming).to_contain_text("09:00")
    expect(coming).to_contain_text("up to 300 s later")
    axe(page)
    assert [s for s in house.ask("GET", "/schedules")["items"] if s["name"] == "rivers"] == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="rivers")).to_be_visible()
    made = next(s for s in house.ask("GET", "/schedules")["items"] if s["name"] == "rivers")
    assert made["timing"] == {"kind": "cron", "cron": "0 9 * * MON", "timezone": "Europe/Berlin"}
    assert (made["catch_up"], made["jitter_s"]) == ("none", 300)
    assert made["arguments"] == {"workflow": "pair", "input": {"goal": "Name a river."}}

    page.get_by_role("button", name="Delete rivers").click()
    axe(page)
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Delete rivers").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("rivers is gone")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="nightly")).to_be_visible()
    expect(page.get_by_role("link", name="rivers")).to_have_count(0)
    assert "rivers" not in {s["name"] for s in house.ask("GET", "/schedules")["items"]}


def test_one_is_changed_and_nobody_else_s_change_is_lost(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    body = {
        "name": "steps",
        "description": "each morning",
        "task": "workflows.start_run",
        "arguments": {"workflow": "pair", "input": {"goal": "Name a river."}},
        "timing": {"kind": "every", "every_s": 25_200},
        "grace_s": 600,
    }
    made = house.ask("POST", "/schedules", body)
    page = pages()
    page.goto(f"/settings/schedules/?id={made['id']}")
    page.get_by_role("button", name="Change steps").click()
    expect(page.get_by_label("Name")).to_be_disabled()
    expect(page.get_by_label("With")).to_have_value(re.compile("Name a river"))
    expect(page.get_by_label("Every", exact=True)).to_have_value("7")
    page.get_by_label("Every", exact=True).fill("6")
    page.get_by_role("button", name="Show the next five").click()
    coming = page.get_by_role("region", name="The next five times")
    expect(coming.get_by_role("listitem")).to_have_count(5)
    told = coming.get_by_role("listitem").first.inner_text().split("\n")[0]
    axe(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("steps is changed")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    after = house.ask("GET", f"/schedules/{made['id']}")
    assert after["timing"] == {"kind": "every", "every_s": 21_600}
    for name in ("description", "arguments", "grace_s", "overlap", "paused"):
        assert after[name] == made[name]
    following = house.ask("GET", f"/schedules/{made['id']}/next")["items"]
    assert following[0]["local"][:16].replace("T", " ") == told

    page.get_by_role("button", name="Change steps").click()
    page.get_by_label("Up to so many minutes later").fill("5")
    house.ask("POST", f"/schedules/{made['id']}/pause", {"reason": "a rest"})
    expect(page.get_by_text("Somebody changed steps meanwhile")).to_be_visible()  # by the feed
    axe(page)
    page.get_by_role("button", name="Show the next five").click()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_label("Up to so many minutes later")).to_have_value("5")
    page.get_by_role("button", name="Show the next five").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    kept = house.ask("GET", f"/schedules/{made['id']}")
    assert (kept["jitter_s"], kept["paused"], kept["pause_reason"]) == (300, True, "a rest")

    page.get_by_role("button", name="Change steps").click()
    page.get_by_label("Every", exact=True).fill("9")
    house.ask("POST", f"/schedules/{made['id']}/resume")
    page.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_label("Every", exact=True)).to_have_value("6")
    page.get_by_role("button", name="Leave").click()
    page.get_by_role("button", name="Delete steps").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("steps is gone")).to_be_visible()
