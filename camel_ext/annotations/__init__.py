"""Judgements: what a person, a verifier, an agent or a judge model says of an answer, or of several.

A judgement is added and superseded, never overwritten. It is not a check (verifiers), not a pair made of
judgements (datasets), and it decides nothing.
"""
