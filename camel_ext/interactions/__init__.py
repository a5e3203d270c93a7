"""The log: what was said, by which model version, for whom, at what cost.

It records and reads calls of models. It is not the run journal (workflows), not the judgement of an
answer (annotations), and it calls no model.
"""
