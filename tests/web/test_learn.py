"""Learn, by mouse: datasets built, brought in and taken out; trainings started and cancelled; checks; the fast lane."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.fakes.launcher import Act, steps
from tests.web.conftest import Pages
from tests.web.lived_in import FOUND, HOLDS, LOOKED, TRAINED, Json, LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def version(house: LivedIn, name: str) -> Json:
    """Return the newest version of a dataset, once it has an end."""
    newest = house.ask("GET", f"/datasets/{name}/versions")["items"][0]
    return house.until(f"/dataset-versions/{newest['id']}")


def saved(page: Page, button: str, folder: Path) -> Path:
    """Press a button that saves a file, and return it."""
    with page.expect_download() as coming:
        page.get_by_role("button", name=button, exact=True).click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def bring(page: Page, file: Path, name: str) -> None:
    """Bring a file of pairs in."""
    page.goto("/datasets/")
    page.get_by_role("button", name="Import", exact=True).click()
    with page.expect_file_chooser() as coming:
        dialog(page).get_by_label("File", exact=True).click()
    coming.value.set_files(file)
    dialog(page).get_by_label("Name of the dataset").fill(name)
    dialog(page).get_by_role("button", name="Import it").click()


def test_a_turn_is_asked_again_while_its_run_goes_on(pages: Pages, house: LivedIn) -> None:
    wanted = {"workflow": "pair", "input": {"goal": "Fork me."}, "single_step": True}
    run = house.ask("POST", "/runs", wanted)["id"]
    house.until(f"/runs/{run}", "waiting")
    page = pages()
    page.goto(f"/workflows/run/?id={run}")
    page.get_by_role("button", name=re.compile("^Fork")).click()
    asked = dialog(page)
    expect(asked.get_by_role("heading", name="Ask turn 1 again?")).to_be_visible()
    asked.get_by_role("button", name="Ask again").click()
    house.ask("POST", f"/runs/{run}/resume", {})
    house.until(f"/runs/{run}", "succeeded")
    expect(page.get_by_text("Succeeded", exact=True).first).to_be_attached()
    best = asked.get_by_role("button", name="The best")
    expect(best).to_have_count(4)
    expect(asked.get_by_role("heading", name="Ask turn 1 again?")).to_be_visible()
    best.nth(1).click()
    expect(page.get_by_text("Judged: the pair waits for a dataset")).to_be_visible()
    said = house.ask("GET", "/annotations?kind=ranking")["items"][0]
    assert said["value"]["ranking"][0] == [said["interaction_ids"][1]]


class TestADataset:
    def test_is_built_by_rules_whose_yield_stands_beside(
        self, pages: Pages, house: LivedIn
    ) -> None:
        page = pages()
        page.goto("/datasets/")
        page.get_by_role("link", name="Build a dataset").click()
        page.get_by_label("Name of the dataset").fill("by_mouse")
        yields = page.get_by_role("complementary", name="What would come of it")
        many = house.ask("POST", "/datasets/preview", {"name": "x", "filter": {}})["pairs"]
        expect(yields.get_by_role("status")).to_contain_text(f"{many} pairs")
        page.get_by_role("checkbox", name="Verifiers").uncheck()
        expect(page.get_by_role("button", name="Build", exact=True)).to_be_disabled()
        page.get_by_role("checkbox", name="Verifiers").check()
        page.get_by_label("Judged answers", exact=True).fill("tag:topic:learn0")
        page.get_by_label("Margin at least").fill("0.3")
        wanted = {"name": "x", "filter": {"tag": "topic:learn0"}, "rules": {"min_margin": 0.3}}
        left = house.ask("POST", "/datasets/preview", wanted)["pairs"]
        build = page.get_by_role("button", name=f"Build {left} pairs")
        expect(build).to_be_enabled()
        assert 0 < left < many
        row = yields.get_by_role("row").filter(has_text="one answer judged better than another")
        expect(row).to_contain_text(str(left))
        build.click()
        page.wait_for_url(re.compile("/datasets/dataset/"))
        frozen = version(house, "by_mouse")
        assert (frozen["state"], frozen["pairs"]) == ("succeeded", left)
        expect(page.get_by_text(re.compile(f"^{left} pairs, "))).to_be_visible()
        page.get_by_role("link", name="Versions").click()
        expect(page.get_by_role("main").get_by_role("link", name="@1")).to_be_visible()

    def test_goes_out_and_comes_in_with_the_same_hash(
        self, pages: Pages, house: LivedIn, tmp_path: Path
    ) -> None:
        name = house.ids["dataset"]
        there = version(house, name)
        page = pages()
        page.goto(f"/datasets/dataset/?name={name}")
        lines = saved(page, "JSONL", tmp_path).read_text().splitlines()
        assert len(lines) == there["pairs"]
        assert {"prompt", "chosen", "rejected"} <= json.loads(lines[0]).keys()
        table = pyarrow.parquet.read_table(saved(page, "Parquet", tmp_path))
        assert table.num_rows == there["pairs"]
        bring(page, tmp_path / f"{name}-{there['number']}.jsonl", "brought")
        page.wait_for_url(re.compile("name=brought"))
        expect(page.get_by_role("heading", level=1)).to_have_text("brought")
        came = version(house, "brought")
        assert (came["origin"], came["content_hash"]) == ("imported", there["content_hash"])

    def test_a_broken_file_leaves_nothing_and_says_where(
        self, pages: Pages, house: LivedIn, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken.jsonl"
        broken.write_text('{"prompt": [{"role": "user", "content": "Why?"}]}\n')
        page = pages()
        bring(page, broken, "broken")
        expect(dialog(page).get_by_role("alert")).to_contain_text("line 1")
        expect(dialog(page).get_by_label("Name of the dataset")).to_have_value("broken")
        pages.refused(422)
        versions = house.ask("GET", "/datasets/broken/versions")["items"]
        assert [each["state"] for each in versions] == ["cancelled"]

    def test_parquet_is_left_to_the_command(
        self, pages: Pages, house: LivedIn, tmp_path: Path
    ) -> None:
        page = pages()
        page.goto(f"/datasets/dataset/?name={house.ids['dataset']}")
        file = saved(page, "Parquet", tmp_path)
        bring(page, file, "packed")
        expect(dialog(page).get_by_role("alert")).to_contain_text("camel-ext dataset import")
        assert "packed" not in [each["name"] for each in house.ask("GET", "/datasets")["items"]]

    def test_is_built_anew_from_the_same_answers(self, pages: Pages, house: LivedIn) -> None:
        wanted = {
            "name": "again", "filter": {"agent_id": "writer", "failed": False},
            "exclude_judges": ["nobody"], "rules": {"min_margin": 0.2},
        }  # fmt: skip
        house.ask("POST", "/datasets", wanted)
        first = version(house, "again")
        page = pages()
        page.goto("/datasets/dataset/?name=again")
        page.get_by_role("link", name="Build anew").click()
        expect(page.get_by_label("Judged answers", exact=True)).to_have_value(
            "agent:writer failed:no"
        )
        expect(page.get_by_label("Margin at least")).to_have_value("0.2")
        expect(page.get_by_text("Without “nobody”, as in @1.")).to_be_visible()
        page.get_by_role("button", name=f"Build {first['pairs']} pairs").click()
        page.wait_for_url(re.compile("version=2"))
        second = version(house, "again")
        assert second["number"] == 2
        assert second["exclude_judges"] == ["nobody"]
        assert second["content_hash"] == first["content_hash"]
        expect(page.get_by_role("heading", level=1)).to_have_text("again")
        page.goto("/datasets/dataset/?name=again&version=7")
        expect(page.get_by_text("There is no again@7")).to_be_visible()

    def test_an_address_with_a_version_leads_to_it(self, pages: Pages, house: LivedIn) -> None:
        page = pages()
        page.goto(f"/datasets/?version={house.ids['dataset_version']}")
        expect(page.get_by_role("heading", level=1)).to_have_text(house.ids["dataset"])
        page.goto(f"/experiments/improvement/?id={house.ids['improvement']}")
        page.get_by_role("link", name="the dataset").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(house.ids["dataset"])


class TestATraining:
    def test_is_looked_at_started_cancelled_and_resumed(self, pages: Pages, house: LivedIn) -> None:
        page = pages()
        page.goto("/datasets/")  # from here, as a person goes: lists stay in the cache
        page.get_by_role("link", name=re.compile(f"^{house.ids['dataset']}")).click()
        page.get_by_role("link", name="Train", exact=True).click()
        asked = dialog(page)
        expect(asked.get_by_label("Dataset version")).to_have_value(
            re.compile(f"^{house.ids['dataset']}@")
        )
        expect(asked.get_by_role("button", name="Look first")).to_be_disabled()
        asked.get_by_label("Name", exact=True).fill("mouse")
        asked.get_by_label("Preset").select_option("quick")
        asked.get_by_label("Priority").fill("3")
        asked.get_by_text("Every number").click()
        asked.get_by_label("beta", exact=True).fill("0.3")
        house.launcher.acts = [LOOKED]
        asked.get_by_role("button", name="Look first").click()
        estimate = asked.get_by_role("region", name="What it will take")
        expect(estimate).to_contain_text("about 30 s")
        expect(estimate).to_contain_text("1.6 GB")
        house.launcher.acts = [HOLDS]
        asked.get_by_role("button", name="Train", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("mouse")
        expect(page.get_by_text("Step 5 of 20")).to_be_visible()
        made = house.ask("GET", "/trainings")["items"][0]
        whole = house.ask("GET", f"/trainings/{made['id']}")
        assert (made["preset"], made["priority"]) == ("quick", 3)
        assert whole["hyper"]["beta"] == 0.3
        page.get_by_role("button", name="Cancel", exact=True).click()
        dialog(page).get_by_role("button", name="Cancel it").click()
        expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
        assert house.until(f"/trainings/{made['id']}")["state"] == "cancelled"
        house.launcher.acts = [Act(steps(6, 20, 20))]
        page.get_by_role("button", name="Resume from the last checkpoint").click()
        expect(page.get_by_text("Succeeded", exact=True)).to_be_visible()
        assert house.until(f"/trainings/{made['id']}", "succeeded")["adapter_version_id"]
        house.launcher.acts = [TRAINED]

    def test_without_a_step_draws_nothing(self, pages: Pages, house: LivedIn) -> None:
        house.launcher.acts = [Act([FOUND], holds=True)]
        wanted = {
            "name": "early",
            "base": "base",
            "dataset": f"{house.ids['dataset']}@1",
            "preset": "quick",
        }
        made = house.ask("POST", "/trainings", wanted)
        page = pages()
        page.goto(f"/training/?id={made['id']}")
        expect(page.get_by_text("The first step comes when the base is loaded")).to_be_visible()
        page.get_by_role("button", name="Cancel", exact=True).click()
        dialog(page).get_by_role("button", name="Cancel it").click()
        expect(page.get_by_text("No step was recorded.")).to_be_visible()
        expect(page.locator("canvas")).to_have_count(0)
        expect(page.get_by_text("done", exact=True)).to_have_count(0)
        house.launcher.acts = [TRAINED]

    def test_a_number_that_cannot_be_is_said_where_it_stands(
        self, pages: Pages, house: LivedIn
    ) -> None:
        page = pages()
        page.goto("/training/")
        page.get_by_role("button", name="Train an adapter").first.click()
        asked = dialog(page)
        asked.get_by_label("Name", exact=True).fill("wrong")
        asked.get_by_text("Every number").click()
        asked.get_by_label("learning_rate", exact=True).fill("-1")
        asked.get_by_role("button", name="Look first").click()
        expect(asked.get_by_role("alert")).to_contain_text("learning_rate")
        pages.refused(422)
        expect(asked.get_by_label("learning_rate", exact=True)).to_have_value("-1")


class TestAVerifier:
    def test_begins_with_an_example_that_works(self, pages: Pages, house: LivedIn) -> None:
        names = [each["name"] for each in house.ask("GET", "/verifiers")]
        page = pages()
        page.goto("/annotations/?tab=verifiers")
        page.get_by_role("button", name="Run a verifier").first.click()
        asked = dialog(page)
        which = asked.get_by_label("Verifier")
        expect(which.get_by_role("option")).to_have_text(names)
        which.select_option("all_of")
        asked.get_by_role("button", name="Run it dry").click()
        card = page.get_by_role("heading", name="all_of").locator("xpath=../..")
        expect(card.get_by_text("Succeeded")).to_be_visible()
        page.get_by_role("button", name="Run a verifier").first.click()
        which.select_option("relevance")
        filled = asked.get_by_label("Filled by each answer's own prompt")
        expect(filled).to_have_value("to")
        asked.get_by_label("Dry run").uncheck()
        asked.get_by_role("button", name="Run it", exact=True).click()
        card = page.get_by_role("heading", name="relevance").locator("xpath=../..")
        expect(card.get_by_text("Succeeded")).to_be_visible()
        batch = house.ask("GET", "/annotation-batches")["items"][0]
        assert (batch["per_subject"], batch["dry_run"]) == ({"to": "prompt"}, False)
        assert batch["unfound"] == 0
        card.get_by_role("button", name="Take all back").click()
        expect(card.get_by_text("taken back")).to_be_visible()


def test_the_fast_lane_is_the_same_in_every_browser(pages: Pages, house: LivedIn) -> None:
    page = pages()
    page.goto(f"/annotations/queue/?id={house.ids['queue']}")
    page.get_by_label("fast lane").check()
    page.wait_for_timeout(1_500)  # it is sent a moment later
    preferences: dict[str, Any] = house.ask("GET", "/preferences")
    assert preferences["fast_lane"]
    other = pages()
    other.goto(f"/annotations/queue/?id={house.ids['queue']}")
    expect(other.get_by_label("fast lane")).to_be_checked()
    other.get_by_role("button", name=re.compile("^Good")).click()
    expect(other.get_by_text(re.compile("^1 of "))).to_be_visible()
    other.get_by_label("fast lane").uncheck()
    other.wait_for_timeout(1_500)
    assert house.ask("GET", f"/annotation-queues/{house.ids['queue']}")["items_done"] == 1
