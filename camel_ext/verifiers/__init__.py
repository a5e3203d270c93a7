"""Verifiers: checks of an outcome that need no model, shared by workflows, judges and training.

A check passes, fails, or could not be made; the last two are never mixed up. It is not a judge (a
model's or a person's opinion) and stores nothing.
"""

from camel_ext.verifiers import camel, composed, json_values, relevance, texts
from camel_ext.verifiers.errors import UnknownVerifier, VerifierParamsWrong
from camel_ext.verifiers.json_values import (
    NoJson,
    check_schema,
    read_json,
    schema_complaints,
)
from camel_ext.verifiers.registry import (
    Params,
    Verifier,
    get_verifier,
    list_verifiers,
    read_params,
    verifier,
    verify,
)
from camel_ext.verifiers.verdicts import Outcome, SchemaWrong, Verdict

# importing them is what registers them
_REGISTERED = (camel, composed, json_values, relevance, texts)

__all__ = [
    "NoJson",
    "Outcome",
    "Params",
    "SchemaWrong",
    "UnknownVerifier",
    "Verdict",
    "Verifier",
    "VerifierParamsWrong",
    "check_schema",
    "get_verifier",
    "list_verifiers",
    "read_json",
    "read_params",
    "schema_complaints",
    "verifier",
    "verify",
]
