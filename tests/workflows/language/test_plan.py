"""Step keys: what `str` writes `parse` reads, and nothing else is a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camel_ext.workflows.language.plan import StepKeyMalformed, StepPath, find_step, walk
from camel_ext.workflows.language.schema import RESERVED_STEP_NAMES, Workflow

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in RESERVED_STEP_NAMES
)
INDICES = st.integers(0, 999_999_999)


@st.composite
def paths(draw: st.DrawFn) -> StepPath:
    path = StepPath()
    for name in draw(st.lists(NAMES, min_size=1, max_size=5)):
        path = path.child(name)
        match draw(st.sampled_from(["step", "round", "candidate"])):
            case "round":
                path = path.round(draw(INDICES))
            case "candidate":
                path = path.candidate(draw(INDICES))
    match draw(st.sampled_from(["", "call", "tool"])):
        case "call":
            path = path.call(draw(INDICES))
        case "tool":
            path = path.tool(draw(INDICES))
    return path


@given(paths())
def test_a_key_reads_back_as_its_path(path: StepPath) -> None:
    assert StepPath.parse(str(path)) == path


@given(paths(), paths())
def test_different_paths_have_different_keys(one: StepPath, other: StepPath) -> None:
    assert (str(one) == str(other)) == (one == other)


@given(st.text(max_size=40))
def test_any_text_is_a_key_that_writes_back_the_same_or_is_refused(text: str) -> None:
    try:
        path = StepPath.parse(text)
    except StepKeyMalformed:
        return
    assert str(path) == text


@given(paths())
def test_a_path_lies_within_its_parents(path: StepPath) -> None:
    assert path.is_within(path)
    assert path.is_within(path.parent)
    assert path.is_within(StepPath())


def test_keys_look_as_the_journal_shows_them() -> None:
    rounds = StepPath().child("rounds").round(2)
    assert str(rounds.child("execute").call(0)) == "rounds[2]/execute/call[0]"
    assert str(StepPath().child("answers").candidate(3).child("propose")) == "answers{3}/propose"
    assert str(rounds.child("execute").tool(1).step) == "rounds[2]/execute"
    assert rounds.child("execute").tool(1).names == ("rounds", "execute")


@pytest.mark.parametrize(
    "key",
    [
        *["/", "a/", "/a", "A", "a[", "a[-1]", "a[01]", "a{x}", "a[1]{2}", "a b", "call"],
        *["call[0]/a", "call{0}", "tool", "for", "a//b", "a[9999999999]", "a/" * 600 + "a", "á"],
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(StepKeyMalformed):
        StepPath.parse(key)


def test_a_path_refuses_what_its_place_cannot_have() -> None:
    with pytest.raises(StepKeyMalformed):
        StepPath().round(0)
    with pytest.raises(StepKeyMalformed):
        StepPath().child("a").round(0).candidate(1)
    with pytest.raises(StepKeyMalformed):
        StepPath().child("a").call(0).child("b")
    with pytest.raises(StepKeyMalformed):
        StepPath().child("call")


def test_walk_and_find_agree() -> None:
    step = {"name": "say", "agent": "a", "prompt": "hi"}
    loop = {"name": "rounds", "loop": {"max_rounds": 2}, "steps": [step]}
    flow = Workflow.model_validate({"steps": [loop, {**step, "name": "end"}]})
    walked = {str(path): step for path, step in walk(flow.steps)}
    assert list(walked) == ["rounds", "rounds/say", "end"]
    assert find_step(flow, StepPath.parse("rounds[1]/say/call[3]")) is walked["rounds/say"]
    assert find_step(flow, StepPath.parse("rounds[1]/nothing")) is None
    assert find_step(flow, StepPath()) is None
