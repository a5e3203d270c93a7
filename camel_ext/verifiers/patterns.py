"""Regular expressions with a time bound: a pattern that backtracks for ever ends as a timeout.

It wraps the `regex` module, which can stop; `re` cannot. It is not for patterns written in this
code base, only for those that users or models write.
"""

import math
import re
from functools import lru_cache

import regex

MAX_PATTERN_CHARS = 2_000
MAX_REPEAT = (
    1_000  # counted repeats multiply when nested: {1000}{1000}{1000} compiles into gigabytes
)
TIMEOUT_S = 0.5
_COUNTED = re.compile(r"\{\s*(\d{1,9})\s*(?:,\s*(\d{0,9}))?\s*\}")
_CALLS = re.compile(
    r"\(\?(?:R|[0-9]|[+-][0-9]|&|P>)"
)  # recursion: half a gigabyte in half a second


class PatternWrong(ValueError):
    """The pattern is not a regular expression, or too large."""


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, flags: str = "") -> "regex.Pattern[str]":
    """Compile a pattern; flags are letters of `ims`.

    Raises: PatternWrong.
    """
    if len(pattern) > MAX_PATTERN_CHARS:
        raise PatternWrong(f"a pattern has at most {MAX_PATTERN_CHARS:,} characters")
    counts = (max(int(low), int(high or 0), 1) for low, high in _COUNTED.findall(pattern))
    if math.prod(counts) > MAX_REPEAT:
        raise PatternWrong(f"its counted repeats multiply to more than {MAX_REPEAT:,}")
    if _CALLS.search(pattern):
        raise PatternWrong("a pattern cannot call itself or a group")
    known = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL}
    bits = regex.VERSION0
    for letter in flags:
        if letter not in known:
            raise PatternWrong(f"`{letter}` is not a flag: there are i, m and s")
        bits |= known[letter]
    try:
        return regex.compile(pattern, bits)
    except (regex.error, RecursionError, OverflowError, MemoryError) as error:
        raise PatternWrong(f"not a regular expression: {error}") from None


def search(
    pattern: str, text: str, *, flags: str = "", whole: bool = False, timeout_s: float = TIMEOUT_S
) -> "regex.Match[str] | None":
    """Return the first match, or None; the interpreter is free meanwhile.

    Raises: PatternWrong; TimeoutError when the time is over.
    """
    compiled = compile_pattern(pattern, flags)
    look = compiled.fullmatch if whole else compiled.search
    return look(text, timeout=timeout_s, concurrent=True)
