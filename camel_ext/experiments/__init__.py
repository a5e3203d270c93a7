"""Experiments: improvement loops from runs to a promoted adapter, and the decisions they end in.

A decision is a row with its evidence and never changes. It trains nothing and scores nothing itself:
each stage is another room's, reached by its face.
"""
