"""Prove, by mouse: evaluate, compare, ask a judge, promote or refuse, and ask two versions the same."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.experiments.conftest import config, wordy
from tests.web.conftest import Pages
from tests.web.lived_in import BRIEF, Json, LivedIn, saying

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

WORDS = {
    "better": "Better",
    "not_worse": "Not worse",
    "worse": "Worse",
    "inconclusive": "Inconclusive",
}
PERSON = "{when: better, approval: person}"


def chosen(page: Page, place: str) -> None:
    """Go to a place by the navigation."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=place).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(place)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def newest(house: LivedIn, path: str) -> Json:
    found: Json = house.ask("GET", path)["items"][0]
    return found


def targets(house: LivedIn, alias: str) -> list[str]:
    """Return the versions that an alias points at."""
    return [each["version_id"] for each in house.ask("GET", f"/aliases/{alias}")["targets"]]


def waits(house: LivedIn, seed: int, *, proven: bool) -> Json:
    """Improve until a person is asked, or until it ends without a proof: its adapter is wordy."""
    while targets(house, "brief") != targets(house, "other"):  # what is brief gives no pairs
        house.ask("POST", "/decisions/rollback", {"alias": "brief", "reason": "Again."})
    if not proven:
        house.engine.answer = saying(adapted=wordy)
    wanted = config(**{"  brief": BRIEF, "promote": PERSON})
    body = {"workflow": "answer", "config": wanted, "seed": seed}
    made = house.ask("POST", "/improvements", body)
    shown = house.until(f"/improvements/{made['id']}", "waiting", "succeeded", "failed")
    house.engine.answer = saying()
    assert shown["state"] != "failed", shown
    return shown


def evaluated(house: LivedIn, suite: str, model: str) -> str:
    """Let a model answer a suite, and return the evaluation's id."""
    body = {"suite": suite, "workflow": "answer", "models": {"brief": model}, "seed": 3}
    made = house.ask("POST", "/evaluations", body)
    assert house.until(f"/evaluations/{made['id']}")["state"] == "succeeded"
    return str(made["id"])


def test_two_versions_answer_the_same_prompt(pages: Pages, house: LivedIn) -> None:
    assert targets(house, "brief") != targets(house, "other")  # as long as nothing is rolled back
    page = pages()
    page.goto("/serving/")
    page.get_by_label("Left: alias and its version").select_option("brief")
    page.get_by_label("Right: alias and its version").select_option("other")
    page.get_by_label("Prompt", exact=True).fill("What is a river?")
    page.get_by_role("button", name="Ask both").click()
    verdicts = page.get_by_role("group", name="Which answer is better?")
    expect(verdicts).to_be_visible()
    expect(page.get_by_role("region", name="Left answer")).to_contain_text("tok")
    verdicts.get_by_role("button", name="Both bad").click()
    expect(page.get_by_text("Your judgement is kept")).to_be_visible()
    said = house.ask("GET", "/annotations?kind=choice")["items"][0]
    assert said["value"] == {"chosen_id": None, "both_bad": True}
    page.get_by_role("button", name="Undo").click()
    expect(verdicts.get_by_role("button", name="Both bad")).to_have_attribute(
        "aria-pressed", "false"
    )
    page.reload()  # the address holds what was asked
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("What is a river?")


@pytest.mark.parametrize(("button", "ending"), [("HTML", "html"), ("MD", "md"), ("JSON", "json")])
def test_a_certificate_is_taken_along(
    pages: Pages, house: LivedIn, button: str, ending: str
) -> None:
    shown = house.ask("GET", f"/certificates/{house.ids['certificate']}")
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['id']}")
    with page.expect_download() as coming:
        page.get_by_role("button", name=button, exact=True).click()
    assert coming.value.suggested_filename == f"{shown['name']}.{ending}"
    assert shown["content_hash"] in coming.value.path().read_text()


def test_an_evaluation_is_planned_and_started(pages: Pages, house: LivedIn) -> None:
    page = pages()
    page.goto("/evaluation/")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    asked = dialog(page)
    asked.get_by_label("Target").select_option("workflow:answer")
    asked.get_by_label("Aliases stand for").fill("brief")
    expect(asked.get_by_role("alert")).to_contain_text("write alias=model")
    expect(asked.get_by_role("button", name="Show the plan")).to_be_disabled()
    asked.get_by_label("Aliases stand for").fill("brief=base")
    asked.get_by_label("Seed").fill("3")
    asked.get_by_role("button", name="Show the plan").click()
    expect(asked.get_by_role("region", name="The plan")).to_contain_text("30 cases in 10 topics")
    asked.get_by_label("Cases at a time").fill("2")
    asked.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile("/evaluation/evaluation/"))
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    made = newest(house, "/evaluations")
    assert (made["target"], made["seed"], made["parallel"]) == ("answer", 3, 2)
    assert made["id"] in page.url


def test_two_evaluations_are_compared_by_a_policy(pages: Pages, house: LivedIn) -> None:
    suite = house.ids["suite"]
    before = evaluated(house, suite, "base")
    after = evaluated(house, suite, house.ids["version"])
    page = pages()
    page.goto("/evaluation/")
    page.get_by_role("button", name="Compare", exact=True).click()
    asked = dialog(page)
    asked.get_by_label("Candidate").select_option(after)
    asked.get_by_label("Baseline").select_option(before)
    rails = asked.get_by_label("Guardrails")
    rails.fill("error")
    expect(asked.get_by_role("alert")).to_contain_text("write a measure and its margin")
    rails.fill("nothing_like_it=0.1")
    asked.get_by_role("button", name="Show the plan").click()
    expect(asked.get_by_text("This policy does not fit")).to_be_visible()
    pages.refused(422)
    expect(rails).to_have_value("nothing_like_it=0.1")
    rails.fill("error=0.05, latency_ms=900%")
    asked.get_by_role("button", name="Show the plan").click()
    expect(asked.get_by_role("region", name="The plan")).to_contain_text("30 cases")
    asked.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url(re.compile("/evaluation/comparison/"))
    made = newest(house, "/comparisons")
    assert (made["baseline_id"], made["candidate_id"]) == (before, after)
    expect(page.get_by_text(re.compile(f"^{WORDS[made['verdict']]}")).first).to_be_visible()
    measures = [each["measure"] for each in made["policy"]["guardrails"]]
    assert measures == ["error", "latency_ms"]


def test_a_judge_sees_both_and_decides(pages: Pages, house: LivedIn) -> None:
    topics = [f"topic{number}" for number in range(10)]
    shorter = {"model": "other", "criteria": "Short answers are better.", "sees": "both"}
    suite: dict[str, Any] = {
        "name": "judged",
        "scorers": {"shorter": {"judge": shorter}, "brief": {"verify": "length"}},
        "cases": [{"topic": each, "input": {"goal": f"Judge {each} {n}"}}
                  for each in topics for n in range(3)],
    }  # fmt: skip
    house.ask("POST", "/suites", suite)
    before = evaluated(house, "judged", "base")
    after = evaluated(house, "judged", house.ids["version"])
    page = pages()
    page.goto("/evaluation/")
    page.get_by_role("button", name="Ask a judge").click()
    asked = dialog(page)
    asked.get_by_label("Candidate").select_option(after)
    asked.get_by_label("Baseline").select_option(before)
    expect(asked.get_by_text("Short answers are better.")).to_be_visible()
    expect(asked.get_by_text("other is asked about 30 pairs, twice each")).to_be_visible()
    asked.get_by_role("button", name="Ask the judge").click()
    expect(page.get_by_text("30 better, 0 worse, 0 neither")).to_be_visible()
    expect(page.get_by_text("both orders agree in 100 %")).to_be_visible()
    page.get_by_role("button", name="Compare", exact=True).click()
    asked.get_by_label("Candidate").select_option(after)
    asked.get_by_label("Must improve").select_option("shorter")
    asked.get_by_role("button", name="Show the plan").click()
    asked.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_url(re.compile("/evaluation/comparison/"))
    filters = page.get_by_role("navigation", name="Cases by what became of them")
    expect(filters.get_by_role("link", name="Better 30")).to_be_visible()
    judges = page.get_by_role("region", name="Judges")
    expect(judges.get_by_text("30 of 30 pairs: 30 better")).to_be_visible()


def test_a_suite_without_a_judge_says_so(pages: Pages, house: LivedIn) -> None:
    page = pages()
    page.goto(f"/evaluation/comparison/?id={house.ids['comparison']}")
    page.get_by_role("button", name="Ask a judge").click()
    expect(dialog(page).get_by_text("is a judge that sees both answers")).to_be_visible()
    expect(dialog(page).get_by_role("button", name="Ask the judge")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)


def test_what_is_proven_waits_for_a_person_and_is_promoted(pages: Pages, house: LivedIn) -> None:
    shown = waits(house, 11, proven=True)
    assert shown["waiting_for"] == "person", shown
    page = pages()
    page.goto(f"/experiments/improvement/?id={shown['id']}")
    expect(page.get_by_text("Waits for you")).to_be_visible()
    page.get_by_role("link", name="Read and decide").click()
    page.get_by_role("button", name=re.compile("^Promote ")).click()
    dialog(page).get_by_label("Reason").fill("Proven, and read.")
    dialog(page).get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("^Roll back to"))).to_be_visible()
    assert targets(house, "brief") == [shown["candidate_version_id"]]
    page.get_by_text(re.compile("^History of brief")).click()
    history = page.get_by_role("region", name="Decision and method").get_by_role("listitem")
    expect(history.filter(has_text="Proven, and read.")).to_contain_text("base/short@")
    assert newest(house, "/aliases/brief/moves")["reason"].endswith("Proven, and read.")
    chosen(page, "Hub")
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="brief"))
    expect(row.first).to_contain_text("Proven, and read.")
    row.first.get_by_role("button", name="Roll back").click()
    asked = dialog(page)
    expect(asked.get_by_role("button", name="Roll back", exact=True)).to_be_disabled()
    asked.get_by_label("Reason").fill("Only to try.")
    asked.get_by_role("button", name="Roll back", exact=True).click()
    expect(row.first).to_contain_text("Only to try.")
    assert targets(house, "brief") == [shown["baseline_version_id"]]


def test_what_is_proven_can_be_refused_with_a_reason(pages: Pages, house: LivedIn) -> None:
    shown = waits(house, 12, proven=True)
    before = targets(house, "brief")
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['certificate_id']}")
    page.get_by_role("button", name="Refuse", exact=True).click()
    dialog(page).get_by_label("Reason").fill("Too blunt for us.")
    dialog(page).get_by_role("button", name="Refuse", exact=True).click()
    expect(dialog(page)).to_have_count(0)
    expect(page.get_by_text("Too blunt for us.")).to_be_visible()
    assert targets(house, "brief") == before
    decided = house.ask("GET", f"/certificates/{shown['certificate_id']}")["decision"]
    assert (decided["kind"], decided["reason"]) == ("refusal", "Too blunt for us.")
    page.get_by_role("button", name=re.compile("^Promote .* after all$")).click()
    dialog(page).get_by_label("Reason").fill("On second thoughts.")
    dialog(page).get_by_role("button", name="Promote", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("^Roll back to"))).to_be_visible()
    assert targets(house, "brief") == [shown["candidate_version_id"]]


def test_against_the_verdict_takes_a_reason(pages: Pages, house: LivedIn) -> None:
    shown = waits(house, 14, proven=False)
    assert shown["verdict"] != "better"
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['certificate_id']}")
    page.get_by_role("button", name="Promote against the verdict").click()
    asked = dialog(page)
    verb = asked.get_by_role("button", name="Promote against the verdict")
    expect(verb).to_be_disabled()
    asked.get_by_label("Reason").fill("It is shorter on disk.")
    verb.click()
    expect(page.get_by_role("button", name=re.compile("^Roll back to"))).to_be_visible()
    decided = house.ask("GET", f"/certificates/{shown['certificate_id']}")["decision"]
    assert decided["override"]
