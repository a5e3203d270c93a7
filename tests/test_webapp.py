"""The export is served whole and nothing beside it, under a policy that knows each inline script."""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from camel_ext.webapp import serve_web
from tests.conftest import House

SCRIPT = "document.title = 'ours';"
PAGE = "<!doctype html><title>{name}</title><script>{script}</script><p>" + "x" * 2000
CSP_SCRIPT = Path(__file__).parents[1] / "web" / "scripts" / "csp.mjs"
HTML = {"Accept": "text/html"}
UNZIPPED = {"Accept-Encoding": "identity"}


def source(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@pytest.fixture
def export(house: House, tmp_path: Path) -> Path:
    """An export as Next.js makes it, in small, served by the app."""
    out = tmp_path / "out"
    chunks = out / "_next" / "static"
    for folder in (out / "runs", chunks):
        folder.mkdir(parents=True)
    for page in ("index.html", "runs/index.html", "404.html"):
        (out / page).write_text(PAGE.format(name=page, script=SCRIPT))
    (out / "sw.js").write_text("self.addEventListener('fetch', () => {});")
    script = chunks / "a1b2.js"
    script.write_text("/* chunk */" * 200)
    script.with_name("a1b2.js.gz").write_bytes(gzip.compress(script.read_bytes()))
    (out / "csp.json").write_text(json.dumps({"runs/index.html": [source(SCRIPT)]}))
    (tmp_path / "secret.txt").write_text("secret")
    assert isinstance(house.app, FastAPI)
    serve_web(house.app, out)
    return out


@pytest.fixture
def stranger(house: House, export: Path) -> AsyncClient:
    """A browser without a key: pages are the same for everybody."""
    return house.as_key(None)


def directives(answer: Response) -> dict[str, str]:
    policy = answer.headers["content-security-policy"]
    return dict(each.split(" ", 1) for each in policy.split("; "))


class TestPages:
    @pytest.mark.parametrize(("path", "page"), [("/", "index.html"), ("/runs/", "runs/index.html")])
    async def test_a_page_is_its_folders_index(
        self, stranger: AsyncClient, path: str, page: str
    ) -> None:
        answer = await stranger.get(path, headers=HTML)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<title>{page}</title>" in answer.text

    async def test_without_its_slash_it_is_one_step_away(self, stranger: AsyncClient) -> None:
        answer = await stranger.get("/runs?id=7", headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (308, "/runs/?id=7")

    async def test_an_unknown_path_is_a_page_for_people(self, stranger: AsyncClient) -> None:
        answer = await stranger.get("/nothing/here", headers=HTML)
        assert answer.status_code == 404
        assert "<title>404.html</title>" in answer.text

    async def test_and_an_error_for_programs(self, stranger: AsyncClient) -> None:
        answer = await stranger.get("/nothing/here")
        assert (answer.status_code, answer.json()["code"]) == (404, "core.route_unknown")

    async def test_head_has_the_length_and_no_body(self, stranger: AsyncClient) -> None:
        answer = await stranger.head("/", headers=UNZIPPED)
        assert answer.content == b""
        whole = await stranger.get("/", headers=UNZIPPED)
        assert int(answer.headers["content-length"]) == len(whole.content)


class TestRoutesOfTheApi:
    @pytest.mark.parametrize(
        "path", ["/api/v1/nothing", "/v1/nothing", "/health/nothing", "/docs/nothing", "/api"]
    )
    async def test_an_unknown_one_is_an_error_also_for_browsers(
        self, stranger: AsyncClient, path: str
    ) -> None:
        answer = await stranger.get(path, headers=HTML)
        assert (answer.status_code, answer.json()["code"]) == (404, "core.route_unknown")

    async def test_a_wrong_method_stays_one(self, stranger: AsyncClient) -> None:
        answer = await stranger.get("/api/v1/sign-outs", headers=HTML)
        assert (answer.status_code, answer.json()["code"]) == (405, "core.method_not_allowed")

    async def test_writing_is_not_for_pages(self, stranger: AsyncClient) -> None:
        assert (await stranger.post("/runs/")).status_code == 404

    async def test_a_page_of_the_same_name_shadows_none(self, house: House, export: Path) -> None:
        for name in ("docs", "health/live", "api/v1/me"):
            (export / name).mkdir(parents=True)
            (export / name / "index.html").write_text("shadow")
        for path in ("/docs", "/health/live", "/api/v1/me"):
            answer = await house.client.get(path)
            assert answer.status_code == 200
            assert "shadow" not in answer.text


class TestPolicy:
    async def test_a_page_may_run_its_own_inline_scripts_only(self, stranger: AsyncClient) -> None:
        policy = directives(await stranger.get("/runs/"))
        assert policy["script-src"] == f"'self' '{source(SCRIPT)}'"
        assert policy["default-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
        for none in ("object-src", "base-uri", "frame-ancestors"):
            assert policy[none] == "'none'"

    async def test_a_page_without_hashes_runs_none(self, stranger: AsyncClient) -> None:
        assert directives(await stranger.get("/"))["script-src"] == "'self'"

    @pytest.mark.parametrize("path", ["/", "/_next/static/a1b2.js", "/nothing"])
    async def test_every_answer_is_guarded(self, stranger: AsyncClient, path: str) -> None:
        headers = (await stranger.get(path, headers=HTML)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"].partition("style-src")[0]


class TestFiles:
    async def test_what_is_named_by_its_content_is_kept_for_ever(
        self, stranger: AsyncClient
    ) -> None:
        answer = await stranger.get("/_next/static/a1b2.js")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"

    async def test_it_goes_out_compressed_where_that_is_accepted(
        self, stranger: AsyncClient, export: Path
    ) -> None:
        packed = await stranger.get("/_next/static/a1b2.js", headers={"Accept-Encoding": "gzip"})
        plain = await stranger.get("/_next/static/a1b2.js", headers=UNZIPPED)
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert packed.content == plain.content  # httpx unpacks it
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 10

    @pytest.mark.parametrize("path", ["/", "/sw.js"])
    async def test_the_rest_is_asked_for_again_and_not_sent_again(
        self, stranger: AsyncClient, path: str
    ) -> None:
        first = await stranger.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = await stranger.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await stranger.get(path, headers={"If-None-Match": '"other"'})
        assert other.status_code == 200

    async def test_a_new_build_is_served_without_a_restart(
        self, stranger: AsyncClient, export: Path
    ) -> None:
        old = await stranger.get("/")
        (export / "index.html").write_text("new")
        (export / "csp.json").write_text(json.dumps({"index.html": ["sha256-new"]}))
        new = await stranger.get("/", headers={"If-None-Match": old.headers["etag"]})
        assert (new.status_code, new.text) == (200, "new")
        assert directives(new)["script-src"] == "'self' 'sha256-new'"


class TestNothingBeside:
    @pytest.mark.parametrize(
        "path",
        [
            "/../secret.txt", "/runs/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
            "/..%5csecret.txt", "//secret.txt", "/./../secret.txt", "/%00", "/.hidden", "/csp.json",
            "/runs//index.html", "/%2e%2e%2f%2e%2e%2fetc/passwd", "/etc/passwd",
        ],
    )  # fmt: skip
    async def test_a_path_leads_nowhere_else(self, house: House, export: Path, path: str) -> None:
        (export / ".hidden").write_text("secret")
        sent: list[dict[str, object]] = []
        from urllib.parse import unquote

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"", "more_body": False}

        scope = {
            "type": "http", "method": "GET", "path": unquote(path), "raw_path": path.encode(),
            "query_string": b"", "headers": [(b"host", b"127.0.0.1"), (b"accept", b"text/html")],
            "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 80), "root_path": "",
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await house.app(scope, receive, send)  # type: ignore[operator]  # httpx would tidy the path
        body = b"".join(bytes(each.get("body", b"")) for each in sent)  # type: ignore[call-overload]
        assert sent[0]["status"] == 404
        assert b"secret" not in body
        assert b"root:" not in body

    async def test_a_link_out_of_the_export_is_not_followed(
        self, stranger: AsyncClient, export: Path
    ) -> None:
        (export / "out.txt").symlink_to(export.parent / "secret.txt")
        (export / "beside").symlink_to(export.parent)
        for path in ("/out.txt", "/beside/secret.txt", "/beside/"):
            answer = await stranger.get(path)
            assert answer.status_code == 404, path
            assert "secret" not in answer.text.replace(path, "")


class TestNotBuilt:
    async def test_the_first_page_says_how(self, house: House, tmp_path: Path) -> None:
        assert isinstance(house.app, FastAPI)
        serve_web(house.app, tmp_path / "none")
        answer = await house.as_key(None).get("/", headers=HTML)
        assert answer.status_code == 200
        assert "make web" in answer.text
        assert 'href="/docs"' in answer.text
        assert directives(answer) == {"default-src": "'none'", "style-src": "'unsafe-inline'"}
        other = await house.as_key(None).get("/runs/", headers=HTML)
        assert other.json()["code"] == "core.route_unknown"

    async def test_a_build_cut_short_counts_as_none(
        self, stranger: AsyncClient, export: Path
    ) -> None:
        (export / "csp.json").unlink()
        assert "make web" in (await stranger.get("/")).text


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is needed to build the web app")
class TestBuildScript:
    def run(self, folder: Path) -> dict[str, list[str]]:
        subprocess.run(["node", str(CSP_SCRIPT), str(folder)], check=True, capture_output=True)
        pages: dict[str, list[str]] = json.loads((folder / "csp.json").read_text())
        return pages

    def test_each_inline_script_is_hashed_once(self, tmp_path: Path) -> None:
        (tmp_path / "runs").mkdir()
        (tmp_path / "index.html").write_text(
            f"<script>{SCRIPT}</script><script id='a'>\n1 < 2\n</script><SCRIPT>{SCRIPT}</SCRIPT>"
            '<script src="/a.js" async=""></script><script async src=/b.js></script>'
            "<script>Grüße</script>"
        )
        (tmp_path / "runs" / "index.html").write_text("<p>none</p>")
        assert self.run(tmp_path) == {
            "index.html": [source(SCRIPT), source("\n1 < 2\n"), source("Grüße")],
            "runs/index.html": [],
        }

    def test_what_is_worth_it_is_compressed_and_nothing_old_stays(self, tmp_path: Path) -> None:
        (tmp_path / "big.js").write_text("/* chunk */" * 200)
        (tmp_path / "small.js").write_text("1")
        (tmp_path / "font.woff2").write_bytes(b"0" * 5000)
        (tmp_path / "gone.js.gz").write_bytes(b"old")
        self.run(tmp_path)
        self.run(tmp_path)
        assert {each.name for each in tmp_path.glob("*.gz")} == {"big.js.gz"}
        assert gzip.decompress((tmp_path / "big.js.gz").read_bytes()) == b"/* chunk */" * 200
