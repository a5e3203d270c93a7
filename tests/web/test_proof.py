"""The screens of proof: what they say is what the API says, and what they decide is decided."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Pages
from tests.web.lived_in import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

WORDS = {"better": "Better", "not_worse": "Not worse", "worse": "Worse"}
MINUS = "\u2212"
KINDS = {"broken": "Broken", "fixed": "Fixed", "still_wrong": "Still wrong", "kept": "Kept"}


def points(ratio: float) -> str:
    """Return a difference of ratios as the screens write it."""
    return f"{MINUS if ratio < 0 else '+'}{abs(ratio) * 100:.1f}"


def certificate(house: LivedIn) -> dict[str, Any]:
    shown: dict[str, Any] = house.ask("GET", f"/certificates/{house.ids['certificate']}")
    return shown


def test_a_certificate_shows_the_verdict_and_the_interval_of_the_api(
    pages: Pages, house: LivedIn
) -> None:
    shown = certificate(house)
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['id']}")
    verdict = page.get_by_role("region", name="Verdict")
    expect(verdict.get_by_text(WORDS[shown["verdict"]], exact=True)).to_be_visible()
    expect(page.get_by_test_id("effect")).to_have_text(points(shown["effect"]))
    low, high = map(points, shown["interval"])
    words = f"interval {low} to {high}, n = {shown['n']}"
    expect(page.get_by_test_id("interval")).to_contain_text(words)
    drawn = verdict.get_by_role("img").last
    name = drawn.get_attribute("aria-label")
    assert name is not None
    assert f"{points(shown['effect'])} points" in name
    assert f"interval {low} to {high}" in name


def test_the_interval_is_drawn_to_scale(pages: Pages, house: LivedIn) -> None:
    shown = certificate(house)
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['id']}")
    rule = page.get_by_role("region", name="Verdict").get_by_role("img").last
    expect(rule).to_be_visible()
    ticks = rule.locator(".nums > span")
    names = [text.replace(MINUS, "-").replace("+", "") for text in ticks.all_inner_texts()]
    where = [box["x"] for tick in ticks.all() if (box := tick.bounding_box())]
    per_point = (where[-1] - where[0]) / (float(names[-1]) - float(names[0]))
    bar = rule.locator("[style*=width]").bounding_box()
    assert bar is not None
    low, high = shown["interval"]
    assert bar["x"] == pytest.approx(where[0] + (low * 100 - float(names[0])) * per_point, abs=1.5)
    assert bar["width"] == pytest.approx((high - low) * 100 * per_point, abs=1.5)


def test_a_comparison_counts_what_the_verdict_counted(pages: Pages, house: LivedIn) -> None:
    found = house.ask("GET", f"/comparisons/{house.ids['comparison']}")["result"]
    page = pages()
    page.goto(f"/evaluation/comparison/?id={house.ids['comparison']}")
    filters = page.get_by_role("navigation", name="Cases by what became of them")
    for field, word in KINDS.items():
        wanted = re.compile(rf"^{word} {found[field]}$")
        expect(filters.get_by_role("link", name=wanted)).to_be_visible()


def test_a_training_shows_its_curves_by_keyboard_alone(
    pages: Pages, house: LivedIn, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto(f"/training/?id={house.ids['training']}")
    chart = page.get_by_role("group", name="Loss: chart")
    chart.locator("canvas").wait_for()
    chart.focus()
    page.keyboard.press("End")
    expect(page.get_by_text(re.compile(r"^step 20: train "))).to_be_attached()
    page.keyboard.press("t")
    expect(page.get_by_role("group", name="Loss: table").get_by_role("row")).to_have_count(21)
    axe(page)


def test_a_promotion_is_rolled_back_with_its_reason(pages: Pages, house: LivedIn) -> None:
    shown = certificate(house)
    assert shown["decision"]["kind"] == "promotion"
    page = pages()
    page.goto(f"/experiments/certificate/?id={shown['id']}")
    page.get_by_role("button", name="Roll back to").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("Users complained.")
    dialog.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_text("Rolled back")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back to")).to_have_count(0)
    assert certificate(house)["decision"]["rolled_back_at"] is not None
    moves = house.ask("GET", f"/aliases/{shown['alias']}/moves")["items"]
    assert moves[0]["reason"].endswith("Users complained.")
