"""When things go wrong: errors are told with meaning, code and trace, nothing typed is lost, a slow line is bearable."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.web.conftest import Pages
from tests.web.playing import TURNS, Playing, playing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

TRACE = "7f3a0000000000000000000000000000"
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 20_000}

SHAPE = """new MutationObserver(() => {  // what stood there while the run was read
    if (document.querySelector('[role=status][aria-label="Loading the run"]'))
        window.shape = document.querySelector('nav[aria-label=Main]') ? 'navigation' : 'nothing';
}).observe(document, {subtree: true, childList: true})"""


@pytest.fixture(scope="module")
def house(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Playing]:
    """A server whose model plays."""
    with playing(tmp_path_factory.mktemp("trouble"), sqlite_template) as house:
        yield house


@pytest.fixture
def pages(browser: Browser, house: Playing) -> Iterator[Pages]:
    """Pages of the house; what the browser says of an answer that is no success is wanted here.

    Without a service worker: what it fetches, no route of a test could answer.
    """
    pages = Pages(browser, house, before="delete Navigator.prototype.serviceWorker")
    yield pages
    house.open()
    for context in pages.contexts:
        context.close()
    assert [each for each in pages.wrong if "Failed to load resource" not in each] == []


def broken(status: int, code: str, detail: str, wait_s: int = 0, **more: Any) -> Any:
    """Return what answers a request with a problem, as the server writes them."""
    problem = {
        "type": f"/docs/errors#{code}", "title": "Something broke", "status": status, "code": code,
        "detail": detail, "trace_id": TRACE, **more,
    }  # fmt: skip

    def answer(route: Route) -> None:
        body = json.dumps(problem)
        headers = {"content-type": "application/problem+json"}
        if wait_s:
            headers["retry-after"] = str(wait_s)
        route.fulfill(status=status, headers=headers, body=body)

    return answer


def start_form(page: Page, goal: str) -> None:
    page.goto("/workflows/?start=1&workflow=team")
    page.get_by_role("dialog", name="Start a run?").get_by_label("goal").fill(goal)


class TestErrors:
    def test_a_page_says_what_broke_and_comes_back(self, pages: Pages, house: Playing) -> None:
        run_id = house.finished()["id"]
        page = pages()
        page.route(f"**/api/v1/runs/{run_id}", broken(500, "core.broken", "The disk is full."))
        page.goto(f"/workflows/run/?id={run_id}")
        box = page.get_by_role("main").get_by_role("alert")
        expect(box).to_contain_text("The disk is full.", timeout=20_000)  # after it was tried again
        expect(box).to_contain_text("core.broken trace 7f3a…0000")
        page.unroute_all()
        box.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("treeitem")).to_have_count(TURNS + 2)
        expect(box).to_have_count(0)

    def test_what_is_missing_of_a_page_is_told_in_its_place(
        self, pages: Pages, house: Playing
    ) -> None:
        run_id = house.finished()["id"]
        page = pages()
        page.route("**/turns?*", broken(503, "core.unavailable", "The turns cannot be read now."))
        page.goto(f"/workflows/run/?id={run_id}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sort the letters.")
        box = page.get_by_role("alert").filter(has_text="The turns cannot be read now.")
        expect(box).to_be_visible(timeout=20_000)
        page.unroute_all()
        box.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("treeitem")).to_have_count(TURNS + 2)

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (500, "core.internal"),
            (409, "workflows.model_not_used"),
            (429, "metering.quota_exceeded"),
        ],
    )
    def test_a_form_keeps_what_was_typed(
        self, pages: Pages, house: Playing, status: int, code: str
    ) -> None:
        page = pages()
        start_form(page, "Keep these letters.")
        page.route("**/api/v1/runs", broken(status, code, "It was not started."))
        page.keyboard.press("Control+Enter")
        dialog = page.get_by_role("dialog", name="Start a run?")
        box = dialog.get_by_role("alert")
        expect(box).to_contain_text("It was not started.")
        expect(box).to_contain_text(f"{code} trace 7f3a…0000")
        expect(dialog.get_by_label("goal")).to_have_value("Keep these letters.")
        page.unroute_all()
        dialog.get_by_role("button", name="Start", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Keep these letters.")

    def test_what_passes_by_itself_counts_down(self, pages: Pages, house: Playing) -> None:
        run_id = house.finished()["id"]
        page = pages()
        busy = broken(429, "serving.engine_busy", "Too many at once.", wait_s=3)
        page.route(f"**/api/v1/runs/{run_id}", busy)
        page.goto(f"/workflows/run/?id={run_id}")
        box = page.get_by_role("main").get_by_role("alert")
        expect(box.get_by_role("button", name=re.compile("Try again in [1-3] s"))).to_be_disabled()
        again = box.get_by_role("button", name="Try again", exact=True)
        expect(again).to_be_enabled()
        page.unroute_all()
        again.click()
        expect(page.get_by_role("treeitem")).to_have_count(TURNS + 2)

        start_form(page, "Letters that wait.")
        page.route("**/api/v1/runs", busy)
        page.keyboard.press("Control+Enter")
        told = page.get_by_role("dialog").get_by_role("timer")
        expect(told).to_have_text(re.compile("Wait [1-3] s, then send it again."))
        expect(told).to_have_text("Send it again now.")

    def test_each_mistake_of_a_form_is_named(self, pages: Pages) -> None:
        page = pages()
        start_form(page, "Some letters.")
        wrong = [{"field": "input.goal", "wrong": "is too short", "kind": "too_short"}]
        page.route("**/api/v1/runs", broken(422, "core.invalid", "Two fields.", errors=wrong))
        page.keyboard.press("Control+Enter")
        box = page.get_by_role("dialog").get_by_role("alert")
        expect(box.get_by_role("listitem")).to_have_text("input.goal: is too short")

    def test_an_answer_that_was_lost_starts_no_second_run(
        self, pages: Pages, house: Playing
    ) -> None:
        page = pages()
        goal = "Letters that are sent twice."
        start_form(page, goal)

        def lose(route: Route) -> None:
            route.fetch()  # it arrives and is done; its answer is lost
            route.abort("connectionreset")

        page.route("**/api/v1/runs", lose)
        page.keyboard.press("Control+Enter")
        dialog = page.get_by_role("dialog", name="Start a run?")
        expect(dialog.get_by_role("alert")).to_contain_text("nothing you typed is lost")
        page.unroute_all()
        dialog.get_by_role("button", name="Start", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(goal)
        runs = house.ask("GET", "/runs?limit=200")["items"]
        assert [run["input"]["goal"] for run in runs].count(goal) == 1

    def test_a_name_that_is_taken(self, pages: Pages, house: Playing) -> None:
        """The server's own 409, not a played one."""
        house.finished()
        body = {"name": "taken", "kind": "thumbs", "filter": {}}
        house.ask("POST", "/annotation-queues", body)
        page = pages()
        page.goto("/interactions/")
        page.get_by_role("table", name="Turns").get_by_role("checkbox").nth(1).check()
        page.get_by_role("toolbar", name="Selected turns").wait_for()
        page.keyboard.press("q")
        dialog = page.get_by_role("dialog", name="Who judges this turn, and how?")
        dialog.get_by_label("Name of the queue").fill("taken")
        dialog.get_by_label("Guideline").fill("Be kind.")
        dialog.get_by_role("button", name="Make the queue").click()
        box = dialog.get_by_role("alert")
        expect(box).to_contain_text("taken")
        expect(box).to_contain_text(re.compile(r"annotations\.\w+ trace \w{4}…\w{4}"))
        expect(dialog.get_by_label("Guideline")).to_have_value("Be kind.")
        dialog.get_by_label("Name of the queue").fill("free")
        dialog.get_by_role("button", name="Make the queue").click()
        page.wait_for_url("**/annotations/queue/?id=*")

    def test_a_run_that_changed_in_between_is_shown_as_it_stands(
        self, pages: Pages, house: Playing
    ) -> None:
        """The server's own 412: the page did not hear of the change, because its feed was cut.

        Its reads are slow: what is said of it comes only with the run as it stands.
        """
        run_id = house.start(single_step=True)
        house.until(run_id, "waiting")
        page = pages()
        page.route_web_socket(
            "**/api/v1/events*", lambda socket: None
        )  # it opens, and says nothing
        page.goto(f"/workflows/run/?id={run_id}")
        step = page.get_by_role("button", name=re.compile("^Step"))
        expect(step).to_be_enabled()
        house.ask("POST", f"/runs/{run_id}/resume", {"single_step": True})
        assert stepped(house, run_id, turns=2)
        page.route(f"**/api/v1/runs/{run_id}", later)
        step.click()
        expect(page.get_by_role("alert").filter(has_text="changed in between")).to_be_visible()
        expect(page.get_by_role("treeitem").filter(has_text="worker")).to_be_visible()
        with page.expect_response("**/resume"):
            step.click()
        expect(page.get_by_role("alert").filter(has_text="changed in between")).to_have_count(0)
        assert stepped(house, run_id, turns=3)


def later(route: Route) -> None:
    time.sleep(1)
    route.continue_()


def stepped(house: Playing, run_id: str, *, turns: int) -> bool:
    """Wait until a run waits after so many turns: right after a step it still waits as before."""
    for _ in range(200):
        if house.until(run_id, "waiting")["turns"] == turns:
            return True
        time.sleep(0.05)
    return False


class TestSlowLine:
    def test_the_shape_comes_first_and_the_page_can_be_used(
        self, pages: Pages, house: Playing
    ) -> None:
        run_id = house.finished()["id"]
        page = pages()
        page.context.set_default_timeout(60_000)
        page.add_init_script(SHAPE)
        expect.set_options(timeout=60_000)
        try:
            line = page.context.new_cdp_session(page)
            line.send("Network.enable")
            line.send("Network.emulateNetworkConditions", SLOW)
            page.goto(f"/workflows/run/?id={run_id}", wait_until="commit")
            expect(page.get_by_role("heading", level=1)).to_have_text("Sort the letters.")
            assert page.evaluate("window.shape") == "navigation"  # and what was beside it
            expect(page.get_by_role("treeitem")).to_have_count(TURNS + 2)
            expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()
            page.keyboard.press("k")
            panel = page.get_by_role("complementary", name="The open turn")
            expect(panel.get_by_role("status", name="Loading")).to_be_visible()
            expect(panel.get_by_text("words", exact=False).first).to_be_visible()
        finally:
            expect.set_options(timeout=5_000)

    def test_a_run_is_followed_live_over_it(self, pages: Pages, house: Playing) -> None:
        house.shut()
        run_id = house.start()
        page = pages()
        page.goto(f"/workflows/run/?id={run_id}")
        header = page.locator("main header").first
        expect(header.get_by_text("Running", exact=True)).to_be_visible()
        line = page.context.new_cdp_session(page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", SLOW)
        house.open()
        expect(header.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=30_000)
        expect(page.get_by_role("treeitem")).to_have_count(TURNS + 2, timeout=30_000)
