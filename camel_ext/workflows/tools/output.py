"""Bounded text out of unbounded bytes: the head, the tail, and how much was cut between.

It is not about what the text means, and not about redaction of secrets.
"""

import unicodedata

KEPT_BYTES = 16_000  # about 4,000 tokens: a small model's window is 8-32 thousand


class HeadTail:
    """Take any number of bytes, keep the first and the last ones."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._half = kept_bytes // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.total_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes; memory stays below four times what is kept, plus this chunk."""
        self.total_bytes += len(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]

    def text(self) -> str:
        """Return what was kept as text that any store and any terminal can take."""
        cut = self.total_bytes - len(self._head) - min(len(self._tail), self._half)
        if cut <= 0:
            return printable((bytes(self._head) + bytes(self._tail)).decode(errors="replace"))
        head = self._head.decode(errors="ignore")  # ignore: a letter cut in two at the edge
        tail = self._tail[-self._half :].decode(errors="ignore")
        return printable(f"{head}\n[... {cut} bytes cut out here ...]\n{tail}")


def printable(text: str) -> str:
    """Return the text with control characters made visible as U+FFFD.

    A NUL cannot be stored in PostgreSQL, and an escape sequence would run on somebody's terminal.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in _UNSAFE else "\ufffd" for c in text
    )


_UNSAFE = ("Cc", "Cs")  # controls, lone surrogates (the latter have no UTF-8)


def clip(text: str, kept_bytes: int = KEPT_BYTES) -> str:
    """Return the text, cut in its middle when it is longer than `kept_bytes` of UTF-8."""
    kept = HeadTail(kept_bytes)
    kept.add(text.encode(errors="replace"))
    return kept.text()
