"""Structured logs and correlation ids: what happened, under which trace.

It is a toolbox entered by file, and is not the interaction log, which is a room of its own.
"""
