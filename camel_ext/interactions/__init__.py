"""The log: what was said, by which model version, for whom, at what cost.

It records and reads calls of models. It is not the run journal (workflows), not the judgement of an
answer (annotations), and it calls no model.
"""

from camel_ext.interactions.calls import Answer, Asker, Prompt
from camel_ext.interactions.counting import count_logged, count_logged_since
from camel_ext.interactions.errors import InteractionUnknown
from camel_ext.interactions.models import Purpose
from camel_ext.interactions.months import find_months, months_seen
from camel_ext.interactions.origins import (
    Call,
    Origin,
    list_candidates,
    needs,
    read_call,
    read_external_ids,
    read_origins,
    sum_costs,
)
from camel_ext.interactions.rates import CallsSince, calls_since
from camel_ext.interactions.rebuilding import Library, Said, read_answers, read_library
from camel_ext.interactions.recording import Recorded, Recorder
from camel_ext.interactions.schemas import InteractionFilter
from camel_ext.interactions.service import (
    Listed,
    count_failures,
    export_lines,
    list_interactions,
    list_trace,
    read_said,
)
from camel_ext.interactions.threads import Thread
from camel_ext.interactions.wording import prompt_hash

__all__ = [
    "Answer",
    "Asker",
    "Call",
    "CallsSince",
    "InteractionFilter",
    "InteractionUnknown",
    "Library",
    "Listed",
    "Origin",
    "Prompt",
    "Purpose",
    "Recorded",
    "Recorder",
    "Said",
    "Thread",
    "calls_since",
    "count_failures",
    "count_logged",
    "count_logged_since",
    "export_lines",
    "find_months",
    "list_candidates",
    "list_interactions",
    "list_trace",
    "months_seen",
    "needs",
    "prompt_hash",
    "read_answers",
    "read_call",
    "read_external_ids",
    "read_library",
    "read_origins",
    "read_said",
    "sum_costs",
]
