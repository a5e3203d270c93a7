"""The queue as people see and steer it: what waits, what runs where, what died, and what to do about it.

It shows and moves rows that core keeps. How jobs are claimed and executed is `core.queue`'s, what a
job means is its room's: stopping one goes through the room's own hook.
"""

from camel_ext.jobs.standing import LATELY, Standing, count_parked, standing_of

__all__ = ["LATELY", "Standing", "count_parked", "standing_of"]
