"""Every page looks as it did when somebody last looked at it (`pictures.py` says how alike that is).

`make pictures` writes what is kept anew: look at it before you commit it. The pictures themselves, in full,
are left in var/pictures; where one differs, the squares are marked in a second one beside it.
"""

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.web.conftest import WEB, Pages
from tests.web.lived_in import LivedIn, lived_in
from tests.web.pictures import Box, covered, difference, keep, marked
from tests.web.test_every_page import LOOKS, ROUTES, address, settled

pytestmark = [pytest.mark.slow, pytest.mark.nightly, pytest.mark.xdist_group("web")]

Look = tuple[str, int]
KEPT = Path(__file__).parent / "pictures"
LEFT = WEB.parent / "var" / "pictures"
TRIES = 8  # what comes late (a graph laid out in a worker, a curve) is waited for
BETWEEN_MS = 250
SLOWEST_MS = 1000
VARIES = ", ".join([  # what no two houses have alike
    "[data-time]", "[data-varies]", "[aria-label='Turns over time']",
])  # fmt: skip
QUIET = """() => new Promise((done) => {  // nothing came for 200 ms; after 3 s what is there will do
    let timer;
    const wait = () => { clearTimeout(timer); timer = setTimeout(done, 200); };
    new MutationObserver(wait).observe(document.body, {subtree: true, childList: true});
    wait();
    setTimeout(done, 3000);
})"""
BOXES = """all => all.map(each => each.getBoundingClientRect())
    .map(box => [box.left, box.top, box.right, box.bottom])"""


@pytest.fixture(scope="module")
def house(
    built_web: Path, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[LivedIn]:
    """A house that was lived in."""
    with lived_in(tmp_path_factory.mktemp("pictures"), sqlite_template) as house:
        yield house


@pytest.fixture(scope="module")
def screen(browser: Browser, house: LivedIn) -> Iterator[Callable[[Look], Page]]:
    """`screen(look)` is a page of that look, the same one each time: its scripts are loaded once."""
    pages, opened = Pages(browser, house), dict[Look, Page]()

    def get(look: Look) -> Page:
        theme, width = look
        if look not in opened:
            page = opened[look] = pages(theme, width, 844 if width < 768 else 800)
            devtools = page.context.new_cdp_session(page)
            devtools.send("Emulation.setTimezoneOverride", {"timezoneId": midday()})
        return opened[look]

    yield get
    for context in pages.contexts:
        context.close()


def midday() -> str:
    """Return a time zone in which it is about noon: a time of yesterday is written with its date."""
    behind = time.gmtime().tm_hour - 12
    return f"Etc/GMT{behind:+d}"  # its sign is the other way round: GMT+5 is five hours behind


def name_of(route: str, look: Look) -> str:
    """Return what a picture is called, without its ending."""
    return f"{route.strip('/').replace('/', '-') or 'home'}-{look[0]}-{look[1]}"


def show(page: Page, route: str, house: LivedIn) -> None:
    """Open a page, and wait until nothing comes any more."""
    page.goto(address(route, house))
    settled(page, route)
    page.evaluate(QUIET)
    page.evaluate("document.fonts.ready")


def taken(page: Page) -> tuple[Image.Image, Image.Image]:
    """Return the picture of a page, and the same with what varies painted over."""
    shot = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide")))
    boxes: list[Box] = [tuple(box) for box in page.eval_on_selector_all(VARIES, BOXES)]
    return shot, covered(shot, boxes)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0]}-{look[1]}")
@pytest.mark.parametrize("route", ROUTES)
def test_it_looks_as_it_did(
    route: str,
    look: Look,
    screen: Callable[[Look], Page],
    house: LivedIn,
    request: pytest.FixtureRequest,
) -> None:
    page, name = screen(look), name_of(route, look)
    show(page, route, house)
    LEFT.mkdir(parents=True, exist_ok=True)
    kept, whole, changed = KEPT / f"{name}.webp", LEFT / f"{name}.png", LEFT / f"{name}-changed.png"
    changed.unlink(missing_ok=True)
    if request.config.getoption("--write-pictures", default=False):
        page.wait_for_timeout(SLOWEST_MS)
        shot, plain = taken(page)
        shot.save(whole)
        keep(plain, kept)
        return
    assert kept.exists(), f"no picture of {route} is kept: look at the page, then `make pictures`"
    for _ in range(TRIES):
        shot, plain = taken(page)
        found = difference(plain, kept)
        if found.alike:
            break
        page.wait_for_timeout(BETWEEN_MS)
    shot.save(whole)
    if not found.alike:
        marked(shot, found).save(changed)
    assert found.alike, f"{found.ratio:.1%} of it looks otherwise, see {changed}: was it meant to?"


def test_nothing_is_kept_of_pages_that_are_gone() -> None:
    there = {f"{name_of(route, look)}.webp" for route in ROUTES for look in LOOKS}
    assert {path.name for path in KEPT.glob("*")} == there


CERTIFICATE = "/experiments/certificate/"
PANEL = "main section"
SPOILT = {
    "a panel is gone": f"document.querySelector('{PANEL}').style.visibility = 'hidden'",
    "a panel moved": f"document.querySelector('{PANEL}').style.transform = 'translate(90px, 40px)'",
    "the page is empty": "document.querySelector('main').style.visibility = 'hidden'",
    "the navigation is lost": "document.querySelector('nav').style.visibility = 'hidden'",
    "the theme is wrong": "document.documentElement.dataset.theme = 'dark'",
    "the styles are lost": "document.querySelectorAll('link[rel=stylesheet]').forEach(e => e.remove())",
}
OTHER_NUMBERS = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        texts.currentNode.data = texts.currentNode.data.replace(/[0-9]/g, (n) => (Number(n) + 3) % 10);
}"""


class TestItCanFail:
    @pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
    def test_it_sees_what_is_wrong(
        self, spoil: str, screen: Callable[[Look], Page], house: LivedIn
    ) -> None:
        page = screen(("light", 1280))
        show(page, CERTIFICATE, house)
        page.evaluate(spoil)
        found = difference(taken(page)[1], KEPT / f"{name_of(CERTIFICATE, ('light', 1280))}.webp")
        assert not found.alike, f"only {found.ratio:.1%} differ"

    def test_other_numbers_are_as_nothing_to_it(
        self, screen: Callable[[Look], Page], house: LivedIn
    ) -> None:
        page = screen(("light", 1280))
        show(page, CERTIFICATE, house)
        page.evaluate(OTHER_NUMBERS)
        found = difference(taken(page)[1], KEPT / f"{name_of(CERTIFICATE, ('light', 1280))}.webp")
        assert found.alike, f"{found.ratio:.1%} differ"
