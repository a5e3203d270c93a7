"""The words that all wire shapes of this room are made of: texts that can be stored, names."""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which cannot be stored: remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return text


def _sayable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse what Python's JSON reader lets through, and nobody could show again.

    Numbers that are not finite, and a nest too deep, pydantic refuses itself.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character (a lone surrogate)") from None
    return value


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty: write something, or leave the field out")
    return text


Plain = Annotated[str, AfterValidator(_storable)]
Said = Annotated[str, AfterValidator(_storable), AfterValidator(_said)]
Named = Annotated[Said, Field(max_length=120)]
Versioned = Annotated[Said, Field(max_length=80)]
Label = Annotated[Said, Field(max_length=64)]
JsonObject = Annotated[dict[str, JsonValue], AfterValidator(_sayable)]


class Wire(BaseModel):
    """What is sent to us: unknown fields are refused, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    """What we show of a row."""

    model_config = ConfigDict(from_attributes=True)
