"""Judgements: what a person, a verifier, an agent or a judge model says of an answer, or of several.

A judgement is added and superseded, never overwritten. It is not a check (verifiers), not a pair made of
judgements (datasets), and it decides nothing.
"""

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
from camel_ext.annotations.subjects import text_of

__all__ = [
    "Annotation",
    "AnnotationKind",
    "AnnotationUnknown",
    "AnyCreate",
    "Batch",
    "BatchUnknown",
    "ChoiceCreate",
    "CorrectionCreate",
    "Judge",
    "JudgeKind",
    "Judgement",
    "JudgementInvalid",
    "LabelsCreate",
    "RankingCreate",
    "RatingCreate",
    "ThumbsCreate",
    "VerdictCreate",
    "annotate",
    "annotate_many",
    "get_annotation",
    "read_current",
    "text_of",
    "verifier_version",
    "withdraw",
]
