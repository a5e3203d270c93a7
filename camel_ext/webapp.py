"""The web app: the files of a static export, under a policy that lets no foreign script run.

It answers what no route of the API knows, so it can shadow none of them. Where nothing is built it
says how to build it. It knows no user and no data: pages are the same for everybody, what they show
comes through the API with the browser's own key.
"""

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

import camel_ext
from camel_ext.core.hashing import sha256_hex
from camel_ext.core.http import Receive, Scope, Send

OURS = ("api", "v1", "docs", "redoc", "health", "openapi.json")  # an unknown path below is an error
HASHES = "csp.json"  # written last by web/scripts/csp.mjs: where it stands, the export is whole
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",  # what Next's router fetches of a page
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
POLICY = (
    "default-src 'self'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'; form-action 'self'"
)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FOR_EVER = "public, max-age=31536000, immutable"  # the name is of the content
NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>CAMEL Extensions</title>
<style>
 :root { color-scheme: light dark }
 body { font: 15px/24px system-ui, sans-serif; max-width: 36rem; margin: 12vh auto; padding: 0 1.5rem }
 h1 { font-size: 20px } code { font: 14px ui-monospace, monospace }
 pre { padding: .75rem 1rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 8px }
</style>
<h1>The server runs; its web app is not built yet</h1>
<p>In the folder of the clone, once (about two minutes, Node comes along where there is none):</p>
<pre><code>make web</code></pre>
<p>Then reload this page. All that it will show is there already:</p>
<ul>
 <li><a href="/docs">every route of the API</a>, to try</li>
 <li><code>camel-ext --help</code>, the command line</li>
</ul>
</html>
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to send: its bytes as they go out, and what they are."""

    body: bytes
    headers: dict[str, str]
    status: int = 200


def web_folder() -> Path:
    """Return where the export is: in the package, or (a clone) where it is built."""
    package = Path(camel_ext.__file__).parent
    inside = package / "_web"
    return inside if inside.is_dir() else package.parent / "web" / "out"


def serve_web(app: FastAPI, folder: Path | None = None) -> None:
    """Let the app answer with the export's files wherever no route matches."""
    app.router.default = WebApp(app, folder or web_folder())


class WebApp:
    """The last resort of the router."""

    def __init__(self, app: FastAPI, folder: Path) -> None:
        self._app = app
        self._unknown = app.router.not_found
        self._folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts = str(scope["path"]).split("/")[1:]
        readable = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        if not readable or not parts or parts[0] in OURS:
            await self._unknown(scope, receive, send)
            return
        headers = Headers(scope=scope)
        threads = self._app.state.runtime.threads
        response = await threads.run("work", self._answer, parts, headers, scope["query_string"])
        if response is None:
            await self._unknown(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            response.body = b""  # its length stays in the headers
        await response(scope, receive, send)

    def _answer(self, parts: list[str], headers: Headers, query: bytes) -> Response | None:
        """Return the file, a redirect to it, the page for unknown paths, or None: not ours."""
        root = Path(os.path.realpath(self._folder))
        zipped = "gzip" in headers.get("accept-encoding", "")
        if not (root / HASHES).is_file():
            return (
                _page(NOT_BUILT, "default-src 'none'; style-src 'unsafe-inline'")
                if parts == [""]
                else None
            )
        file = _inside(root, parts)
        if file is not None and file.is_dir():
            if (file / "index.html").is_file():
                place = (
                    "/" + "/".join(parts) + "/" + (f"?{query.decode('latin-1')}" if query else "")
                )
                return RedirectResponse(place, 308, ALWAYS)
            file = None
        if file is not None and file.is_file():
            return _response(_found(root, file, zipped), headers)
        if "text/html" in headers.get("accept", "") and (root / "404.html").is_file():
            return _response(_found(root, root / "404.html", zipped, status=404), headers)
        return None


def _inside(root: Path, parts: list[str]) -> Path | None:
    """Return the path that a URL names, or None where it could lead out of the export."""
    *folders, last = parts
    names = [*folders, last or "index.html"]
    if any(not name or name.startswith(".") or "\\" in name or "\0" in name for name in names):
        return None
    path = root.joinpath(*names)
    real = Path(os.path.realpath(path))
    return real if real.is_relative_to(root) and real.name != HASHES else None


def _found(root: Path, file: Path, zipped: bool, status: int = 200) -> Found:
    name = file.relative_to(root).as_posix()
    packed = file.with_name(file.name + ".gz")
    gzip = zipped and packed.is_file() and not packed.is_symlink()
    body = (packed if gzip else file).read_bytes()
    headers = {
        **ALWAYS,
        "Content-Type": MEDIA_TYPES.get(file.suffix, "application/octet-stream"),
        "Content-Security-Policy": _policy(root, name),
        "Vary": "Accept-Encoding",
    }
    if gzip:
        headers["Content-Encoding"] = "gzip"
    if name.startswith("_next/static/"):
        headers["Cache-Control"] = FOR_EVER
    else:
        headers |= {"Cache-Control": "no-cache", "ETag": f'"{sha256_hex(body)[-32:]}"'}
    return Found(body, headers, status)


def _policy(root: Path, name: str) -> str:
    hashes = _hashes(root / HASHES, (root / HASHES).stat().st_mtime_ns).get(name, [])
    return POLICY.format(hashes="".join(f" '{each}'" for each in hashes))


@lru_cache(maxsize=2)
def _hashes(file: Path, _changed_ns: int) -> dict[str, list[str]]:
    hashes: dict[str, list[str]] = json.loads(file.read_text())
    return hashes


def _response(found: Found, asked: Headers) -> Response:
    tag = found.headers.get("ETag")
    known = [each.strip().removeprefix("W/") for each in asked.get("if-none-match", "").split(",")]
    if tag is not None and tag in known and found.status == 200:
        return Response(None, 304, found.headers)
    return Response(found.body, found.status, found.headers)


def _page(html: str, policy: str) -> Response:
    headers: dict[str, Any] = {
        **ALWAYS,
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
    }
    return Response(html, 200, headers, media_type="text/html; charset=utf-8")
