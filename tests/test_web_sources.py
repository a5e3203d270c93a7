"""The web app's sources, read without Node: every link leads to a page, every word of the guide is on a screen."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "web" / "src"
LINKS = (
    re.compile(r'href\("(/[^"?#]*)"'),
    re.compile(r'href="(/[^"?#]*)'),
    re.compile(r'path: "(/[^"]*)"'),
)


def links() -> dict[str, set[str]]:
    """Return each path that a source links to, with the files that do."""
    found: dict[str, set[str]] = {}
    for file in SOURCES.rglob("*.ts*"):
        if ".test." in file.name or file.name == "schema.ts":
            continue
        for pattern in LINKS:
            for path in pattern.findall(file.read_text()):
                found.setdefault(path.rstrip("/"), set()).add(file.relative_to(SOURCES).as_posix())
    return found


def pages() -> set[str]:
    """Return the path of every page."""
    app = SOURCES / "app"
    folders = [page.parent.relative_to(app).as_posix() for page in app.rglob("page.tsx")]
    return {"" if folder == "." else f"/{folder}" for folder in folders}


def test_every_link_leads_to_a_page() -> None:
    there = pages() | {"/docs", "/theme.js", "/icon.svg"}
    lost = {
        path: files
        for path, files in links().items()
        if path not in there and not path.startswith(("/api/", "/v1"))
    }
    assert not lost
    assert len(links()) > 10


def test_every_word_of_the_guide_is_on_a_screen() -> None:
    """What the guide sets in italics is pressed or read by a newcomer as it stands there."""
    guide = (ROOT / "docs" / "guide" / "web.md").read_text()
    labels = set(re.findall(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", guide))
    shown = "\n".join(file.read_text() for file in SOURCES.rglob("*.ts*"))
    lost = [label for label in labels if not all(part in shown for part in label.split(" ... "))]
    assert not lost
    assert len(labels) > 15
