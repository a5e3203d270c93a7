"""Agents at work: durable runs of camel-ai agents, step by step.

It is not the agents' framework (camel-ai is, behind `workflows.agents`) and not the queue (core).
"""

from camel_ext.workflows.language.problems import LanguageError, Problem
from camel_ext.workflows.language.structure import structural_problems
from camel_ext.workflows.language.yaml_source import Source, read_source
from camel_ext.workflows.tools import Availability, Sandbox

__all__ = [
    "Availability",
    "LanguageError",
    "Problem",
    "Sandbox",
    "Source",
    "read_source",
    "structural_problems",
]
