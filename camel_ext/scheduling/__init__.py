"""Schedules: when a task of another room is started, by cron, interval or one moment, and what came of it.

It owns time and nothing else: rooms above register what can be started (`schedulable`), and a firing asks
the queue for it by name. It executes no run, and it does not notify.
"""

from camel_ext.scheduling.errors import (
    ArgumentsInvalid,
    ScheduleUnknown,
    TaskUnknown,
    TimingInvalid,
)
from camel_ext.scheduling.schedulable import (
    SCHEDULABLE,
    Asking,
    Schedulable,
    schedulable,
    states_of,
)
from camel_ext.scheduling.scheduler import Scheduler
from camel_ext.scheduling.schedules import SCHEDULES

__all__ = [
    "SCHEDULABLE",
    "SCHEDULES",
    "ArgumentsInvalid",
    "Asking",
    "Schedulable",
    "ScheduleUnknown",
    "Scheduler",
    "TaskUnknown",
    "TimingInvalid",
    "schedulable",
    "states_of",
]
