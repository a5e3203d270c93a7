"""Reading requests and labels: pure functions, so every mistake is tried here."""

import json
from typing import Any

import pytest

from camel_ext.serving.errors import RequestUnfit
from camel_ext.serving.gateway import (
    completion_body,
    read_labels,
    read_request,
)

HELLO = {"model": "thinker", "messages": [{"role": "user", "content": "hello there"}]}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages.0"),
        ({"messages": [{"content": "no role"}]}, "messages.0.role"),
        ({"messages": None}, "messages"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"n": 2}, "n"),
        ({"n": "1"}, "n"),
        ({"temperature": 9}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": 7}, "stop"),
        ({"seed": 2**64}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"functions": [{}]}, "functions"),
        ({"lora": [{"id": 0}]}, "lora"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestUnfit) as caught:
        read_request(json.dumps({**HELLO, **change}).encode())
    assert str(caught.value.fields["param"]).startswith(param)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'"x"', b'{"model": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a":1e999}',
     b'{"model": "\\ud800"}'],
)  # fmt: skip
def test_what_is_no_json_object_is_said(raw: bytes) -> None:
    with pytest.raises(RequestUnfit):
        read_request(raw)


def test_null_means_the_default() -> None:
    nothing = dict.fromkeys(["temperature", "tools", "stream", "n", "stop", "logprobs"])
    wanted = read_request(json.dumps({**HELLO, **nothing}).encode())
    assert wanted.asked.params == {}
    assert wanted.asked.tools is None
    assert not wanted.stream


def test_sampling_parameters_pass_as_they_came() -> None:
    params = {"top_k": 5, "logit_bias": {"7": -1}, "temperature": 1, "stop": ["a"], "user": "u"}
    assert read_request(json.dumps({**HELLO, **params}).encode()).asked.params == params


@pytest.mark.parametrize(
    "headers",
    [
        {"x-camel-session": "x" * 121},
        {"x-camel-session": " "},
        {"x-camel-tags": ",".join(map(str, range(21)))},
        {"x-camel-tags": "y" * 65},
        {"x-camel-agent": "a\tb"},
        {"x-camel-agent": "\xff"},
        {"x-camel-external-id": "e" * 201},
        {"x-camel-purpose": "fun"},
    ],
)
def test_bad_labels_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(RequestUnfit):
        read_labels(headers)


def test_a_completion_without_content_says_null() -> None:
    raw = {"choices": [{"message": {"role": "assistant"}}]}
    body = completion_body(raw, answer_id="x", created=1, alias="a")
    assert body["choices"][0]["message"] == {"role": "assistant", "content": None}
    assert body["usage"] is None
