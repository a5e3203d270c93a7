"""Runs of the real model, watched while the server is killed under them: nothing lost, nothing doubled."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import WEB, Pages, WebServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

Json = dict[str, Any]
SHOTS = WEB.parent / "var" / "screenshots"
LONG_MS = 180_000.0  # two cores that others use, too: this bounds, it measures nothing
FILES = {
    "models.yaml": """\
models:
  smollm2: {engine: local, file: bundled, context_tokens: 2048}
aliases:
  small: smollm2
""",
    "agents.yaml": """\
agents:
  teller: {model: small, system: "You tell a story, at length.", params: {temperature: 0.7, max_tokens: 120}}
  brief: {model: small, params: {temperature: 0, max_tokens: 8}}
""",
    "workflows.yaml": """\
workflows:
  tale:
    inputs: {goal: {type: string}}
    steps:
      - {name: one, agent: teller, prompt: "Begin a story. {{ input.goal }}"}
      - {name: two, agent: teller, prompt: "Go on with the story: {{ steps.one.text }}"}
      - {name: three, agent: teller, prompt: "End the story: {{ steps.two.text }}"}
    output: steps.three.text
  door:
    inputs: {goal: {type: string}, book: {type: string}}
    steps:
      - {name: ring, tool: ring, arguments: {book: "{{ input.book }}"}}
      - {name: tell, agent: brief, prompt: "{{ steps.ring.text }}"}
    output: steps.ring.text
""",
}


@pytest.fixture(scope="module")
def server_settings() -> dict[str, str]:
    return {"CAMEL_EXT_WORKFLOWS__TOOL_MODULES": json.dumps(["tests.web.doorbell"])}


@pytest.fixture(autouse=True)
def applied(web_server: WebServer) -> None:
    body = {"name": "main", "files": FILES}
    with web_server.client() as client:
        assert client.put("/api/v1/configurations", json=body).is_success


def start(page: Page, workflow: str, **given: str) -> str:
    """Start a run from the web app, and return its id."""
    page.goto(f"/workflows/?start=1&workflow={workflow}")
    dialog = page.get_by_role("dialog", name="Start a run?")
    for name, value in given.items():
        dialog.get_by_label(name).fill(value)
    dialog.get_by_role("button", name="Start", exact=True).last.click()
    page.wait_for_url("**/workflows/run/?id=*")
    return page.url.partition("id=")[2][:36]


def get(server: WebServer, path: str) -> Any:
    with server.client() as client:
        answer = client.get(f"/api/v1{path}")
        assert answer.is_success, answer.text
        return answer.json()


def rows(page: Page) -> Locator:
    return page.get_by_role("tree").get_by_role("treeitem")


def writing(page: Page) -> Locator:
    """The text in the making, in the open turn."""
    return page.get_by_role("complementary", name="The open turn").locator("[aria-live=off] > div")


def begun(page: Page) -> None:
    """Wait until a text is in the making, and some words of it are there."""
    panel = page.get_by_role("complementary", name="The open turn")
    expect(panel.get_by_text(re.compile(r"^\d+ words so far"))).to_be_visible(timeout=LONG_MS)


def state(page: Page, word: str) -> None:
    shown = page.locator("main header").first.get_by_text(word, exact=True)
    expect(shown).to_be_visible(timeout=LONG_MS)


def test_text_appears_while_it_is_made(page: Pages, web_server: WebServer) -> None:
    opened = page()
    run_id = start(opened, "tale", goal="It is about a camel.")
    begun(opened)
    early = writing(opened).inner_text()
    expect(writing(opened)).not_to_have_text(early, timeout=LONG_MS)
    later = writing(opened).inner_text()
    assert later.startswith(early)
    state(opened, "Succeeded")
    turn = get(web_server, f"/runs/{run_id}/turns")["items"][0]
    whole = get(web_server, f"/interactions/{turn['interaction_id']}")["answer"]["content"]
    assert whole.split()[:3] == early.split()[:3]


def test_a_server_killed_twice_loses_and_doubles_nothing(
    page: Pages, web_server: WebServer
) -> None:
    opened = page()
    run_id = start(opened, "tale", goal="It is about a long way.")
    for done in (1, 2):
        expect(rows(opened).filter(has=opened.get_by_text(str(done), exact=True))).to_be_visible(
            timeout=LONG_MS
        )
        begun(opened)
        web_server.kill()
        expect(opened.get_by_text("Connection lost,")).to_be_visible()
        expect(rows(opened).nth(done - 1)).to_contain_text("teller")  # what was here, stays
        web_server.start()
        expect(opened.get_by_text("Back, nothing missed")).to_be_visible(timeout=30_000)
    state(opened, "Succeeded")
    expect(rows(opened)).to_have_count(3)
    numbers = [re.match(r"\d+", text) for text in rows(opened).all_inner_texts()]
    assert [int(found[0]) for found in numbers if found] == [1, 2, 3]
    answered = get(web_server, f"/interactions?run_id={run_id}&failed=false")["items"]
    assert len(answered) == 3
    for turn in get(web_server, f"/runs/{run_id}/turns")["items"]:
        rows(opened).nth(turn["seq"] - 1).click()
        said = get(web_server, f"/interactions/{turn['interaction_id']}")["answer"]["content"]
        panel = opened.get_by_role("complementary", name="The open turn")
        expect(panel.get_by_role("tabpanel")).to_contain_text(said.strip()[:60])
    page.wrong.clear()  # the console tells of a server that was not there


@pytest.mark.parametrize(
    ("way", "calls", "width"),
    [("It did not happen: call it", 2, 1280), ("Deny", 1, 390), ("It happened", 1, 1280)],
)
def test_a_person_decides_about_a_call_that_was_interrupted(
    page: Pages,
    web_server: WebServer,
    axe: Callable[[Page], None],
    tmp_path: Path,
    way: str,
    calls: int,
    width: int,
) -> None:
    book = tmp_path / "book"
    opened = page(width=width, height=800)
    run_id = start(opened, "door", goal="Go in.", book=str(book))
    deadline = time.monotonic() + 60
    while not book.exists():
        assert time.monotonic() < deadline, "the tool was not called"
        time.sleep(0.05)
    web_server.kill()
    web_server.start()
    state(opened, "Waits for you")
    asked = opened.get_by_role("region", name="Your word is needed")
    expect(asked.get_by_role("heading")).to_have_text("May ring be called?")
    expect(asked).to_contain_text(str(book))
    axe(opened)
    SHOTS.mkdir(parents=True, exist_ok=True)
    opened.screenshot(path=SHOTS / f"run-asks-{width}.png")
    opened.keyboard.press("p")  # no key goes past a question
    asked.get_by_role("button", name=way).click()
    if way == "Deny":
        sent = asked.get_by_role("button", name="Deny and go on")
        expect(sent).to_be_disabled()
        asked.get_by_label("Why not?").fill("It is late.")
        sent.click()
    elif way == "It happened":
        asked.get_by_label("What did it answer?").fill("A cat came out.")
        asked.get_by_role("button", name="Take this as its answer").click()
    state(opened, "Succeeded")
    assert book.read_text().splitlines() == ["rang"] * calls
    wanted = {"Deny": "A person denied it: It is late.", "It happened": "A cat came out."}
    told = opened.get_by_role("listitem").or_(rows(opened)).filter(has_text="ring")
    expect(told.first).to_contain_text(wanted.get(way, "Somebody opens."))
    assert wanted.get(way, "Somebody opens.") in get(web_server, f"/runs/{run_id}")["output"]
    page.wrong.clear()
