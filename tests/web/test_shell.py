"""The frame of every page: sign-in, keys, the live feed, both themes, without a mouse."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import Pages, WebServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_has_no_barriers(page: Pages, axe: Callable[[Page], None], theme: str, width: int) -> None:
    opened = page(theme, width, 844 if width == 390 else 800)
    opened.goto("/")
    expect(opened.get_by_role("heading", level=1)).to_be_visible()
    expect(opened.get_by_role("status").get_by_text("Live")).to_be_visible()
    axe(opened)


def test_says_that_the_line_is_cut_and_comes_back(page: Pages, web_server: WebServer) -> None:
    opened = page()
    opened.goto("/")
    expect(opened.get_by_role("status").get_by_text("Live")).to_be_visible()
    web_server.kill()
    expect(opened.get_by_text("Connection lost,")).to_be_visible()
    web_server.start()
    expect(opened.get_by_text("Back, nothing missed")).to_be_visible(timeout=20_000)
    expect(opened.get_by_role("status").get_by_text("Live")).to_be_visible()
    page.wrong.clear()
