"""Agents at work: durable runs of camel-ai agents, step by step.

It is not the agents' framework (camel-ai is, behind `workflows.agents`) and not the queue (core).
"""

from camel_ext.workflows.tools import Availability, Sandbox

__all__ = ["Availability", "Sandbox"]
