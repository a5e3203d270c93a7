"""No page asks for more than 250 KB of scripts (gzip) before it stands; what comes later comes with a press."""

from pathlib import Path

import pytest

from tests.web.scripts import needed_kb
from tests.web.test_every_page import ROUTES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web")]

MOST_KB = 250


def test_each_page_stays_small(built_web: Path) -> None:
    pages = needed_kb()
    assert set(ROUTES) <= set(pages)
    assert min(pages.values()) > 100, "something is not counted"
    large = {page: round(kb) for page, kb in pages.items() if kb > MOST_KB}
    assert not large, "load with next/dynamic what only a press opens"
