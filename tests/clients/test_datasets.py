"""Sending a file's lines: parts of bounded size, numbered as in the file, each counted once."""

import json
from typing import Any

import httpx
import pytest
from camel_ext_client import Client
from camel_ext_client import datasets as module


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> tuple[Client, list[httpx.Request]]:
    """A client whose parts hold three lines, and what it asked."""
    monkeypatch.setattr(module, "PART_LINES", 3)
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"id": "v", "state": "waiting", "done": len(asked)})

    return Client("http://server", transport=httpx.MockTransport(answer)), asked


def of(request: httpx.Request) -> tuple[dict[str, Any], list[bytes]]:
    return dict(request.url.params), request.content.split(b"\n")


def test_parts_follow_one_another(sent: tuple[Client, list[httpx.Request]]) -> None:
    client, asked = sent
    lines = [f'{{"n": {n}}}\r\n'.encode() for n in range(7)]
    assert [each["done"] for each in client.datasets.send_lines("v", lines)] == [1, 2, 3]
    assert [of(request)[0] for request in asked] == [
        {"at": "0", "first_line": "1"}, {"at": "3", "first_line": "4"},
        {"at": "6", "first_line": "7"},
    ]  # fmt: skip
    assert [json.loads(line)["n"] for request in asked for line in of(request)[1]] == [*range(7)]
    assert {request.headers["content-type"] for request in asked} == {"application/x-ndjson"}
    assert all("idempotency-key" in request.headers for request in asked)


def test_empty_lines_keep_the_numbers_and_are_not_counted(
    sent: tuple[Client, list[httpx.Request]],
) -> None:
    client, asked = sent
    list(client.datasets.send_lines("v", [b"\n", b"{}\n", b"  \n", b"{}", b"\n", b"\n", b"\n"]))
    assert [of(request) for request in asked] == [
        ({"at": "0", "first_line": "1"}, [b"", b"{}", b""]),
        ({"at": "1", "first_line": "4"}, [b"{}", b"", b""]),
    ]


def test_large_lines_make_small_parts(
    sent: tuple[Client, list[httpx.Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_BYTES", 10)
    client, asked = sent
    list(client.datasets.send_lines("v", [b"x" * 8, b"y" * 8, b"z"]))
    assert [of(request)[1] for request in asked] == [[b"x" * 8], [b"y" * 8, b"z"]]


def test_nothing_is_sent_of_an_empty_file(sent: tuple[Client, list[httpx.Request]]) -> None:
    client, asked = sent
    assert list(client.datasets.send_lines("v", [])) == []
    assert list(client.datasets.send_lines("v", [b"\n", b" "])) == []
    assert not asked
