"""URLs of users: hostile ones are refused, names that change their mind gain nothing, answers are bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from camel_ext.core.addresses import Allowed
from camel_ext.core.clock import SystemClock
from camel_ext.core.outbound import (
    Outbound,
    OutboundFailed,
    Resolver,
    UrlRefused,
    read_target,
    resolve,
)
from camel_ext.core.threads import ThreadLanes

HOSTILE = [
    # other schemes, and none
    "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "javascript:alert(1)",
    "data:text/plain,x", "unix:///run/docker.sock", "//example.com/x", "example.com", "",
    # what parsers read differently
    "http://exam ple.com/", "http://example.com\\@127.0.0.1/", "http://example.com/\r\nHost: x",
    "http://example.com\t/", "http:\\\\example.com", "http://\u2028example.com/",
    # credentials, also where they hide the host
    "http://user:secret@example.com/", "http://example.com@127.0.0.1/", "http://@127.0.0.1/",
    # no host, or none that can be
    "http://", "http:///path", "http://.", "http://-a.example/", "http://a..b/", "http://[::1",
    "http://[fe80::1%25eth0]/", "http://example.com:99999/", "http://" + "a" * 300 + ".com/",
    # numbers that a C library reads as 127.0.0.1
    "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.0.0.1/", "http://0x7f000001/",
    "http://127.1/", "http://127.0.1/", "http://0/", "http://127.0.0.01/", "http://1.2.3.256/",
    "http://\uff11\uff12\uff17.0.0.1:80/x y",
]  # fmt: skip
INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "192.0.0.170", "198.18.0.1", "192.0.2.1", "203.0.113.7", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]", "[fe80::1]", "[fec0::1]",
    "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]",
]  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused_before_anything_is_resolved(url: str) -> None:
    with pytest.raises(UrlRefused):
        read_target(url)


@pytest.mark.parametrize("host", INSIDE)
async def test_an_address_inside_is_refused(host: str) -> None:
    with pytest.raises(UrlRefused):
        outbound().check(f"http://{host}/")
    with pytest.raises(UrlRefused):
        await outbound().post(f"http://{host}/", b"", {})


@pytest.mark.parametrize("host", INSIDE)
async def test_a_name_that_resolves_inside_is_refused(host: str) -> None:
    found = outbound(lambda *_: ["93.184.216.34", host.strip("[]")])  # one of several is enough
    with pytest.raises(UrlRefused):
        await found.checked_address(read_target("https://hooks.example.com/"))


@pytest.mark.parametrize("name", ["localhost", "ip6-localhost", "LOCALHOST.", "ⓛocalhost"])
async def test_names_of_this_machine_are_refused(name: str) -> None:
    with pytest.raises((UrlRefused, OutboundFailed)):
        await outbound(resolve).post(f"http://{name}/", b"", {})


@pytest.mark.parametrize(
    "url", ["https://example.com", "https://1.1.1.1/x", "http://[2606:4700::1111]:8080/a?b=c"]
)
async def test_the_open_internet_is_open(url: str) -> None:
    target = read_target(url)
    found = outbound(lambda host, _port: [host if host != "example.com" else "93.184.216.34"])
    assert await found.checked_address(target)


def test_a_url_is_taken_apart_once() -> None:
    target = read_target("https://Hooks.Example.com:8443/a/b?c=d#e")
    assert (target.scheme, target.host, target.port) == ("https", "hooks.example.com", 8443)
    assert (target.path, target.netloc) == ("/a/b?c=d", "hooks.example.com:8443")
    assert read_target("https://bücher.example/").host == "xn--bcher-kva.example"


async def test_a_name_that_changes_its_mind_gains_nothing() -> None:
    """Resolved once: the call goes to the address that was checked, whatever the name says later."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        found = outbound(rebinding, allowed=["127.0.0.1"])
        answer = await found.post(f"http://rebind.test:{port}/", b"x", {})
        assert (answer.status, answer.body) == (200, b"ok")
        assert asked == ["rebind.test"]
        with pytest.raises(UrlRefused):  # now it says 127.0.0.2, which nobody allowed
            await found.post(f"http://rebind.test:{port}/", b"x", {})


async def test_the_host_is_told_by_its_name() -> None:
    heard: list[bytes] = []
    async with server(b"HTTP/1.1 204 X\r\n\r\n", heard) as port:
        found = outbound(lambda *_: ["127.0.0.1"], allowed=["hooks.test"])  # by its name
        await found.post(f"http://hooks.test:{port}/a?b=1", b"body", {"X-One": "1"})
    head = heard[0].decode()
    assert head.startswith("POST /a?b=1 HTTP/1.1\r\n")
    assert f"\r\nHost: hooks.test:{port}\r\n" in head
    assert "cookie" not in head.lower()


async def test_a_redirect_is_not_followed() -> None:
    heard: list[bytes] = []
    said = b"HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with server(said, heard) as port:
        answer = await outbound(allowed=["127.0.0.1"]).post(f"http://127.0.0.1:{port}/", b"", {})
    assert answer.status == 302
    assert len(heard) == 1


async def test_an_answer_is_cut_off_where_it_is_too_long() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 100_000
    async with server(said) as port:
        answer = await outbound(allowed=["127.0.0.1"]).post(f"http://127.0.0.1:{port}/", b"", {})
    assert len(answer.body) == 1000


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
async def test_an_answer_that_does_not_come_ends_in_time(said: bytes) -> None:
    async with server(said, silent=True) as port:
        with pytest.raises(OutboundFailed, match=r"within 0\.3 s"):
            await outbound(allowed=["127.0.0.1"]).post(f"http://127.0.0.1:{port}/", b"", {})


async def test_nobody_there_and_no_such_name_are_failures_that_may_pass() -> None:
    with pytest.raises(OutboundFailed, match="could not be reached"):
        await outbound(allowed=["127.0.0.1"]).post("http://127.0.0.1:1/", b"", {})

    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(OutboundFailed, match="could not be resolved"):
        await outbound(unknown).post("https://nowhere.test/", b"", {})


def outbound(resolver: Resolver | None = None, allowed: Sequence[str] = ()) -> Outbound:
    plain: Callable[[str, int], Sequence[str]] = lambda host, _port: [host]  # noqa: E731
    return Outbound(
        ThreadLanes(), SystemClock(), Allowed.read(allowed), 0.3 if allowed else 5.0, 1000,
        resolver or plain,
    )  # fmt: skip


@asynccontextmanager
async def server(
    said: bytes, heard: list[bytes] | None = None, *, silent: bool = False
) -> AsyncIterator[int]:
    """A server that says these bytes to each request; `silent`: and then keeps the line open."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head)
        writer.write(said)
        if silent:
            await done.wait()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    done.set()
    listening.close()
