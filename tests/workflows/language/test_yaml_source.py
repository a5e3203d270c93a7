"""YAML in: plain data with places, bounded; and edits that keep every other byte."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camel_ext.workflows.language.problems import LanguageError, Path
from camel_ext.workflows.language.yaml_edits import EditImpossible, with_value, without
from camel_ext.workflows.language.yaml_source import Source, read_source, render

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30)
)
JSON_VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdefg_-", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
WRITTEN = """\
# the team
agents:
  writer:   # writes
    model: small      # an alias
    system: |
      You write.
        Indented.

    # what it may use
    tools: [python, 'shell']  # both
    params: {temperature: 0.70, stop: ["a # b", ~]}
  reader:
    model: "small"
    tools:
    - python   # one
    - shell
# the end
"""


def source(text: str) -> Source:
    return read_source("f.yaml", text)


def paths_of(data: Any, at: Path = ()) -> list[Path]:
    entries: list[tuple[str | int, Any]] = []
    if isinstance(data, dict):
        entries = list(data.items())
    if isinstance(data, list):
        entries = list(enumerate(data))
    found = [] if entries else [at]
    for key, entry in entries:
        found += paths_of(entry, (*at, key))
    return found


def comments(text: str) -> list[str]:
    return [
        line[line.index("#") :] for line in text.replace('"a # b"', "").splitlines() if "#" in line
    ]


LEAVES = paths_of(source(WRITTEN).data)


@settings(deadline=None, max_examples=60)
@given(JSON_VALUES)
def test_json_is_yaml_and_means_the_same(value: Any) -> None:
    text = json.dumps(value)
    read = source(text)
    assert read.data == value
    assert render(read) == text


@pytest.mark.parametrize("text", [WRITTEN, "", "# only\n", "a: 1\r\nb:  'x' \r\n", "\ufeffa: 1\n"])
def test_what_is_not_changed_is_rendered_byte_for_byte(text: str) -> None:
    assert render(source(text)) == text


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(LEAVES), SCALARS.filter(lambda value: "#" not in str(value)))
def test_an_edit_changes_one_value_and_keeps_every_comment(path: Path, value: Any) -> None:
    edited = with_value(source(WRITTEN), path, value)
    wanted = json.loads(json.dumps(source(WRITTEN).data))
    parent = wanted
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    assert edited.data == wanted
    assert comments(render(edited)) == comments(WRITTEN)


def test_an_edit_of_a_scalar_touches_only_its_own_characters() -> None:
    edited = with_value(source(WRITTEN), ("agents", "writer", "params", "temperature"), 1.5)
    assert render(edited) == WRITTEN.replace("0.70", "1.5")
    edited = with_value(edited, ("agents", "writer", "model"), "big-one")
    assert render(edited) == WRITTEN.replace("0.70", "1.5").replace(
        "small      # an", "big-one      # an"
    )


def test_fields_are_added_and_removed_with_the_comments_around_kept() -> None:
    added = with_value(source(WRITTEN), ("agents", "third"), {"model": "small", "tools": ["a"]})
    assert added.data["agents"]["third"] == {"model": "small", "tools": ["a"]}
    assert comments(render(added)) == comments(WRITTEN)
    grown = with_value(source(WRITTEN), ("agents", "reader", "tools", 2), "third")
    assert grown.data["agents"]["reader"]["tools"] == ["python", "shell", "third"]
    gone = without(source(WRITTEN), ("agents", "reader", "tools", 1))
    assert gone.data["agents"]["reader"]["tools"] == ["python"]
    assert "# one" in render(gone)


def test_an_empty_file_can_be_filled() -> None:
    assert render(with_value(source(""), ("agents",), {})) == "agents: {}\n"


@pytest.mark.parametrize(
    "path", [(), ("nothing", "here"), ("agents", "reader", "tools", 7), ("agents", 3)]
)
def test_an_edit_of_nothing_is_refused(path: Path) -> None:
    with pytest.raises(EditImpossible):
        with_value(source(WRITTEN), path, 1)
    with pytest.raises(EditImpossible):
        without(source(WRITTEN), (*path, "more"))


def test_values_are_those_of_yaml_1_2() -> None:
    text = "[yes, 0o17, 0x1f, 1_0, 2024-01-01, .5, 1e3, ~, TRUE, '1', 012, 1.2.3]"
    assert source(text).data == [
        "yes", 15, 31, "1_0", "2024-01-01", 0.5, 1000.0, None, True, "1", 12, "1.2.3",
    ]  # fmt: skip


def test_places_point_at_keys_and_values() -> None:
    read = source(WRITTEN)
    span = read.place(("agents", "reader", "tools", 1))
    assert (span.line, span.column) == (16, 7)
    assert read.place(("agents", "reader", "missing")).line == 12


HOSTILE = {
    "deep flow": "[" * 100_000,
    "deep maps": "{a: " * 30_000,
    "deep list": "- " * 50_000,
    "deep lines": "[\n" * 50_000,
    "alias bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n"
        for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "alias of itself": "a: &a [*a]",
    "too large": "x" * 300_000,
    "object tag": "a: !!python/object/apply:os.system [ls]",
    "own tag": "!thing {a: 1}",
    "tag on a key": "!!str a: 1",
    "binary": "a: !!binary aGk=",
    "complex key": "? [a]\n: b",
    "merge": "b: {<<: {a: 1}}",
    "two documents": "a: 1\n---\nb: 1",
    "old version": "%YAML 1.1\n---\na: yes",
    "same key": "a: 1\na: 2",
    "infinity": "a: .inf",
    "control character": "a: \x00",
    "half a character": '"\\ud800"',
    "long key": "k" * 3000 + ": 1",
    "no such alias": "*a",
    "tab": "a:\n\t- b",
    "unclosed": 'a: "b',
    "colon": "a: b: c",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_at_once_with_a_place(name: str) -> None:
    began = time.thread_time()
    with pytest.raises(LanguageError) as caught:
        source(HOSTILE[name])
    assert time.thread_time() - began < 3
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in caught.value.problems)


def test_bytes_must_be_utf_8() -> None:
    with pytest.raises(LanguageError, match=r"f.yaml:2:1: the file is not UTF-8"):
        read_source("f.yaml", b"a: 1\nb: \xff")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab:- \n[]{}&*!|>'\"#,?%\t"), max_size=40))
def test_any_text_is_data_or_problems(text: str) -> None:
    try:
        read = source(text)
    except LanguageError:
        return
    json.dumps(read.data)


ENTRIES = """\
# models of the house

models:
  # small and quick,
  # for drafts
  small:   # on this machine
    engine: local
    description: |
      long
      text

    # still about small

  # the other
  big: {engine: provider,   # abroad
    url: "http://x/v1",
  } # paid
  last: &base
    - one   # of them
    # and no more
# the end
aliases: {a: {x: 1}, b: [1, 2], c: *base}
"""


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_an_entry_is_given_as_it_was_written(break_: str) -> None:
    read = source(ENTRIES.replace("\n", break_))

    def written(*path: str) -> list[str]:
        return read.written(path).split(break_)

    assert written("models", "small") == [
        "# small and quick,", "# for drafts", "small:   # on this machine", "  engine: local",
        "  description: |", "    long", "    text", "", "  # still about small",
    ]  # fmt: skip
    assert written("models", "big") == [
        "# the other", "big: {engine: provider,   # abroad", '  url: "http://x/v1",', "} # paid",
    ]  # fmt: skip
    assert written("models", "last") == ["last: &base", "  - one   # of them", "  # and no more"]
    assert written("aliases", "a") == ["a: {x: 1}"]
    assert written("aliases", "c") == ["c: *base"]
    assert written("models")[-1] == "    # and no more"
    assert written("nobody") == [""]


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON_VALUES, min_size=1, max_size=4))
def test_what_an_entry_was_written_as_means_the_same(data: dict[str, Any]) -> None:
    tree = source(json.dumps({"top": data}, indent=2))
    for name, value in data.items():
        assert source("{" + tree.written(("top", name)).rstrip(",") + "}").data == {name: value}
