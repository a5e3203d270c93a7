"""Every page of the web app, light and dark, on a desk and on a phone, with everything in it.

A page without a case fails. Pictures are left in var/screenshots to be looked at.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.conftest import WEB, Pages
from tests.web.lived_in import LivedIn, lived_in
from tests.web.payloads import PAYLOADS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

SHOTS = WEB.parent / "var" / "screenshots"
LOOKS = [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)]
IDS = {  # what a page takes in its query, by the name of what was made
    "/workflows/run/": {"id": "run"},
    "/workflows/diff/": {"a": "run", "b": "waiting_run"},
    "/interactions/turn/": {"id": "turn"},
    "/annotations/queue/": {"id": "queue"},
    "/datasets/dataset/": {"name": "dataset"},
    "/evaluation/comparison/": {"id": "comparison"},
    "/evaluation/evaluation/": {"id": "evaluation"},
    "/evaluation/suite/": {"name": "suite"},
    "/experiments/certificate/": {"id": "certificate"},
    "/experiments/improvement/": {"id": "improvement"},
    "/configuration/": {"name": "configuration"},
    "/registry/": {"version": "version"},
    "/training/": {"id": "training"},
    "/settings/schedules/": {"id": "schedule"},
}


def routes() -> list[str]:
    """Return the path of every page that there is."""
    app = WEB / "src" / "app"
    folders = [page.parent.relative_to(app).as_posix() for page in app.rglob("page.tsx")]
    return sorted("/" if folder == "." else f"/{folder}/" for folder in folders)


ROUTES = routes()
STATES = "/kit/"  # the kit in all its states: it loads for ever, and shows errors on purpose


def address(route: str, house: LivedIn) -> str:
    """Return a page's address with the ids of things that are there."""
    query = "&".join(f"{name}={house.ids[key]}" for name, key in IDS.get(route, {}).items())
    return f"{route}?{query}" if query else route


@pytest.fixture(scope="module")
def hostile(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[LivedIn]:
    """The same, where every answer, goal, guideline and rationale tries to run."""
    said = "\n" + "\n".join(PAYLOADS)
    with lived_in(tmp_path_factory.mktemp("hostile"), sqlite_template, said) as house:
        yield house


def settled(page: Page, route: str) -> None:
    """Wait until the page shows what it asked for."""
    page.locator("h1").first.wait_for()
    if route == STATES:
        return
    for loading in page.get_by_role("status", name="Loading").all():
        loading.wait_for(state="detached")


def opened(pages: Pages, house: LivedIn, route: str, look: tuple[str, int]) -> Page:
    """Open a page and wait until what it asked for is there."""
    theme, width = look
    page = pages(theme, width, 844 if width < 768 else 800)
    page.goto(address(route, house))
    settled(page, route)
    return page


def test_every_id_in_the_table_is_of_a_page() -> None:
    assert not IDS.keys() - set(ROUTES)
    assert ROUTES, "there is no page at all"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
@pytest.mark.parametrize("route", ROUTES)
def test_it_stands_whole_and_anybody_can_use_it(
    route: str, look: tuple[str, int], house: LivedIn, browser: Browser, axe: Callable[[Page], None]
) -> None:
    pages = Pages(browser, house)
    page = opened(pages, house, route, look)
    assert page.locator("h1").count() == 1
    alarm = page.get_by_role("alert").filter(has_text=re.compile(r"\S"))  # Next's own is empty
    texts = alarm.all_inner_texts()
    assert bool(texts) == (route == STATES), texts
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{wide} px stand out at the right"
    SHOTS.mkdir(parents=True, exist_ok=True)
    name = route.strip("/").replace("/", "-") or "home"
    page.screenshot(path=SHOTS / f"{name}-{look[0]}-{look[1]}.png")
    axe(page)
    page.context.close()
    assert pages.wrong == []


@pytest.mark.parametrize("route", ROUTES)
def test_no_text_runs_in_it(route: str, hostile: LivedIn, browser: Browser) -> None:
    pages = Pages(browser, hostile)
    page = pages("light", 1280)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pages.wrong.append(f"dialog: {dialog.message}"))
    page.goto(address(route, hostile))
    settled(page, route)
    page.keyboard.press("Tab")
    assert page.evaluate("window.ran") is None
    assert [url for url in asked if not url.startswith((hostile.url, "data:", "blob:"))] == []
    page.context.close()
    assert pages.wrong == []
