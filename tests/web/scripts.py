"""How much JavaScript a page of the built app asks for before it stands, read from its HTML."""

import re

from tests.web.conftest import WEB

TAG = re.compile(r"<script\b[^>]*>")
SOURCE = re.compile(r'\ssrc="/([^"?]+)')


def needed_kb() -> dict[str, float]:
    """Return KB of gzip (1,000 bytes) by page; what only browsers without modules load is left out."""
    out = WEB / "out"
    found = {}
    for html in sorted(out.rglob("index.html")):
        tags = [tag for tag in TAG.findall(html.read_text()) if "nomodule" not in tag.lower()]
        files = {match[1] for tag in tags if (match := SOURCE.search(tag))}
        folder = html.parent.relative_to(out).as_posix()
        found["/" if folder == "." else f"/{folder}/"] = sum(map(_sent_bytes, files)) / 1000
    return found


def _sent_bytes(name: str) -> int:
    path = WEB / "out" / name
    zipped = path.with_name(f"{path.name}.gz")  # what compresses is sent so
    return (zipped if zipped.exists() else path).stat().st_size
