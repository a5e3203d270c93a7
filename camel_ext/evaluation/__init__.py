"""Evaluation: suites of held-out cases, scores of a version on them, and paired comparisons of two.

Its gate says better, not worse, worse or inconclusive, with the interval that it decided on. It moves
no alias: what follows from a verdict is decided in experiments.
"""
