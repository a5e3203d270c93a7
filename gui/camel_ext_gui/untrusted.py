"""Text of models and of other people, made harmless: nothing of it is read as markup or formula.

Streamlit reads Markdown in labels, values of metrics, options of radios, and messages: such text goes
into `st.text`, `st.code`, table cells and options of select boxes only, through `visible`.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pandas as pd

KEPT = frozenset("\n\t\u200d\ufe0f")  # line, tab; the joiner and variation of emoji
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # and their wide forms


def visible(text: object) -> str:
    """Return text in which characters that nobody sees, or that turn the direction, are named."""
    return "".join(_seen(char) for char in str(text))


def _seen(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") and char not in KEPT
    return f"⟨U+{ord(char):04X}⟩" if hidden else char


def one_line(text: object, at_most: int = 160) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(str(text)[: 4 * at_most].split())
    return visible(line if len(line) <= at_most else line[: at_most - 1] + "…")


def label(text: object) -> str:
    """Return words fit for a label, which Streamlit reads as Markdown: what could be markup is gone."""
    words = re.sub(r"[^\w ,-]+", " ", visible(text))
    return " ".join(words.split()).replace("_", r"\_")[:200]


def csv_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as CSV, in which no cell is a formula to a spreadsheet.

    Source: OWASP, CSV Injection: a leading apostrophe before = + - @ tab and line ends.
    """
    safe = table.map(lambda cell: _escaped(cell) if isinstance(cell, str) else cell)
    safe.columns = pd.Index([_escaped(str(name)) for name in table.columns])
    return bytes(safe.to_csv(index=False), "utf-8")


def _escaped(cell: str) -> str:
    head = unicodedata.normalize("NFKC", cell[:1] + cell.lstrip(" ")[:1])
    return f"'{cell}" if any(char in FORMULA for char in head) else cell


def message_text(message: Mapping[str, Any] | None) -> str:
    """Return what a message says: its text, and the tools that it calls."""
    if message is None:
        return ""
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    said = [str(part.get("text", part)) if isinstance(part, dict) else str(part) for part in parts]
    for call in message.get("tool_calls") or []:
        called = call.get("function", {})
        said.append(f"{called.get('name')}({called.get('arguments')})")
    return "\n".join(each for each in said if each)
