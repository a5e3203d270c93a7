"""Comparing pictures, on drawn ones: what is as nothing, and what is seen."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from tests.web.pictures import covered, difference, keep, marked

SIZE = (1280, 800)
PANEL = (300, 140, 700, 420)


def drawn(panel: tuple[int, int, int, int] | None = PANEL, words: str = "12:04:31") -> Image.Image:
    """Return something like a page: navigation, a line of words, a panel full of rows."""
    page = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 200, 800), fill=(238, 240, 244))
    draw.text((240, 60), f"Certificate of {words}, and what it rests on", fill="black")
    if panel:
        left, top, right, bottom = panel
        draw.rectangle(panel, outline=(200, 204, 212))
        for y in range(top + 10, bottom - 10, 20):
            draw.rectangle((left + 12, y, right - 60, y + 8), fill=(70, 74, 84))
    return page


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "page.webp"
    keep(drawn(), path)
    return path


def test_the_same_page_is_the_same(kept: Path) -> None:
    assert difference(drawn(), kept).ratio == 0
    assert kept.stat().st_size < 10_000


def test_other_words_are_as_nothing(kept: Path) -> None:
    assert difference(drawn(words="09:58:00"), kept).alike


@pytest.mark.parametrize(
    "wrong",
    [
        drawn(panel=None),
        drawn(panel=(420, 180, 820, 460)),
        ImageChops.invert(drawn()),
        Image.new("RGB", SIZE, "white"),
    ],
    ids=["a panel is gone", "a panel moved", "dark", "empty"],
)
def test_what_is_wrong_is_seen(kept: Path, wrong: Image.Image) -> None:
    found = difference(wrong, kept)
    assert not found.alike
    assert ImageChops.difference(marked(wrong, found), wrong).getbbox() is not None


def test_what_varies_is_painted_over_and_its_place_counts(tmp_path: Path) -> None:
    kept = tmp_path / "page.webp"
    keep(covered(drawn(), [PANEL]), kept)
    other = drawn()
    ImageDraw.Draw(other).rectangle(PANEL, fill="red")
    assert difference(covered(other, [PANEL]), kept).alike
    assert not difference(covered(other, [(700, 140, 1100, 420)]), kept).alike


def test_another_size_is_no_picture_of_it(kept: Path) -> None:
    with pytest.raises(ValueError, match="squares"):
        difference(Image.new("RGB", (390, 844)), kept)
