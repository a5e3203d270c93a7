"""The log's filter by its facets: several values, "only" and "not"; what is shown is what the API finds."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.web.conftest import Pages
from tests.web.playing import Playing, playing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]


@pytest.fixture(scope="module")
def house(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Playing]:
    """A log of two runs: eight calls by two agents."""
    with playing(tmp_path_factory.mktemp("logs"), sqlite_template) as house:
        for topic in ("letters", "numbers"):
            house.finished(f"Sort the {topic}.", tags=[f"topic:{topic}"])
        yield house


@pytest.fixture
def pages(browser: Browser, house: Playing) -> Iterator[Pages]:
    pages = Pages(browser, house)
    yield pages
    for context in pages.contexts:
        context.close()
    assert pages.wrong == []


def found(page: Page, count: int) -> None:
    """Wait until so many turns are found, and stand in the table."""
    word = "turn" if count == 1 else "turns"
    expect(page.get_by_text(re.compile(rf"^{count} {word}"))).to_be_visible()
    rows = page.get_by_role("table", name="Turns").get_by_role("row")
    expect(rows).to_have_count(count + 1)  # and the head


def value(page: Page, name: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("group", name="Facets").get_by_role("button", name=name)


def test_facets_want_several_values_only_one_and_not_one(
    pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/interactions/")
    found(page, 8)
    bar = page.get_by_role("combobox", name="Filter of turns")
    value(page, re.compile(r"^planner \d")).click()
    found(page, 4)
    expect(bar).to_have_value("agent:planner")
    value(page, re.compile(r"^worker \d")).click()  # what else there is, is still offered
    expect(bar).to_have_value("agent:planner agent:worker")
    found(page, 8)
    value(page, re.compile(r"^topic:letters \d")).hover()
    value(page, "Not topic:letters").click()
    expect(bar).to_have_value("agent:planner agent:worker -tag:topic:letters")
    found(page, 4)
    axe(page)
    value(page, re.compile(r"^worker \d")).hover()
    value(page, "Only worker").click()
    expect(bar).to_have_value("agent:worker -tag:topic:letters")
    found(page, 2)
    value(page, re.compile(r"Not topic:letters \d")).click()  # taken back
    found(page, 4)
    page.reload()
    found(page, 4)


def test_a_minus_is_written_and_suggested(pages: Pages) -> None:
    page = pages()
    page.goto("/interactions/")
    found(page, 8)
    page.keyboard.press("/")
    page.keyboard.type("-ag")
    expect(page.get_by_role("option").first).to_contain_text("-agent:")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("plan")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Filter of turns")).to_have_value("-agent:planner ")
    found(page, 4)


def test_the_export_takes_the_same_filter(pages: Pages) -> None:
    page = pages()
    page.goto("/interactions/?q=agent:planner agent:worker -tag:topic:letters")
    found(page, 4)
    page.get_by_role("button", name="Export all that is found").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON lines, everything").click()
    lines = Path(saved.value.path()).read_text().splitlines()
    assert len(lines) == 4
    assert all("topic:numbers" in line for line in lines)


def test_a_view_is_kept_found_again_and_forgotten(
    pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/interactions/?q=agent:planner")
    found(page, 4)
    button = page.get_by_role("button", name="Views")
    views = page.get_by_role("dialog", name="Saved views")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    views.get_by_label("Keep this view as").fill("Plans")
    axe(page)
    views.get_by_role("button", name="Keep").click()
    expect(views).to_have_count(0)
    button = page.get_by_role("button", name="Plans")  # it is the view that is shown
    page.get_by_role("combobox", name="Filter of turns").fill("")
    found(page, 8)
    page.get_by_role("main").focus()
    page.keyboard.press("v")
    views.get_by_role("button", name="Plans", exact=True).click()
    found(page, 4)
    expect(page).to_have_url(re.compile(r"q=agent%3Aplanner"))
    button.click()
    views.get_by_role("button", name="Forget Plans").click()
    expect(views.get_by_text("Keep this view as")).to_be_visible()


def test_a_popover_closes_as_it_was_opened_by_escape_and_by_a_press_beside_it(pages: Pages) -> None:
    page = pages()
    page.goto("/interactions/")
    found(page, 8)
    button = page.get_by_role("button", name="Columns")
    sheet = page.get_by_role("dialog", name="Columns")
    for way in ("its own button", "Escape"):
        button.click()
        expect(sheet.get_by_role("checkbox").first).to_be_focused()
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            button.click()
        expect(sheet).to_have_count(0)
        expect(button).to_be_focused()
    button.click()
    expect(sheet).to_be_visible()
    bar = page.get_by_role("combobox", name="Filter of turns")
    bar.click()
    expect(sheet).to_have_count(0)
    expect(bar).to_be_focused()
