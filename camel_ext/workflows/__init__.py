"""Agents at work: durable runs of camel-ai agents, step by step.

It is not the agents' framework (camel-ai is, behind `workflows.agents`) and not the queue (core).
"""
