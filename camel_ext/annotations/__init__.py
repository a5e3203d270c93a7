"""Judgements: what a person, a verifier, an agent or a judge model says of an answer, or of several.

A judgement is added and superseded, never overwritten. It is not a check (verifiers), not a pair made of
judgements (datasets), and it decides nothing.
"""

from camel_ext.annotations.batches import cancel_batch, get_batch, start_batch, undo_batch
from camel_ext.annotations.errors import AnnotationUnknown, BatchUnknown, JudgementInvalid
from camel_ext.annotations.judgements import Judge, Judgement, verifier_version
from camel_ext.annotations.judging import annotate, annotate_many, withdraw
from camel_ext.annotations.models import Annotation, AnnotationKind, Batch, JudgeKind
from camel_ext.annotations.queries import get_annotation, read_current
from camel_ext.annotations.schemas import (
    AnyCreate,
    ChoiceCreate,
    CorrectionCreate,
    LabelsCreate,
    RankingCreate,
    RatingCreate,
    ThumbsCreate,
    VerdictCreate,
)
from camel_ext.annotations.schemas_batches import BatchStart
from camel_ext.annotations.subjects import text_of
from camel_ext.annotations.totals import OpenQueue, count_judgements, list_open_queues

__all__ = [
    "Annotation",
    "AnnotationKind",
    "AnnotationUnknown",
    "AnyCreate",
    "Batch",
    "BatchStart",
    "BatchUnknown",
    "ChoiceCreate",
    "CorrectionCreate",
    "Judge",
    "JudgeKind",
    "Judgement",
    "JudgementInvalid",
    "LabelsCreate",
    "OpenQueue",
    "RankingCreate",
    "RatingCreate",
    "ThumbsCreate",
    "VerdictCreate",
    "annotate",
    "annotate_many",
    "cancel_batch",
    "count_judgements",
    "get_annotation",
    "get_batch",
    "list_open_queues",
    "read_current",
    "start_batch",
    "text_of",
    "undo_batch",
    "verifier_version",
    "withdraw",
]
