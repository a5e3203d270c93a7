"""The whole loop by mouse, for real: the server as it is started, the bundled model, the real trainer.

A person opens the link, brings a configuration in, starts an improvement, watches it train, reads the
certificate, decides, asks both versions the same, and takes the decision back.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import ROOT, Pages, WebServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

LONG_MS = 600_000.0  # two cores that have other work, too
STAGES = ("Run the workflow over the training goals", "Ask each turn of the agent again",
          "Judge every answer by every scorer", "Freeze preference pairs", "Train an adapter",
          "Examine what answers now", "Examine the adapter",
          "Compare, and issue the certificate")  # fmt: skip
SMALL = """\
agent: answerer
goals:
  plants: [What do plants need to grow?, Why do trees lose their leaves in autumn?]
  weather: [What makes it rain?, What is a rainbow?]
  music: [What is a melody?, What is a choir?]
heldout:
  rivers: [What is a river?, What is a waterfall?]
  metals: [What is gold?, What is steel?]
  birds: [What do owls eat?, What are feathers for?]
  sleep: [Why do we sleep?, What is a dream?]
scorers:
  brief: {verify: length, params: {unit: words, max: 15}}
sample: {count: 4, temperature: 0.9, max_tokens: 60}
pairs: {min_margin: 0.05, eval_ratio: 0.0}
train: {preset: quick, adapter: brief, min_pairs: 1, hyper: {max_steps: 12}}
gate: {primary: brief, min_cases: 8, min_topics: 4}
promote: {when: better, approval: person}
"""


@pytest.fixture
def link(web_server: WebServer) -> str:
    """The link that `camel-ext open` gives; it signs in once."""
    words = ["open", "--link", "--json", "--data-dir", str(web_server.data_dir)]
    said = subprocess.run(
        [sys.executable, "-m", "camel_ext.cli", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(said.stdout)["url"])


def go(page: Page, place: str) -> None:
    """Go to a place by the navigation."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()


def stage(page: Page, words: str) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").filter(has_text=words)


def bring_configuration(page: Page) -> None:
    """Bring the demo's three files in, and apply them."""
    go(page, "Configuration")
    page.get_by_role("button", name="Use proposer_executor_review").click()
    there = Path(str(files("camel_ext.cli") / "demo_files"))
    with page.expect_file_chooser() as coming:
        page.get_by_role("button", name="Import").click()
    coming.value.set_files([there / f"{name}.yaml" for name in ("agents", "workflows", "models")])
    expect(page.get_by_text("nothing is applied yet")).to_be_visible()
    expect(page.get_by_text("Valid. ")).to_be_visible()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("main is v1 now")).to_be_visible()


def start_improvement(page: Page) -> None:
    """Start it from the screen of certificates, after a look at its plan."""
    go(page, "Certificates")
    page.get_by_role("button", name="Improve a workflow").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Workflow").select_option("answer")
    dialog.get_by_label("improve.yaml").fill("goals: {")
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("improve.yaml").fill(SMALL)
    dialog.get_by_label("Seed").fill("1")
    dialog.get_by_role("button", name="Show the plan").click()
    plan = dialog.get_by_role("region", name="The plan")
    expect(plan).to_contain_text("goals, 4 topics")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Improve answer")


def watched(page: Page) -> Iterator[str]:
    """Yield the stage that goes on, each time another one does, until a person is asked or it ends."""
    last, deadline = "", time.monotonic() + LONG_MS / 1000
    over = page.get_by_role("link", name=re.compile("Read and decide|Open certificate"))
    while over.count() == 0:
        assert page.get_by_role("alert").filter(has_text="It stopped at").count() == 0
        assert time.monotonic() < deadline, f"it stood at {last}"
        for words in STAGES:
            running = stage(page, words).get_by_role("img", name="Running")
            if words != last and running.count() > 0:
                last = words
                yield words
        page.wait_for_timeout(100)


def decide(page: Page) -> None:
    """Promote: as proven where it is better, else against the verdict, with a reason."""
    page.get_by_role("button", name=re.compile("^Promote ")).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("I read it.")
    dialog.get_by_role("button", name=re.compile("^Promote")).click()
    expect(page.get_by_role("button", name=re.compile("^Roll back to"))).to_be_visible()


def alias(page: Page, name: str) -> Locator:
    """Return the row of an alias in the Hub."""
    go(page, "Hub")
    rows = page.get_by_role("main").get_by_role("listitem")
    return rows.filter(has=page.get_by_role("button", name=name, exact=True)).first


@pytest.mark.timeout(1_800)
def test_the_whole_loop_by_mouse(page: Pages, web_server: WebServer, link: str) -> None:
    opened = page(signed_in=False)
    opened.goto(link)
    expect(opened.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()
    opened.evaluate("window.stayed = true")  # from here on nothing is loaded anew
    bring_configuration(opened)
    expect(alias(opened, "brief")).to_contain_text("smollm2@1")

    start_improvement(opened)
    seen = []
    for words in watched(opened):
        seen.append(words)
        if words == "Train an adapter":
            opened.get_by_role("link", name="Watch it train").click()
            expect(opened.get_by_text(re.compile(r"Step \d+ of 12"))).to_be_visible(timeout=LONG_MS)
            opened.get_by_role("group", name="Loss: chart").locator("canvas").wait_for()
            opened.go_back()
            stage(opened, STAGES[0]).wait_for()
    assert "Train an adapter" in seen
    assert len(seen) >= 4, seen
    assert [STAGES.index(words) for words in seen] == sorted(map(STAGES.index, seen))

    opened.get_by_role("link", name=re.compile("Read and decide|Open certificate")).click()
    with web_server.client() as client:
        listed = client.get("/api/v1/certificates").json()["items"][0]
        shown = client.get(f"/api/v1/certificates/{listed['id']}").json()
    verdict = opened.get_by_role("region", name="Verdict")
    expect(verdict).to_contain_text(f"n = {shown['n']}")
    expect(opened.get_by_role("region", name="Where it comes from")).to_contain_text("12 steps")
    decide(opened)
    row = alias(opened, "brief")
    expect(row).to_contain_text("smollm2/brief@1")
    expect(row).to_contain_text("I read it.")

    go(opened, "Playground")
    opened.get_by_label("Left: alias and its version").select_option("brief")
    opened.get_by_label("Right: alias and its version").select_option("small")
    opened.get_by_label("Prompt", exact=True).fill("What is a river?")
    opened.get_by_role("button", name="Ask both").click()
    verdicts = opened.get_by_role("group", name="Which answer is better?")
    verdicts.wait_for(timeout=120_000)
    expect(opened.get_by_role("region", name="Left answer")).to_contain_text("smollm2/brief@1")
    expect(opened.get_by_role("region", name="Right answer")).to_contain_text("smollm2@1")
    verdicts.get_by_role("button", name="Left is better").click()
    expect(opened.get_by_text("Your judgement is kept")).to_be_visible()

    row = alias(opened, "brief")
    row.get_by_role("button", name="Roll back").click()
    dialog = opened.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Only to see it.")
    dialog.get_by_role("button", name="Roll back", exact=True).click()
    expect(row).to_contain_text("smollm2@1")
    expect(row).not_to_contain_text("smollm2/brief@1")
    row.get_by_role("button", name="brief", exact=True).click()
    moves = opened.get_by_role("complementary", name="Detail")
    expect(moves).to_contain_text("Only to see it.")
    assert opened.evaluate("window.stayed")
    with web_server.client() as client:
        said = client.get("/api/v1/annotations?kind=choice").json()["items"]
        assert said[0]["value"]["chosen_id"] == said[0]["interaction_ids"][0]
        moved = client.get("/api/v1/aliases/brief/moves").json()["items"]
        assert len(moved) == 3  # made, promoted, rolled back
