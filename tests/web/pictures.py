"""A picture of a page beside the one that is kept: alike where only words, times and ids differ.

Kept is a thumbnail, a quarter as wide and as high, in lossy WebP. Both are reduced to the mean colour of
squares of 16 px of the page: another number in a line is as nothing to them, a panel that moved is many
squares, a lost theme is all. It knows no browser.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHRUNK = 4  # pixels of the page, each way, in one of the thumbnail
SQUARE_PX = 16
QUALITY = 60  # of WebP; 3 to 8 KB a picture, and its noise is below 2 levels a square
LEVELS = 12  # of 255, in any of the three colours: further away, a square differs
ALLOWED_RATIO = 0.02  # of the squares may differ
MARK = (220, 30, 120)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Difference:
    """Which squares differ, as rows of a picture's height."""

    squares: NDArray[np.bool_]

    @property
    def ratio(self) -> float:
        """The share of squares that differ, in [0, 1]."""
        return float(self.squares.mean())

    @property
    def alike(self) -> bool:
        """Whether few enough differ."""
        return self.ratio <= ALLOWED_RATIO


def covered(picture: Image.Image, boxes: list[Box]) -> Image.Image:
    """Return the picture with what differs from run to run painted over: its place still counts."""
    found = picture.convert("RGB")
    draw = ImageDraw.Draw(found)
    for left, top, right, bottom in boxes:
        if right > left and bottom > top:
            draw.rectangle((left, top, right, bottom), fill=(128, 128, 128))
    return found


def keep(picture: Image.Image, path: Path) -> None:
    """Write the thumbnail that later pictures are held against."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _reduced(picture, SHRUNK).save(path, "WEBP", quality=QUALITY, method=6)


def difference(picture: Image.Image, kept: Path) -> Difference:
    """Return which squares of a picture differ from a kept one of the same size.

    Raises: ValueError where the sizes differ.
    """
    with Image.open(kept) as thumbnail:
        before = _means(thumbnail, SQUARE_PX // SHRUNK)
    now = _means(_reduced(picture, SHRUNK), SQUARE_PX // SHRUNK)
    if now.shape != before.shape:
        raise ValueError(f"{now.shape} squares, {before.shape} in {kept.name}")
    return Difference(np.abs(now - before).max(axis=2) > LEVELS)


def marked(picture: Image.Image, found: Difference) -> Image.Image:
    """Return the picture with a frame around each square that differs."""
    shown = picture.convert("RGB")
    draw = ImageDraw.Draw(shown)
    for row, column in np.argwhere(found.squares):
        left, top = int(column) * SQUARE_PX, int(row) * SQUARE_PX
        draw.rectangle((left, top, left + SQUARE_PX, top + SQUARE_PX), outline=MARK)
    return shown


def _reduced(picture: Image.Image, by: int) -> Image.Image:
    size = (max(1, picture.width // by), max(1, picture.height // by))
    return picture.convert("RGB").resize(size, Image.Resampling.BOX)


def _means(thumbnail: Image.Image, by: int) -> NDArray[np.float32]:
    return np.asarray(_reduced(thumbnail, by), dtype=np.float32)
