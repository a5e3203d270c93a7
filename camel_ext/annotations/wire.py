"""The words that all wire shapes of this room are made of: texts without NUL, names, ids."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character, which cannot be stored: remove it")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty: write something, or leave the field out")
    return text


Plain = Annotated[str, AfterValidator(_without_nul)]
Said = Annotated[str, AfterValidator(_without_nul), AfterValidator(_said)]
Named = Annotated[Said, Field(max_length=120)]
Versioned = Annotated[Said, Field(max_length=80)]
Label = Annotated[Said, Field(max_length=64)]


class Wire(BaseModel):
    """What is sent to us: unknown fields are refused, and no number is infinite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Shown(BaseModel):
    """What we show of a row."""

    model_config = ConfigDict(from_attributes=True)
