"""Settings, Jobs: the queue on screen, and its levers: pause, stop, drain, each taken back."""

import asyncio
import re
import threading
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from camel_ext.core.errors import Unavailable
from camel_ext.core.queue import TASKS, TaskContext
from camel_ext.core.tasks import AGAIN
from camel_ext.datasets.versions import BUILD
from tests.web.conftest import Pages
from tests.web.lived_in import LivedIn

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]


def queue_of(house: LivedIn, name: str) -> dict[str, object]:
    found: list[dict[str, object]] = house.ask("GET", "/queues")["items"]
    (queue,) = [each for each in found if each["name"] == name]
    return queue


def test_a_paused_queue_keeps_a_run_waiting_and_its_job_is_stopped_here(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/settings/")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Jobs", level=1)).to_be_visible()
    page.get_by_role("button", name="Pause workflows").click()
    expect(page.get_by_role("button", name="Resume workflows")).to_be_visible()
    assert queue_of(house, "workflows")["paused_at"] is not None
    wanted = {"workflow": "answer", "input": {"goal": "Wait in the queue."}}
    run = house.ask("POST", "/runs", wanted)
    row = page.get_by_role("listitem").filter(has_text="workflows.run").filter(has_text="Queued")
    expect(row).to_have_count(1, timeout=10_000)  # it is asked for again every five seconds
    expect(row.get_by_role("link", name="the run")).to_have_attribute(
        "href", f"/workflows/run/?id={run['id']}"
    )
    axe(page)
    row.get_by_role("button", name="Stop").click()
    expect(row).to_have_count(0, timeout=10_000)
    assert house.ask("GET", f"/runs/{run['id']}")["state"] == "cancelled"
    page.get_by_role("button", name="Resume workflows").click()
    expect(page.get_by_role("button", name="Pause workflows")).to_be_visible()
    queue = page.get_by_role("table", name="Queues").get_by_role("row", name="workflows")
    expect(queue.get_by_role("cell").nth(5)).to_have_text(re.compile(r"^[1-9]\d*\.\d"))  # a minute
    assert queue_of(house, "workflows")["paused_at"] is None
    page.get_by_role("link", name="All").click()
    expect(page.get_by_role("listitem").filter(has_text="Cancelled").first).to_be_visible()


def test_a_limit_is_set_here_and_a_job_says_that_it_waits_for_it(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages()
    page.goto("/settings/jobs/")
    page.get_by_label("Limit of").fill("workflow:answer")
    page.get_by_label("Jobs at once").fill("0")
    page.get_by_role("button", name="Set", exact=True).click()
    limits = page.get_by_role("list", name="Limits")
    expect(limits.get_by_text("0 of 0")).to_be_visible()
    run = house.ask("POST", "/runs", {"workflow": "answer", "input": {"goal": "Wait for it."}})
    row = page.get_by_role("listitem").filter(has_text="workflows.run").filter(has_text="Queued")
    expect(row.get_by_text("waits for: limit of workflow:answer (0 of 0)")).to_be_visible(
        timeout=10_000
    )
    axe(page)
    page.get_by_role("button", name="Drop the limit of workflow:answer").click()
    expect(limits).to_have_count(0)
    expect(row).to_have_count(0, timeout=10_000)
    assert house.ask("GET", "/limits")["items"] == []
    assert house.ask("GET", f"/runs/{run['id']}")["state"] != "queued"


def test_a_worker_is_drained_and_taken_back_on_a_phone(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    page = pages(width=390)
    page.goto("/settings/jobs/?show=dead")
    expect(page.get_by_text("No job ran out of tries.")).to_be_visible()
    page.get_by_role("button", name="Drain").click()
    expect(page.get_by_role("button", name="Take jobs again")).to_be_visible()
    assert house.ask("GET", "/workers")["items"][0]["draining_since"] is not None
    axe(page)
    page.get_by_role("button", name="Undo").click()  # the toast's
    expect(page.get_by_role("button", name="Drain")).to_be_visible()
    assert house.ask("GET", "/workers")["items"][0]["draining_since"] is None


def test_a_workers_count_leads_to_what_it_holds(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None]
) -> None:
    said = threading.Event()

    async def wait(_word: int) -> None:
        while not said.is_set():  # noqa: ASYNC110 -- another thread sets it
            await asyncio.sleep(0.01)

    (worker,) = house.ask("GET", "/workers")["items"]
    page = pages()
    house.engine.pace = wait
    try:
        run = house.ask("POST", "/runs", {"workflow": "answer", "input": {"goal": "Be held."}})
        page.goto("/settings/jobs/?show=all")
        page.get_by_role("link", name="holds 1").click()
        expect(page).to_have_url(re.compile(rf"/settings/jobs/\?worker={worker['id']}#jobs$"))
        listed = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="the run"))
        expect(listed).to_have_count(1)
        expect(listed.get_by_text("Running")).to_be_in_viewport()
        link = f"/workflows/run/?id={run['id']}"
        expect(listed.get_by_role("link", name="the run")).to_have_attribute("href", link)
        axe(page)
        held = page.get_by_role("button", name=f"Remove the filter: held by {worker['name']}")
        page.reload()
        expect(held).to_be_visible()
    finally:
        said.set()
        house.engine.pace = None
    expect(page.get_by_text("This worker holds no job of this project now.")).to_be_visible()
    held.click()
    expect(held).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/settings/jobs/$"))


def test_all_dead_letters_are_repeated_once_that_is_confirmed(
    house: LivedIn, pages: Pages, axe: Callable[[Page], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    build = {"name": "nothing", "filter": {"agent_id": "nobody"}}

    async def away(_context: TaskContext, *, version_id: str) -> None:
        raise Unavailable("nobody answers")

    with monkeypatch.context() as patched:
        patched.setitem(TASKS, BUILD, away)
        patched.setattr("camel_ext.core.tasks.BACKOFF_S", 0.001)
        ids = [house.ask("POST", "/datasets", build)["id"] for _ in range(2)]
        for each in ids:
            house.until(f"/dataset-versions/{each}", "failed")
        while house.ask("GET", "/dead-letters")["total"] < 2:
            pass  # the version says so before its job does
    page = pages()
    page.goto("/settings/jobs/?show=dead")
    expect(page.get_by_text("2 jobs ran out of tries.")).to_be_visible()
    page.get_by_role("button", name="Repeat all").click()
    dialog = page.get_by_role("dialog", name="Repeat all 2 dead letters?")
    expect(dialog.get_by_role("list", name="What is repeated")).to_have_text(f"2{BUILD}")
    axe(page)
    dialog.get_by_role("button", name="Leave them").click()
    expect(dialog).to_have_count(0)
    assert house.ask("GET", "/dead-letters")["total"] == 2

    with monkeypatch.context() as patched:
        patched.delitem(AGAIN, BUILD)
        page.get_by_role("button", name="Repeat all").click()
        dialog.get_by_role("button", name="Repeat all").click()
        told = page.get_by_role("dialog", name="0 jobs queued again, 2 not")
        expect(told.get_by_role("list", name="What stays dead")).to_contain_text(
            f"a job of the kind {BUILD} is not queued again"
        )
        axe(page)
        told.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Repeat all").click()
    dialog.get_by_role("button", name="Repeat all").click()
    expect(page.get_by_text("2 jobs queued again")).to_be_visible()
    expect(page.get_by_text("No job ran out of tries.")).to_be_visible()
    expect(page.get_by_role("button", name="Repeat all")).to_have_count(0)
    assert house.ask("GET", "/dead-letters")["total"] == 0
    versions = house.ask("GET", "/datasets/nothing/versions")["items"]
    assert [each["number"] for each in versions] == [4, 3, 2, 1]
