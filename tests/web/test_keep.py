"""Keep, by mouse: configurations edited by two people at once, and keys that are made and revoked."""

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import Pages
from tests.web.lived_in import Json, LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

PLAIN_HTTP = """
  delete Crypto.prototype.randomUUID;
  Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined });
"""  # what a browser lacks that comes from elsewhere without https


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def opened(pages: Pages, file: str = "agents.yaml") -> Page:
    """Open the configuration at a file."""
    page = pages()
    page.goto(f"/configuration/?name=main&file={file}")
    expect(editor(page)).to_be_visible()
    return page


def editor(page: Page) -> Locator:
    return page.locator(".cm-content")


def append(page: Page, text: str) -> None:
    """Type at the end of the file."""
    editor(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def stored(house: LivedIn) -> Json:
    shown: Json = house.ask("GET", "/configurations/main")
    return shown


def apply(page: Page) -> None:
    button = page.get_by_role("button", name="Apply")
    expect(button).to_be_enabled()
    button.click()


def test_a_mistake_is_shown_at_its_place_and_mended(pages: Pages, house: LivedIn) -> None:
    page = opened(pages, "workflows.yaml")
    expect(page.get_by_text("Valid. It changes nothing.")).to_be_visible()
    lines = stored(house)["files"]["workflows.yaml"].count("\n")
    append(page, "  broken:\n    steps: [{name: say, agent: nobody, prompt: Hi.}]\n")
    place = page.get_by_role("button", name=re.compile(f"workflows.yaml:{lines + 2}:"))
    expect(place.first).to_contain_text("nobody")
    expect(page.locator(".cm-lintRange-error").first).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    pages.refused(422)
    page.get_by_role("tab", name="agents.yaml").click()
    place.first.click()  # it leads there, also from another file
    expect(page.get_by_role("tab", name="workflows.yaml")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(editor(page)).to_be_focused()
    page.reload()  # what is typed is kept
    expect(place.first).to_contain_text("nobody")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Valid. It changes nothing.")).to_be_visible()
    expect(editor(page)).not_to_contain_text("nobody")
    pages.refused(422)


def test_a_change_is_applied_compared_and_restored(pages: Pages, house: LivedIn) -> None:
    before = stored(house)
    page = opened(pages)
    append(page, "  newcomer: {model: other, system: Be kind.}\n")
    expect(page.get_by_text("agent newcomer added")).to_be_visible()
    apply(page)
    now = before["revision"] + 1
    expect(page.get_by_text(f"main is v{now} now")).to_be_visible()
    assert "newcomer" in stored(house)["files"]["agents.yaml"]
    versions = page.get_by_role("complementary", name="Graph and versions")
    expect(versions.get_by_role("button", name=re.compile(f"^v{now}"))).to_be_disabled()
    versions.get_by_role("button", name=re.compile(f"^v{before['revision']}")).click()
    expect(dialog(page)).to_contain_text("newcomer")  # the difference
    dialog(page).get_by_role("button", name=f"Restore v{before['revision']}").click()
    expect(page.get_by_text(f"as v{now + 1}")).to_be_visible()
    expect(editor(page)).not_to_contain_text("newcomer")
    assert stored(house)["files"] == before["files"]
    assert stored(house)["revision"] == now + 1


def test_of_two_who_edit_at_once_nobody_loses_a_word(pages: Pages, house: LivedIn) -> None:
    first, second = opened(pages), opened(pages)
    revision = stored(house)["revision"]
    append(first, "  mine: {model: other, system: I was first.}\n")
    append(second, "  yours: {model: other, system: I was second.}\n")
    apply(first)
    expect(first.get_by_text(f"main is v{revision + 1} now")).to_be_visible()
    apply(second)
    asked = dialog(second)
    expect(asked.get_by_text("main was changed by someone")).to_be_visible()
    expect(asked).to_contain_text("I was first.")
    expect(asked).to_contain_text("I was second.")
    asked.get_by_role("button", name="Decide later").click()
    expect(editor(second)).to_contain_text("I was second.")
    second.reload()
    expect(editor(second)).to_contain_text("I was second.")
    apply(second)
    asked.get_by_role("button", name="Keep mine").click()
    expect(second.get_by_text(f"main is v{revision + 2} now")).to_be_visible()
    assert "I was second." in stored(house)["files"]["agents.yaml"]
    pages.refused(412)

    expect(editor(first)).to_contain_text("I was second.")  # who types nothing sees the new one
    append(first, "  third: {model: other}\n")
    append(second, "  fourth: {model: other}\n")
    apply(second)
    expect(second.get_by_text(f"main is v{revision + 3} now")).to_be_visible()
    apply(first)
    dialog(first).get_by_role("button", name="Take theirs").click()
    expect(editor(first)).to_contain_text("fourth")
    expect(editor(first)).not_to_contain_text("third")
    expect(first.get_by_role("button", name="Discard")).to_have_count(0)
    pages.refused(412)


def test_what_is_typed_here_outlives_a_visit_to_a_queue(pages: Pages, house: LivedIn) -> None:
    page = opened(pages)
    append(page, "  half: {model: other}\n")
    expect(page.get_by_text("changed here")).to_be_visible()
    page.goto(f"/annotations/queue/?id={house.ids['queue']}")  # which forgets old drafts of its own
    expect(page.get_by_role("button", name=re.compile("^Good"))).to_be_visible()
    page.goto("/configuration/?name=main&file=agents.yaml")
    expect(editor(page)).to_contain_text("half: {model: other}")
    page.get_by_role("button", name="Discard").click()
    expect(editor(page)).not_to_contain_text("half")
    page.get_by_role("button", name="Undo").click()
    expect(editor(page)).to_contain_text("half: {model: other}")
    page.get_by_role("button", name="Discard").click()


def test_a_key_is_made_shown_once_and_revoked(pages: Pages, house: LivedIn) -> None:
    page = pages()
    page.add_init_script(PLAIN_HTTP)
    page.goto("/settings/")
    page.get_by_role("button", name="Make a key").click()
    asked = dialog(page)
    expect(asked.get_by_role("button", name="Make it")).to_be_disabled()
    asked.get_by_label("Name").fill("by mouse")
    asked.get_by_label("May").select_option("viewer")
    asked.get_by_label("Until").select_option("30")
    asked.get_by_role("button", name="Make it").click()
    expect(asked.get_by_text("It is shown this once")).to_be_visible()
    secret = asked.get_by_role("button", name="Copy the key").inner_text().split()[0]
    asked.get_by_role("button", name="Copy the key").click()
    expect(asked.get_by_text("Copied")).to_be_attached()
    asked.get_by_role("button", name="I have it").click()
    expect(dialog(page)).to_have_count(0)
    assert secret not in page.content()
    headers = {"Authorization": f"Bearer {secret}"}
    me = httpx.get(f"{house.url}/api/v1/me", headers=headers)
    assert (me.status_code, me.json()["role"]) == (200, "viewer")
    row = page.get_by_role("listitem").filter(has_text="by mouse")
    expect(row.first).to_contain_text("until")
    page.get_by_role("button", name="Revoke by mouse").click()
    expect(asked.get_by_role("button", name="Keep it")).to_be_focused()
    asked.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("button", name="Revoke by mouse")).to_have_count(0)
    for _ in range(50):  # the row goes at once, its key with the answer
        refused = httpx.get(f"{house.url}/api/v1/me", headers=headers)
        if refused.status_code == 401:
            break
        page.wait_for_timeout(100)
    assert refused.status_code == 401
