"""The language of agents and workflows: YAML in, checked definitions and clear problems out.

It is not the executor, stores nothing, and calls no model.
"""
