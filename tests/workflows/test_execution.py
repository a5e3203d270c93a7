"""The execution: what steps see and leave, and that nothing finished is done twice."""

from typing import Any

import pytest
from inline_snapshot import snapshot

from camel_ext.core.database import DatabaseUnreachable
from camel_ext.core.errors import CamelExtError
from camel_ext.core.models import WaitingFor
from camel_ext.core.queue import Wait
from camel_ext.core.runtime import Runtime
from camel_ext.core.tenancy import Tenant
from camel_ext.workflows.agents import ModelCall
from camel_ext.workflows.calls import Limits
from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.tools import Tool
from tests.workflows.harness import Harness, Killed, text_of

AGENTS = {
    "proposer": Agent(model="m", system="You propose."),
    "executor": Agent(model="m", system="You do.", tools=["note"], memory="run"),
    "reviewer": Agent(model="m", system="You judge."),
}
LOOP = Workflow.model_validate(
    {
        "inputs": {"goal": {"type": "string"}},
        "steps": [
            {"name": "plan", "agent": "proposer", "prompt": "Plan: {{ input.goal }}"},
            {
                "name": "work",
                "loop": {"max_rounds": 3, "until": "steps.review.text.contains('yes')"},
                "steps": [
                    {
                        "name": "do",
                        "agent": "executor",
                        "prompt": "{{ steps.plan.text }} {{ round }}",
                    },
                    {"name": "check", "verify": "contains", "params": {"expected": "done"}},
                    {"name": "review", "agent": "reviewer", "prompt": "Good? {{ steps.do.text }}"},
                ],
            },
        ],
        "output": {"text": "steps.work.last.do.text", "rounds": "steps.work.count"},
    }
)


async def note(given: dict[str, Any], _context: Any) -> str:
    return f"noted {given['what']}"


NOTE = Tool(
    "note", "Write it down.",
    {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
    True, note,
)  # fmt: skip
ONCE = Tool("note", "Write it down.", NOTE.parameters, False, note)


def answer(agent: str, key: str, call: ModelCall) -> dict[str, Any]:
    """Propose, use the tool once a round, approve in the second round."""
    if agent == "proposer":
        return {"content": "plan A"}
    if agent == "reviewer":
        return {"content": "yes" if "work[1]" in key else "no"}
    if call.messages[-1]["role"] == "tool":
        return {"content": f"done: {text_of(call)}"}
    function = {"name": "note", "arguments": '{"what": "' + text_of(call) + '"}'}
    return {"content": None, "tool_calls": [{"id": "t", "type": "function", "function": function}]}


def harness(runtime: Runtime, tenant: Tenant, **more: Any) -> Harness:
    settings: dict[str, Any] = {"tools": {"note": NOTE}, **more}
    return Harness(runtime, tenant, LOOP, AGENTS, answer, **settings)


async def test_the_three_roles_work_until_the_reviewer_says_yes(
    runtime: Runtime, tenant: Tenant
) -> None:
    run = await harness(runtime, tenant).start({"goal": "tea"})
    assert await run.execute() == {"text": "done: noted plan A 1", "rounds": 2}
    turns = await run.turns()
    assert [turn.seq for turn in turns] == list(range(1, len(turns) + 1))
    assert [turn.step_key for turn in turns] == snapshot(
        [
            "plan/call[0]",
            "work[0]/do/call[0]",
            "work[0]/do/tool[0]",
            "work[0]/do/call[1]",
            "work[0]/check",
            "work[0]/review/call[0]",
            "work[1]/do/call[0]",
            "work[1]/do/tool[0]",
            "work[1]/do/call[1]",
            "work[1]/check",
            "work[1]/review/call[0]",
        ]
    )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(11))
async def test_a_run_killed_at_any_append_repeats_nothing_finished(
    runtime: Runtime, tenant: Tenant, when: str, at: int
) -> None:
    run = await harness(runtime, tenant, **{f"kill_{when}_append": at}).start({"goal": "tea"})
    with pytest.raises(Killed):
        await run.execute()
    assert await run.execute() == {"text": "done: noted plan A 1", "rounds": 2}
    turns = await run.turns()
    assert [turn.seq for turn in turns] == list(range(1, 12))
    calls = run.served + run.tool_calls
    repeated = {key for key in calls if calls.count(key) > 1}
    if when == "after":
        assert not repeated
    else:  # the one whose answer was not yet on disk is asked again, no other
        assert len(repeated) <= 1


async def test_a_call_that_must_run_once_waits_for_a_person(
    runtime: Runtime, tenant: Tenant
) -> None:
    # append 0 plan, 1 model, 2 intent, 3 tool: it dies between the intent and the result
    run = await harness(runtime, tenant, tools={"note": ONCE}, kill_before_append=3).start(
        {"goal": "tea"}
    )
    with pytest.raises(Killed):
        await run.execute()
    with pytest.raises(Wait) as waits:
        await run.execute()
    assert waits.value.waiting_for is WaitingFor.PERSON
    assert "work[0]/do/tool[0]" in waits.value.detail
    assert run.tool_calls == ["work[0]/do/tool[0]"]


async def test_a_used_up_budget_stops_before_the_next_turn(
    runtime: Runtime, tenant: Tenant
) -> None:
    run = await harness(runtime, tenant, limits=Limits(max_turns=4)).start({"goal": "tea"})
    with pytest.raises(Wait) as waits:
        await run.execute()
    assert (waits.value.waiting_for, waits.value.detail) == snapshot(
        (WaitingFor.BUDGET, "max_turns is 4, 4 are used")
    )
    assert len(await run.turns()) == 4


async def test_single_step_pauses_after_each_turn(runtime: Runtime, tenant: Tenant) -> None:
    run = await harness(runtime, tenant, single_step=True).start({"goal": "tea"})
    for done in range(1, 11):
        with pytest.raises(Wait) as waits:
            await run.execute()
        assert waits.value.waiting_for is WaitingFor.PAUSE
        assert len(await run.turns()) == done
    assert await run.execute() == {"text": "done: noted plan A 1", "rounds": 2}


async def test_the_best_of_all_candidates_is_chosen_and_all_are_kept(
    runtime: Runtime, tenant: Tenant
) -> None:
    workflow = Workflow.model_validate(
        {
            "steps": [
                {
                    "name": "tries",
                    "best_of": {"n": 3, "score": "double(size(steps.say.text))"},
                    "steps": [{"name": "say", "agent": "proposer", "prompt": "{{ candidate }}"}],
                }
            ],
            "output": {"best": "steps.tries.text", "chosen": "steps.tries.chosen"},
        }
    )

    def longest_second(_agent: str, _key: str, call: ModelCall) -> dict[str, Any]:
        return {"content": {"0": "a", "1": "aaa", "2": "aa"}[text_of(call)]}

    run = await Harness(runtime, tenant, workflow, AGENTS, longest_second).start()
    assert await run.execute() == {"best": "aaa", "chosen": 1}
    assert sorted(turn.step_key for turn in await run.turns()) == [
        "tries{0}/say/call[0]",
        "tries{1}/say/call[0]",
        "tries{2}/say/call[0]",
    ]


async def test_a_number_is_used_up_only_by_a_turn_that_is_there(
    runtime: Runtime, tenant: Tenant
) -> None:
    """A candidate's append fails while its sibling's works: no number is missing afterwards."""
    workflow = Workflow.model_validate(
        {
            "steps": [
                {
                    "name": "tries",
                    "best_of": {"n": 3, "score": "1.0"},
                    "steps": [
                        {"name": "say", "agent": "proposer", "prompt": "{{ candidate }}"},
                        {"name": "more", "agent": "proposer", "prompt": "{{ candidate }}"},
                    ],
                }
            ],
        }
    )

    def speak(_agent: str, _key: str, call: ModelCall) -> dict[str, Any]:
        return {"content": text_of(call)}

    run = await Harness(
        runtime, tenant, workflow, AGENTS, speak, fail_append=1, limits=Limits(max_turns=9)
    ).start()
    with pytest.raises(DatabaseUnreachable):
        await run.execute()
    seqs = [turn.seq for turn in await run.turns()]
    assert seqs == list(range(1, len(seqs) + 1))
    await run.execute()
    assert [turn.seq for turn in await run.turns()] == list(range(1, 7))


async def test_where_a_candidate_fails_the_others_call_nothing_more(
    runtime: Runtime, tenant: Tenant
) -> None:
    prompts = {"say": "x", "bad": "{{ 1 // candidate }}", "more": "y", "late": "z"}
    steps = [{"name": name, "agent": "proposer", "prompt": text} for name, text in prompts.items()]
    step = {"name": "tries", "best_of": {"n": 3, "score": "1.0"}, "steps": steps}
    workflow = Workflow.model_validate({"steps": [step], "output": "steps.tries.text"})
    run = await Harness(runtime, tenant, workflow, AGENTS, answer).start()
    with pytest.raises(CamelExtError) as failed:
        await run.execute()
    assert failed.value.fields["step"] == "tries{0}/bad"
    assert not [key for key in run.served if "late" in key]
