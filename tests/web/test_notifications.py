"""The bell, the inbox, and Settings, Notifications: a rule is made, something happens, the bell tells it."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.web.conftest import Pages
from tests.web.lived_in import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]


def test_from_a_rule_to_the_bell_to_the_inbox(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/settings/")
    page.get_by_role("link", name="Notifications").click()
    expect(page.get_by_role("heading", name="Notifications", level=1)).to_be_visible()
    expect(page.get_by_text("built in")).to_be_visible()
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Name").fill("every-run")
    page.get_by_label("Only if").fill("event.data.workflow == 'pair'")
    page.get_by_role("button", name="Try it on the past").click()
    past = page.get_by_role("region", name="On the past")
    expect(past).to_contain_text("A run of pair succeeded")
    axe(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("every-run")).to_be_visible()

    page.get_by_role("button", name="Change every-run").click()
    expect(page.get_by_label("Name")).to_have_value("every-run")
    expect(page.get_by_label("Only if")).to_have_value("event.data.workflow == 'pair'")
    narrower = "event.data.workflow == 'pair' && event.data.state == 'succeeded'"
    page.get_by_label("Only if").fill(narrower)
    axe(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text(narrower)).to_be_visible()
    rules = house.ask("GET", "/notifications/rules")["items"]
    (kept,) = [rule for rule in rules if rule["name"] == "every-run"]
    assert (kept["condition"], kept["channel"], kept["enabled"]) == (narrower, None, True)
    page.get_by_role("button", name="Change every-run").click()
    page.get_by_label("Only if").fill("event.data.workflow == 'other'")
    theirs = ("name", "event_types", "channel", "timezone", "enabled")
    changed = {name: kept[name] for name in theirs} | {"condition": "true"}
    house.put(f"/notifications/rules/{kept['id']}", changed, kept["revision"])
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody changed every-run meanwhile")).to_be_visible()
    pages.refused(412)
    expect(page.get_by_label("Only if")).to_have_value("event.data.workflow == 'other'")
    page.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_label("Only if")).to_have_value("true")
    page.get_by_label("Only if").fill(narrower)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Change needs-you").click()
    expect(page.get_by_label("Name")).to_be_disabled()  # the built-in rule keeps its name
    page.get_by_role("button", name="Leave").click()

    house.ask("POST", "/notifications/inbox/read", {"all": True})
    expect(page.get_by_role("button", name="Inbox, nothing unread")).to_be_visible()
    run = house.ask("POST", "/runs", {"workflow": "pair", "input": {"goal": "Name a river."}})
    house.until(f"/runs/{run['id']}")
    bell = page.get_by_role("button", name="Inbox, 1 unread")
    expect(bell).to_be_visible()  # the feed says so: nothing is reloaded
    bell.click()
    inbox = page.get_by_role("region", name="Inbox")
    expect(inbox.get_by_role("link", name="A run of pair succeeded").first).to_be_visible()
    found = Axe().run(page, context={"include": [["section[aria-label='Inbox']"]]})
    assert found.violations_count == 0, found.generate_report()  # what it covers is not its affair
    inbox.get_by_role("link", name="A run of pair succeeded").first.click()
    expect(page).to_have_url(f"{house.url}/workflows/run/?id={run['id']}")
    expect(page.get_by_role("button", name="Inbox, nothing unread")).to_be_visible()

    page.goto("/notifications/")
    expect(page.get_by_role("heading", name="Inbox", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="A run of pair succeeded").first).to_be_visible()
    page.get_by_role("button", name="Only unread").click()
    expect(page.get_by_text("All is read")).to_be_visible()
    axe(page)


def test_a_channel_that_cannot_send_says_why(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages(width=390)
    page.goto("/settings/notifications/")
    page.get_by_role("button", name="New channel").click()
    page.get_by_label("Name").fill("inside")
    page.get_by_label("URL").fill("http://169.254.169.254/latest")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("is not an address of the open internet")).to_be_visible()
    pages.refused(422)
    page.get_by_label("URL").fill("https://hooks.example.com/secret")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Have you kept its secret?")).to_be_visible()
    expect(page.get_by_text("whsec_")).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text("https://hooks.example.com/…")).to_be_visible()
    page.get_by_role("button", name="New channel").click()
    page.get_by_label("Name").fill("mail")
    page.get_by_label("Kind").select_option("email")
    page.get_by_label("Mailboxes").fill("ada@example.com")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("no mail server is set")).to_be_visible()
    row = page.get_by_role("listitem").filter(has_text="ada@example.com")
    row.get_by_role("button", name="Test").click()
    log = page.get_by_role("list", name="Deliveries")
    expect(log.get_by_text("Failed").first).to_be_visible()  # told by the feed
    axe(page)


def test_a_channel_is_changed_and_its_secret_rotated(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    url = "https://hooks.example.com/secret"
    body = {"name": "desk", "config": {"kind": "webhook", "url": url}}
    made = house.ask("POST", "/notifications/channels", body)
    path = f"/notifications/channels/{made['id']}"
    page = pages()
    page.goto("/settings/notifications/")
    page.get_by_role("button", name="Rotate the secret of desk").click()
    expect(page.get_by_text("For a day the old one signs, too")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Rotate secret").click()
    expect(page.get_by_text("Have you kept its secret?")).to_be_visible()
    expect(page.get_by_text("For a day the old one signs, too")).to_be_visible()
    shown = page.get_by_role("button", name="whsec_")
    assert made["secret"] not in shown.inner_text()
    axe(page)
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text("whsec_")).to_have_count(0)
    assert house.ask("GET", path)["revision"] == made["revision"] + 1

    page.get_by_role("button", name="Change desk").click()
    expect(page.get_by_label("Name")).to_be_disabled()
    expect(page.get_by_label("URL")).to_have_value("")  # its path is kept secret
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("URL").fill("https://other.example.com/secret")
    page.get_by_label("Send by it").uncheck()
    house.ask("POST", f"{path}/rotate-secret")  # no event tells of it: Save is refused
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody changed desk meanwhile")).to_be_visible()
    pages.refused(412)
    axe(page)
    page.get_by_role("button", name="Keep mine").click()
    expect(page.get_by_label("URL")).to_have_value("https://other.example.com/secret")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = page.get_by_role("listitem").filter(has_text="https://other.example.com/…")
    expect(row.get_by_text("off", exact=True)).to_be_visible()
    assert house.ask("GET", path)["enabled"] is False
    page.get_by_role("button", name="Delete desk").click()
    expect(page.get_by_text("desk is gone")).to_be_visible()
