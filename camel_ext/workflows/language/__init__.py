"""The language of agents and workflows: YAML in, checked definitions and clear problems out.

It also fills in prompts, evaluates conditions and names places in a run, for the executor. It is not
the executor, stores nothing, and calls no model.
"""

from camel_ext.workflows.language.checks import Known
from camel_ext.workflows.language.conditions import ConditionWrong, evaluate, is_true, score
from camel_ext.workflows.language.inputs import InputsWrong, fill_inputs, inputs_schema
from camel_ext.workflows.language.outputs import (
    agent_output,
    best_of_output,
    context,
    loop_output,
    output_expression,
    tool_output,
    verify_output,
)
from camel_ext.workflows.language.plan import (
    StepKeyMalformed,
    StepPath,
    agents_of,
    find_step,
    tools_of,
    verifiers_of,
    walk,
)
from camel_ext.workflows.language.problems import LanguageError, Problem
from camel_ext.workflows.language.reading import (
    Bundle,
    canonical,
    definition_hash,
    json_schemas,
    read_bundle,
)
from camel_ext.workflows.language.schema import (
    Agent,
    AgentStep,
    AnyStep,
    BestOfStep,
    Budgets,
    InputField,
    LoopStep,
    Sampling,
    ToolStep,
    VerifyStep,
    Workflow,
)
from camel_ext.workflows.language.templates import TemplateWrong, render_template, render_value
from camel_ext.workflows.language.yaml_edits import EditImpossible, with_value, without
from camel_ext.workflows.language.yaml_source import Source, read_source, render

__all__ = [
    "Agent",
    "AgentStep",
    "AnyStep",
    "BestOfStep",
    "Budgets",
    "Bundle",
    "ConditionWrong",
    "EditImpossible",
    "InputField",
    "InputsWrong",
    "Known",
    "LanguageError",
    "LoopStep",
    "Problem",
    "Sampling",
    "Source",
    "StepKeyMalformed",
    "StepPath",
    "TemplateWrong",
    "ToolStep",
    "VerifyStep",
    "Workflow",
    "agent_output",
    "agents_of",
    "best_of_output",
    "canonical",
    "context",
    "definition_hash",
    "evaluate",
    "fill_inputs",
    "find_step",
    "inputs_schema",
    "is_true",
    "json_schemas",
    "loop_output",
    "output_expression",
    "read_bundle",
    "read_source",
    "render",
    "render_template",
    "render_value",
    "score",
    "tool_output",
    "tools_of",
    "verifiers_of",
    "verify_output",
    "walk",
    "with_value",
    "without",
]
