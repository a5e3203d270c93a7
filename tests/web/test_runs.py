"""The run screens, clicked through: start, watch, pause, step, cancel, retry, open, compare, fork, judge."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from camel_ext.serving.errors import EngineRefused
from tests.web.conftest import Pages
from tests.web.playing import DONE, NOT_YET, PLAN, TURNS, Playing, playing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

Json = dict[str, Any]
ROWS = TURNS + 2  # and the two rounds


@pytest.fixture(scope="module")
def house(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Playing]:
    """A server whose model plays, and can be stopped in the middle of its words."""
    with playing(tmp_path_factory.mktemp("runs"), sqlite_template) as house:
        yield house


@pytest.fixture
def pages(browser: Browser, house: Playing) -> Iterator[Pages]:
    """Pages of the house; an error in a console fails the test."""
    pages = Pages(browser, house)
    yield pages
    house.open()
    for context in pages.contexts:
        context.close()
    assert pages.wrong == []


def opened(pages: Pages, run_id: str, more: str = "", width: int = 1280) -> Page:
    """Open a run's page."""
    page = pages("light", width)
    page.goto(f"/workflows/run/?id={run_id}{more}")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("letters"))
    if found := re.search(r"turn=(\d+)", more):
        expect(panel(page).get_by_role("heading", level=2)).to_have_text(f"Turn {found[1]}")
    return page


def rows(page: Page) -> Locator:
    return page.get_by_role("tree").get_by_role("treeitem")


def row(page: Page, turn: int) -> Locator:
    """The row of a turn, by its number."""
    return rows(page).filter(has=page.get_by_text(str(turn), exact=True))


def state(page: Page, word: str) -> None:
    """Wait until the run, at the top of its page, is so."""
    expect(page.locator("main header").first.get_by_text(word, exact=True)).to_be_visible()


def panel(page: Page) -> Locator:
    return page.get_by_role("complementary", name="The open turn")


def button(page: Page, name: str) -> Locator:
    """A button by its word; the cap of its key may stand behind it."""
    return page.get_by_role("button", name=re.compile(rf"^{name}( [A-Z])?$"))


def choose_two(page: Page) -> None:
    """Select the two newest runs of the table."""
    boxes = page.get_by_role("table", name="Runs").get_by_role("checkbox")
    for at in (1, 2):  # the first is for all
        boxes.nth(at).check()


def stay(page: Page) -> None:
    """Mark the page, so that `stayed` knows whether it was loaded anew."""
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    return bool(page.evaluate("window.stayed === true"))


class TestWatching:
    def test_a_run_is_started_and_watched_to_its_end(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        page = pages()
        page.goto("/workflows/")
        page.get_by_role("heading", level=1, name="Runs").wait_for(state="attached")
        page.keyboard.press("n")
        dialog = page.get_by_role("dialog", name="Start a run?")
        dialog.get_by_label("Workflow").select_option("team")
        dialog.get_by_role("button", name="Start", exact=True).last.click()
        expect(dialog.get_by_text("goal is needed")).to_be_visible()
        axe(page)
        dialog.get_by_label("goal").fill("Sort the letters, live.")
        dialog.get_by_label("weight").fill("2")
        house.shut()
        page.keyboard.press("Enter")
        page.wait_for_url("**/workflows/run/?id=*")
        state(page, "Running")
        words = PLAN.split()
        text = panel(page).locator("[aria-live=off] > div").first
        expect(text).to_have_text(" ".join(words[:3]))
        page.reload()  # who comes in the middle reads the beginning, too
        expect(text).to_have_text(" ".join(words[:3]))
        stay(page)
        expect(panel(page).get_by_text("3 words so far")).to_be_visible()
        expect(rows(page).filter(has_text="writing")).to_have_count(1)
        house.open()
        state(page, "Succeeded")
        expect(rows(page)).to_have_count(ROWS)
        assert stayed(page)
        run_id = page.url.partition("id=")[2]
        run = house.until(run_id)
        assert run["input"] == {"goal": "Sort the letters, live.", "weight": 2}
        figure = page.locator("dl").filter(has_text="Elapsed").first
        expect(figure).to_contain_text(f"Turns{run['turns']}")

    def test_each_turn_stands_in_its_place_once(self, pages: Pages, house: Playing) -> None:
        house.shut()
        run_id = house.start()
        page = opened(pages, run_id)
        state(page, "Running")
        house.open()
        state(page, "Succeeded")
        told = rows(page).all_inner_texts()
        names = [re.findall(r"Round \d|planner|worker|contains", text)[0] for text in told]
        one = ["planner", "worker", "contains"]
        assert names == ["Round 1", *one, "Round 2", *one]
        numbers = [int(found[0]) for text in told if (found := re.match(r"\d+", text))]
        assert numbers == [turn["seq"] for turn in house.turns(run_id)]

    def test_on_a_phone_the_words_stand_in_their_turn(self, pages: Pages, house: Playing) -> None:
        house.shut()
        page = opened(pages, house.start(), width=390)
        turn = page.get_by_role("listitem").filter(has_text="writing")
        expect(turn).to_contain_text(" ".join(PLAN.split()[:3]))
        house.open()
        expect(page.get_by_role("listitem").filter(has_text=DONE)).to_be_visible()
        for pane in ("graph", "timing", "cost", "turns"):
            page.get_by_role("tab", name=pane).click()
            expect(page.get_by_role("tabpanel", name=pane)).to_be_visible()
        page.get_by_role("listitem").filter(has_text=NOT_YET).get_by_role("button").click()
        expect(panel(page)).to_contain_text(NOT_YET)
        page.go_back()
        expect(panel(page)).not_to_be_visible()


class TestControls:
    @pytest.mark.parametrize("by", ["buttons", "keys"])
    def test_pause_step_and_resume(self, pages: Pages, house: Playing, by: str) -> None:
        def do(word: str, key: str) -> None:
            if by == "keys":
                expect(button(page, word)).to_be_enabled()
                page.keyboard.press(key)
            else:
                button(page, word).click()

        house.shut()
        run_id = house.start()
        page = opened(pages, run_id)
        stay(page)
        state(page, "Running")
        expect(button(page, "Step")).to_be_disabled()
        do("Pause", "p")
        expect(button(page, "Pausing")).to_be_disabled()
        house.open()
        state(page, "Paused")
        expect(row(page, 1)).to_be_visible()
        for turn in (2, 3):
            do("Step", "s")
            expect(row(page, turn)).to_be_visible()
            state(page, "Paused")
            assert house.ask("GET", f"/runs/{run_id}")["turns"] == turn
        do("Resume", "p")
        state(page, "Succeeded")
        expect(rows(page)).to_have_count(ROWS)
        assert stayed(page)

    def test_cancel_asks_first(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        house.shut()
        run_id = house.start()
        page = opened(pages, run_id)
        state(page, "Running")
        button(page, "Cancel").click()
        asked = page.get_by_role("dialog", name="Cancel this run?")
        axe(page)
        asked.get_by_role("button", name="Let it run").click()
        expect(asked).to_have_count(0)
        button(page, "Cancel").click()
        asked.get_by_role("button", name="Cancel the run").click()
        house.open()
        state(page, "Cancelled")
        assert house.until(run_id)["state"] == "cancelled"
        expect(button(page, "Pause")).to_have_count(0)
        button(page, r"Retry from turn \d").click()
        expect(page).not_to_have_url(re.compile(run_id))
        state(page, "Succeeded")

    def test_a_used_up_budget_is_raised(self, pages: Pages, house: Playing) -> None:
        run_id = house.start(budgets={"max_turns": 2})
        page = opened(pages, run_id)
        state(page, "Waits for budget")
        expect(page.get_by_text("max_turns is 2, 2 are used")).to_be_visible()
        expect(button(page, "Step")).to_be_disabled()
        page.keyboard.press("p")
        dialog = page.get_by_role("dialog", name="Raise max_turns and go on?")
        dialog.get_by_label("max_turns").fill("2")
        expect(dialog.get_by_role("alert")).to_contain_text("More than 2")
        dialog.get_by_label("max_turns").fill("20")
        dialog.get_by_role("button", name="Raise and resume").click()
        state(page, "Succeeded")
        assert house.until(run_id)["budgets"]["max_turns"] == 20

    def test_a_retry_begins_at_the_turn_that_was_chosen(self, pages: Pages, house: Playing) -> None:
        first = house.finished()
        page = opened(pages, first["id"])
        stay(page)
        row(page, 4).click()
        button(page, "Retry from turn 4").click()
        expect(page.get_by_text("retries a run from its turn 4")).to_be_visible()
        expect(page.get_by_text("A new run began from turn 4")).to_be_visible()
        state(page, "Succeeded")
        expect(rows(page)).to_have_count(ROWS)
        assert stayed(page)
        again = house.until(page.url.partition("id=")[2])
        assert (again["parent_run_id"], again["prefix_seq"]) == (first["id"], 3)

    def test_a_round_is_retried_by_its_key(self, pages: Pages, house: Playing) -> None:
        first = house.finished()
        page = opened(pages, first["id"])
        rows(page).filter(has_text="Round 2").click()
        expect(button(page, "Retry from round 2")).to_be_visible()
        page.keyboard.press("r")
        expect(page.get_by_text("retries a run from its turn 4")).to_be_visible()
        state(page, "Succeeded")

    def test_a_failed_run_says_why_and_goes_on_after_what_is_safe(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        house.engine.then("First look.", EngineRefused("the model takes no such question"))
        run = house.finished()
        assert run["state"] == "failed"
        page = opened(pages, run["id"])
        alarm = page.get_by_role("alert").filter(has_text="stopped at turn 2")
        expect(alarm).to_contain_text("the model takes no such question")
        expect(alarm).to_contain_text(run["error_code"])
        expect(alarm).to_contain_text(f"trace {run['trace_id'][:4]}")
        expect(rows(page).filter(has_text="failed try")).to_have_count(1)
        axe(page)
        page.keyboard.press("r")
        expect(page.get_by_text("retries a run from its turn 2")).to_be_visible()
        state(page, "Succeeded")
        assert house.turns(page.url.partition("id=")[2])[0]["run_id"] == run["id"]


class TestOneTurn:
    def test_it_is_shown_as_it_was_sent(self, pages: Pages, house: Playing) -> None:
        run = house.finished(tags=["topic:letters"])
        turn = house.turns(run["id"])[0]
        said = house.ask("GET", f"/interactions/{turn['interaction_id']}")
        page = opened(pages, run["id"], "&turn=1")
        for message in said["messages"]:
            expect(panel(page).get_by_text(message["content"], exact=True).first).to_be_visible()
        expect(panel(page).get_by_text(said["answer"]["content"], exact=True)).to_be_visible()
        page.keyboard.press("3")
        fact = panel(page).get_by_role("tabpanel")
        for name in ("temperature", "max_tokens"):
            wanted = f"{name}{said['params'][name]}"
            expect(fact).to_contain_text(wanted)
        expect(fact).to_contain_text(f"seed{said['seed']}")
        expect(fact).to_contain_text(f"alias{said['alias']}")
        page.keyboard.press("5")
        expect(panel(page).get_by_text(f'"id": "{said["id"]}"').first).to_be_visible()
        row(page, 3).click()  # a check has three tabs, and the third is Raw
        page.keyboard.press("2")
        expect(panel(page).get_by_role("tab", selected=True)).to_have_text("Given")
        page.keyboard.press("3")
        expect(panel(page).get_by_role("tab", selected=True)).to_have_text("Raw")

    def test_the_turns_are_walked_by_keys(self, pages: Pages, house: Playing) -> None:
        page = opened(pages, house.finished()["id"], "&turn=1")
        selected = rows(page).and_(page.locator("[aria-selected=true]"))
        for key, name in (("j", "worker"), ("j", "contains"), ("j", "planner"), ("k", "contains")):
            page.keyboard.press(key)
            expect(selected).to_contain_text(name)
        page.keyboard.press("h")  # up, to its round
        expect(selected).to_contain_text("Round 1")
        page.keyboard.press("h")
        expect(rows(page)).to_have_count(ROWS - 3)
        page.keyboard.press("j")
        expect(selected).to_contain_text("planner")
        expect(page).to_have_url(re.compile("turn=4"))
        page.reload()
        expect(rows(page)).to_have_count(ROWS - 3)  # folds are remembered
        page.keyboard.press("w")
        expect(page).not_to_have_url(re.compile("turn="))

    def test_the_tree_has_the_keys_of_a_tree(self, pages: Pages, house: Playing) -> None:
        page = opened(pages, house.finished()["id"], "&turn=1")
        selected = rows(page).and_(page.locator("[aria-selected=true]"))
        selected.focus()
        for key, name in (
            ("End", "contains"), ("ArrowUp", "worker"), ("ArrowLeft", "Round 2"), ("Home", "Round 1"),
            ("ArrowDown", "planner"), ("ArrowUp", "Round 1"),
        ):  # fmt: skip
            page.keyboard.press(key)
            expect(selected).to_contain_text(name)
            expect(selected).to_be_focused()
        expect(selected).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowLeft")
        expect(selected).to_have_attribute("aria-expanded", "false")
        expect(rows(page)).to_have_count(ROWS - 3)
        page.keyboard.press("ArrowRight")
        expect(rows(page)).to_have_count(ROWS)

    def test_two_turns_are_compared(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        page = opened(pages, house.finished()["id"], "&turn=5")
        page.keyboard.press("d")
        dialog = page.get_by_role("dialog", name="What differs in turn 5?")
        expect(dialog.get_by_label("Against")).to_have_value("rounds[0]/do/call[0]")
        expect(dialog.locator("del").first).to_be_visible()
        expect(dialog.locator("ins").first).to_be_visible()
        expect(dialog.get_by_role("row", name=re.compile("^seed"))).to_be_visible()
        axe(page)
        dialog.get_by_label("Against").select_option(label="Turn 4, planner")
        expect(page).to_have_url(re.compile("diff=rounds%5B1%5D%2Fplan"))
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)

    def test_it_is_judged_and_taken_back(self, pages: Pages, house: Playing) -> None:
        run = house.finished()
        turn = house.turns(run["id"])[1]["interaction_id"]
        page = opened(pages, run["id"], "&turn=2")
        page.keyboard.press("a")
        panel(page).get_by_role("button", name="Not good").click()
        said = panel(page).get_by_role("listitem").filter(has_text="Not good")
        expect(said).to_be_visible()
        found = house.ask("GET", f"/annotations?interaction_id={turn}")["items"]
        assert [(each["kind"], each["value"]["up"]) for each in found] == [("thumbs", False)]
        page.keyboard.press("z")
        expect(said).to_have_count(0)
        assert house.ask("GET", f"/annotations?interaction_id={turn}")["items"] == []

    def test_a_fork_makes_a_pair(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        run = house.finished()
        turn = house.turns(run["id"])[3]["interaction_id"]
        page = opened(pages, run["id"], "&turn=4")
        page.keyboard.press("f")
        dialog = page.get_by_role("dialog", name="Ask turn 4 again?")
        answers = dialog.get_by_label("Answers", exact=True)
        answers.fill("0")
        expect(dialog.get_by_role("alert")).to_contain_text("from 1 to 64")
        answers.fill("1")
        dialog.get_by_role("button", name="Ask again").click()
        choice = dialog.get_by_role("region", name="Answers to choose from")
        expect(choice.get_by_role("listitem")).to_have_count(2)
        expect(choice.get_by_role("heading")).to_contain_text("2 answers to one prompt")
        axe(page)
        forked = house.ask("GET", f"/interactions?forked_from_id={turn}")["items"]
        choice.get_by_role("button", name="The best").last.click()
        expect(choice.get_by_role("button", name="Chosen")).to_be_visible()
        (pair,) = house.ask("GET", f"/annotations?interaction_id={turn}")["items"]
        assert pair["kind"] == "choice"
        assert pair["value"]["chosen_id"] == forked[0]["id"]


class TestTheWhole:
    def test_the_graph_gathers_and_spreads(self, pages: Pages, house: Playing) -> None:
        page = opened(pages, house.finished()["id"])
        nodes = page.locator(".react-flow__node")
        expect(nodes).to_have_count(5)  # goal, planner, worker, check, done
        expect(nodes.filter(has_text="planner")).to_contain_text("2")
        expect(page.get_by_text("until check.passed, round 2 of 3")).to_be_visible()
        page.keyboard.press("m")
        expect(nodes).to_have_count(TURNS + 2)
        expect(page).to_have_url(re.compile("graph=expanded"))
        nodes.filter(has_text="worker").first.click()
        expect(panel(page).get_by_role("heading", level=2)).to_have_text("Turn 2")
        page.get_by_role("radio", name="aggregated").click()
        expect(nodes).to_have_count(5)
        nodes.filter(has_text="worker").click()
        expect(panel(page).get_by_role("heading", level=2)).to_have_text("Turn 5")

    def test_the_waterfall_is_zoomed_by_dragging(self, pages: Pages, house: Playing) -> None:
        page = opened(pages, house.finished()["id"])
        column = row(page, 2).locator("[data-time]")
        box = column.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 5, steps=5)
        page.mouse.up()
        whole = page.get_by_role("button", name="Whole run")
        expect(whole).to_be_visible()
        whole.click()
        expect(whole).to_have_count(0)

    def test_two_runs_are_compared_from_the_table(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        ids = [house.finished("Sort these letters.", seed=seed)["id"] for seed in (1, 2)]
        page = pages()
        page.goto("/workflows/")
        choose_two(page)
        page.keyboard.press("d")
        page.wait_for_url("**/workflows/diff/?*")
        assert {page.url.partition("a=")[2][:36], page.url.partition("b=")[2][:36]} == set(ids)
        expect(page.get_by_text("They part at rounds[0]/plan/call[0].")).to_be_visible()
        step = page.get_by_role("button", name=re.compile("planner"))
        step.first.click()
        expect(page.get_by_role("row", name=re.compile("^seed")).last).to_be_visible()
        axe(page)

    def test_turns_of_runs_go_to_a_queue(
        self, pages: Pages, house: Playing, axe: Callable[[Page], None]
    ) -> None:
        for _ in range(2):
            house.finished()
        page = pages()
        page.goto("/workflows/")
        choose_two(page)
        page.keyboard.press("q")
        which = page.get_by_role("dialog", name="Which turns of these 2 runs?")
        expect(which.get_by_role("button", name="Go on with 8 turns")).to_be_visible()
        which.get_by_label("Of which agent").select_option("worker")
        axe(page)
        which.get_by_role("button", name="Go on with 4 turns").click()
        dialog = page.get_by_role("dialog", name="Who judges these 4 turns, and how?")
        dialog.get_by_label("Name of the queue").fill("from-runs")
        dialog.get_by_role("button", name="Make the queue").click()
        page.wait_for_url("**/annotations/queue/?id=*")
        queue = house.ask("GET", f"/annotation-queues/{page.url.partition('id=')[2]}")
        assert (queue["name"], queue["kind"], queue["items_total"]) == ("from-runs", "thumbs", 4)

    def test_candidates_are_written_beside_each_other_and_a_tool_stands_under_its_call(
        self, pages: Pages, house: Playing
    ) -> None:
        house.shut()
        run_id = house.start(workflow="choices")
        page = opened(pages, run_id, "&graph=expanded")
        expect(rows(page).filter(has_text="writing")).to_have_count(3)
        for number in (1, 2, 3):
            expect(rows(page).filter(has_text=f"Candidate {number}")).to_have_count(1)
        house.open()
        state(page, "Succeeded")
        turns = house.turns(run_id)
        assert [turn["kind"] for turn in turns].count("tool") == 1
        expect(rows(page)).to_have_count(len(turns) + 3)
        expect(rows(page).filter(has_text="writing")).to_have_count(0)
        tool = rows(page).filter(has=page.get_by_text("python", exact=True))
        expect(tool).to_have_attribute("aria-level", "2")
        tool.click()
        expect(panel(page).get_by_role("tab", selected=True)).to_have_text("Result")
        expect(panel(page).get_by_role("tabpanel")).to_contain_text("42")
        page.keyboard.press("2")
        expect(panel(page).get_by_role("tabpanel")).to_have_text("print(6 * 7)")
        expect(page.locator(".react-flow__node")).to_have_count(len(turns) + 2)
        page.keyboard.press("m")
        expect(page.get_by_text("3 candidates")).to_be_visible()


class TestTheTable:
    def test_it_is_live_and_filtered_by_a_press(self, pages: Pages, house: Playing) -> None:
        page = pages()
        page.goto("/workflows/")
        stay(page)
        page.get_by_role("table", name="Runs").wait_for()
        house.shut()
        goal = "Letters in a table."
        run_id = house.start(goal, tags=["topic:tables"])
        line = page.get_by_role("row").filter(has_text=goal)
        expect(line).to_contain_text("Running")
        house.open()
        expect(line).to_contain_text("Succeeded")
        expect(line).to_contain_text(str(TURNS))
        bar = page.get_by_role("combobox", name="Filter runs")
        bar.fill("tag:topic:tables")
        expect(page.get_by_role("table", name="Runs").get_by_role("row")).to_have_count(2)
        page.get_by_role("button", name="Failed").click()
        expect(page.get_by_text("No runs match")).to_be_visible()
        page.get_by_role("button", name="Clear the filter").last.click()
        expect(line).to_be_visible()
        assert stayed(page)
        assert house.until(run_id)["tags"] == ["topic:tables"]

    def test_runs_are_saved_with_their_turns(self, pages: Pages, house: Playing) -> None:
        run = house.finished("Letters to be saved.")
        page = pages()
        page.goto("/workflows/")
        page.get_by_role("table", name="Runs").get_by_role("checkbox").nth(1).check()
        with page.expect_download() as saved:
            page.keyboard.press("e")
        (line,) = Path(saved.value.path()).read_text().splitlines()
        told = json.loads(line)
        assert told["id"] == run["id"]
        assert told["turns"] == house.turns(run["id"])
        page.keyboard.press("Escape")
        expect(page.get_by_role("toolbar", name="Selected runs")).to_have_count(0)

    def test_a_run_is_started_turn_by_turn(self, pages: Pages, house: Playing) -> None:
        page = pages()
        page.goto("/workflows/?start=1&workflow=team")
        dialog = page.get_by_role("dialog", name="Start a run?")
        dialog.get_by_label("goal").fill("Letters, slowly.")
        dialog.get_by_label("weight").fill("heavy")
        dialog.get_by_text("More").click()
        dialog.get_by_label("Tags").fill("topic:slow, by:hand")
        dialog.get_by_label("Wait after each turn").check()
        page.keyboard.press("Control+Enter")
        expect(dialog.get_by_text("weight is a whole number")).to_be_visible()
        dialog.get_by_label("weight").fill("3")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**/workflows/run/?id=*")
        state(page, "Paused")
        run = house.ask("GET", f"/runs/{page.url.partition('id=')[2]}")
        assert (run["turns"], run["tags"]) == (1, ["topic:slow", "by:hand"])
        assert run["input"]["weight"] == 3
