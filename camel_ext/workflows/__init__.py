"""Agents at work: durable runs of camel-ai agents, step by step.

It is not the agents' framework (camel-ai is, behind `workflows.agents`) and not the queue (core).
"""

from camel_ext.workflows.askers import asker_for, asker_of, asker_on_schedule
from camel_ext.workflows.contents import agent_of, workflow_of
from camel_ext.workflows.definitions import get_definition
from camel_ext.workflows.errors import DefinitionUnknown, ModelNotUsed, RunUnknown
from camel_ext.workflows.forks import cancel_fork, cost_of_fork, get_fork, list_forks, start_fork
from camel_ext.workflows.language.conditions import ConditionWrong, compile_condition, is_true
from camel_ext.workflows.language.inputs import InputsWrong, fill_inputs
from camel_ext.workflows.language.plan import agents_of
from camel_ext.workflows.language.problems import LanguageError, Problem
from camel_ext.workflows.language.schema import Agent, Workflow
from camel_ext.workflows.language.structure import structural_problems
from camel_ext.workflows.language.yaml_source import Source, read_source
from camel_ext.workflows.models import DefinitionKind, DefinitionVersion, Fork, Run, Turn, TurnKind
from camel_ext.workflows.runs import Asker, cancel_run, get_run, list_turns, start_run
from camel_ext.workflows.schemas import RunStart
from camel_ext.workflows.schemas_forks import ForkStart, Variant
from camel_ext.workflows.tools import Availability, Sandbox
from camel_ext.workflows.totals import (
    DayOfRuns,
    count_days,
    count_runs,
    list_under_way,
    list_waiting_for_person,
)

__all__ = [
    "Agent",
    "Asker",
    "Availability",
    "ConditionWrong",
    "DayOfRuns",
    "DefinitionKind",
    "DefinitionUnknown",
    "DefinitionVersion",
    "Fork",
    "ForkStart",
    "InputsWrong",
    "LanguageError",
    "ModelNotUsed",
    "Problem",
    "Run",
    "RunStart",
    "RunUnknown",
    "Sandbox",
    "Source",
    "Turn",
    "TurnKind",
    "Variant",
    "Workflow",
    "agent_of",
    "agents_of",
    "asker_for",
    "asker_of",
    "asker_on_schedule",
    "cancel_fork",
    "cancel_run",
    "compile_condition",
    "cost_of_fork",
    "count_days",
    "count_runs",
    "fill_inputs",
    "get_definition",
    "get_fork",
    "get_run",
    "is_true",
    "list_forks",
    "list_turns",
    "list_under_way",
    "list_waiting_for_person",
    "read_source",
    "start_fork",
    "start_run",
    "structural_problems",
    "workflow_of",
]
