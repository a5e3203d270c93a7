"""The frame of every page: sign-in, keys, palette, the live feed, offline; both themes, without a mouse."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import Pages, WebServer

pytestmark = pytest.mark.slow

KEPT = "localStorage.getItem('camel-ext.key')"


def live(page: Page) -> None:
    """Wait until the feed lives."""
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/settings/"])
def test_has_no_barriers(
    page: Pages, axe: Callable[[Page], None], theme: str, width: int, path: str
) -> None:
    opened = page(theme, width, 844 if width == 390 else 800)
    opened.goto(path)
    expect(opened.get_by_role("heading", level=1)).to_be_visible()
    live(opened)
    axe(opened)


def test_says_that_the_line_is_cut_and_comes_back(page: Pages, web_server: WebServer) -> None:
    opened = page()
    opened.goto("/")
    live(opened)
    web_server.kill()
    expect(opened.get_by_text("Connection lost,")).to_be_visible()
    web_server.start()
    expect(opened.get_by_text("Back, nothing missed")).to_be_visible(timeout=20_000)
    live(opened)
    page.wrong.clear()


def test_signs_in_by_a_link_that_works_once(page: Pages, web_server: WebServer) -> None:
    with web_server.client() as client:
        code = client.post("/api/v1/sign-in-codes").json()["code"]
    opened = page(signed_in=False)
    opened.goto(f"/settings/#code={code}")
    live(opened)
    assert opened.url == f"{web_server.url}/settings/"
    assert opened.evaluate(KEPT) != web_server.key
    again = page(signed_in=False)
    again.goto(f"/#code={code}")
    expect(again.locator("main").get_by_role("alert")).to_contain_text("was used, or is too old")
    assert again.evaluate(KEPT) is None
    page.wrong.clear()  # the console tells of the 401


def test_keeps_no_key_that_the_server_does_not_know(page: Pages, web_server: WebServer) -> None:
    opened = page(signed_in=False)
    opened.goto("/")
    opened.get_by_label("Key").fill("cx_wrong")
    opened.keyboard.press("Enter")
    expect(opened.locator("main").get_by_role("alert")).to_contain_text("does not know this key")
    assert opened.evaluate(KEPT) is None
    opened.get_by_label("Key").fill(web_server.key)
    opened.keyboard.press("Enter")
    live(opened)
    page.wrong.clear()


def test_asks_again_over_the_page_where_a_key_is_refused(
    page: Pages, web_server: WebServer
) -> None:
    with web_server.client() as client:
        made = client.post("/api/v1/keys", json={"name": "to be revoked", "role": "owner"}).json()
        opened = page(signed_in=False)
        opened.goto("/settings/")
        opened.get_by_label("Key").fill(made["secret"])
        opened.keyboard.press("Enter")
        opened.get_by_role("button", name="Make a key").click()
        opened.get_by_label("Name").fill("typed before")
        assert client.delete(f"/api/v1/keys/{made['id']}").is_success
    opened.get_by_role("button", name="Make it").click()
    asked = opened.get_by_role("dialog", name="Sign in again")
    expect(asked).to_be_visible()
    asked.get_by_label("Key").fill(web_server.key)
    asked.get_by_role("button", name="Open").click()
    expect(asked).not_to_be_visible()
    expect(opened.get_by_label("Name")).to_have_value("typed before")
    page.wrong.clear()


def test_is_walked_by_keys_alone(page: Pages) -> None:
    opened = page()
    opened.goto("/")
    live(opened)
    opened.keyboard.press("g")
    opened.keyboard.press("s")
    expect(opened).to_have_url(re.compile("/settings/$"))
    opened.keyboard.press("?")
    sheet = opened.get_by_role("dialog", name="Keys")
    expect(sheet.get_by_text("Go to Settings")).to_be_visible()
    opened.keyboard.press("Escape")
    opened.keyboard.press("Control+k")
    expect(opened.get_by_placeholder("Search or jump to")).to_be_focused()
    opened.keyboard.type("certif")
    expect(opened.get_by_role("option", name=re.compile("Certificates")).first).to_be_visible()
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile("/experiments/$"))


def test_the_navigation_is_a_rail_where_one_works(page: Pages) -> None:
    opened = page()
    nav = opened.get_by_role("navigation", name="Main")

    def width(wanted: int) -> None:
        expect(nav).to_have_css("width", f"{wanted}px")

    opened.goto("/workflows/")
    width(208)
    opened.goto("/workflows/run/")
    width(52)
    live(opened)
    opened.keyboard.press("[")
    width(208)
    opened.reload()
    width(208)
    opened.goto("/annotations/queue/")
    width(208)  # remembered for both
    live(opened)
    opened.keyboard.press("[")
    opened.get_by_role("link", name="Logs").first.click()
    width(208)  # the others are as they were
    opened.go_back()
    width(52)


def test_a_key_is_changed_and_switched_off(page: Pages, axe: Callable[[Page], None]) -> None:
    opened = page()
    opened.goto("/workflows/")
    live(opened)
    opened.keyboard.press("?")
    sheet = opened.get_by_role("dialog", name="Keys")
    sheet.get_by_role("button", name="Change the key of “Start a run”").click()
    opened.keyboard.press("j")
    expect(sheet.get_by_role("status")).to_have_text("This is the key of “Next row”")
    opened.keyboard.press("o")
    expect(sheet.get_by_role("button", name="Give “Start a run” its own key back")).to_be_visible()
    axe(opened)
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("button", name="Start a run O")).to_be_visible()
    opened.keyboard.press("n")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.keyboard.press("o")
    expect(opened.get_by_role("dialog", name="Start a run?")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.keyboard.press("?")
    sheet.get_by_role("button", name="Change the key of “Start a run”").click()
    opened.keyboard.press("Delete")
    opened.keyboard.press("Escape")
    opened.keyboard.press("o")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.wait_for_timeout(1500)  # until the server has it
    other = page()
    other.goto("/settings/")
    kept = other.get_by_role("listitem").filter(has_text="Start a run")
    expect(kept).to_contain_text("off")
    kept.get_by_role("button").click()
    expect(kept).to_have_count(0)
    other.wait_for_timeout(1500)


def test_keeps_preferences_for_every_browser_of_a_person(page: Pages) -> None:
    opened = page()
    opened.goto("/settings/")
    opened.get_by_role("group", name="Theme").first.get_by_text("Dark").click()
    expect(opened.locator("html")).to_have_attribute("data-theme", "dark")
    opened.wait_for_timeout(1500)
    other = page()
    other.goto("/settings/")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    other.get_by_role("group", name="Theme").first.get_by_text("System").click()
    expect(other.locator("html")).to_have_attribute("data-theme", "light")
    other.wait_for_timeout(1500)


def test_shows_offline_what_this_key_saw_last(page: Pages, web_server: WebServer) -> None:
    opened = page()
    opened.goto("/settings/")
    live(opened)
    opened.evaluate("navigator.serviceWorker.ready")
    opened.reload()  # now under the worker: what it sees, it keeps
    expect(opened.get_by_text("owner's key in the data folder").first).to_be_visible()
    live(opened)
    web_server.kill()
    try:
        opened.reload()
        expect(opened.get_by_role("heading", level=1)).to_have_text("Settings")
        expect(opened.get_by_text("What you see is from")).to_be_visible()
        expect(opened.get_by_text("owner's key in the data folder").first).to_be_visible()
        opened.evaluate("localStorage.setItem('camel-ext.key', 'cx_another')")
        opened.reload()  # another key sees nothing of it
        expect(opened.get_by_role("heading", level=1)).to_have_text("Settings")
        expect(opened.get_by_text("The server did not answer").first).to_be_visible()
    finally:
        opened.close()  # else it asks the new server with the other key, and is refused
        web_server.start()
        page.wrong.clear()


def test_a_page_whose_scripts_do_not_come_is_loaded_again_by_itself(page: Pages) -> None:
    opened = page()
    opened.add_init_script("delete Navigator.prototype.serviceWorker")  # which would have them
    opened.goto("/")
    first = opened.content()
    is_cut = [True]

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if is_cut[0] and name not in first:
            route.abort()
        else:
            route.continue_()

    opened.route("**/_next/static/chunks/**", answer)
    opened.get_by_role("link", name="Datasets", exact=True).first.click()
    expect(opened.get_by_text("This page could not be loaded")).to_be_visible()
    is_cut[0] = False
    expect(opened.get_by_role("heading", level=1, name="Datasets")).to_be_visible()
    page.wrong.clear()  # the console tells of scripts that did not come
