"""Relevance by rule: does an answer speak of what it was asked, in whole words, and say something of it?

It guards training against short nonsense. It knows no meaning: an answer that is wrong passes, and one
in other words altogether fails; so compare rates with a baseline, and do not read one verdict alone. It
is made for languages that write words apart, and knows the endings of English.
"""

import re
import unicodedata
from collections import Counter
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from camel_ext.verifiers.registry import Params, example, verifier
from camel_ext.verifiers.verdicts import Outcome, Verdict, excerpt, found

MAX_WORDS = 5_000  # of an answer are looked at
MAX_BABBLE_RATIO = 0.3
MAX_ONE_WORD_RATIO = 0.4  # of all words from `REPEATS_FROM` on: "blue blue sky blue blue"
MAX_IN_A_ROW = 2
MIN_DISTINCT_RATIO = 0.4
REPEATS_FROM = 5
LONGEST_WORD = 28

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_NO = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can ?not|can't|won't|will not|don't know|do not"
    r" know)|as an ai|as a language model|no (?:answer|comment)|n/a)\b"
)
_ENDINGS = (
    "ingly", "iness", "ings", "edly", "ness", "ing", "ies", "ied", "ers", "est", "ous",
    "ed", "er", "es", "ly", "al", "ic", "s", "y", "e", "o",
)  # fmt: skip
_EMPTY = frozenset(
    [
        "a",
        "about",
        "after",
        "again",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "ask",
        "asked",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "best",
        "between",
        "both",
        "but",
        "by",
        "called",
        "can",
        "cannot",
        "certain",
        "could",
        "define",
        "describe",
        "did",
        "difference",
        "different",
        "do",
        "does",
        "doing",
        "done",
        "each",
        "either",
        "else",
        "ever",
        "every",
        "example",
        "examples",
        "explain",
        "few",
        "find",
        "for",
        "from",
        "get",
        "gets",
        "give",
        "given",
        "go",
        "goes",
        "going",
        "good",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "hers",
        "him",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "itself",
        "just",
        "kind",
        "know",
        "known",
        "less",
        "let",
        "like",
        "list",
        "made",
        "main",
        "make",
        "makes",
        "making",
        "many",
        "may",
        "me",
        "mean",
        "means",
        "might",
        "more",
        "most",
        "much",
        "must",
        "my",
        "name",
        "need",
        "no",
        "nor",
        "not",
        "nothing",
        "now",
        "of",
        "off",
        "often",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "part",
        "people",
        "please",
        "possible",
        "question",
        "really",
        "reason",
        "same",
        "say",
        "says",
        "sentence",
        "several",
        "she",
        "should",
        "show",
        "simple",
        "simply",
        "since",
        "so",
        "some",
        "something",
        "sort",
        "such",
        "sure",
        "take",
        "tell",
        "than",
        "thank",
        "thanks",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "thing",
        "things",
        "this",
        "those",
        "though",
        "three",
        "through",
        "thus",
        "to",
        "too",
        "two",
        "type",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "use",
        "used",
        "uses",
        "using",
        "usually",
        "very",
        "was",
        "way",
        "ways",
        "we",
        "well",
        "were",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "within",
        "without",
        "word",
        "words",
        "would",
        "yes",
        "you",
        "your",
        "yours",
        "answer",
    ]
)


class RelevanceParams(Params):
    """What the text has to speak of, and how much of it there has to be."""

    model_config = example(to="What do plants need to grow?")

    to: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(
        description="What was asked. The text shares a word with it, apart from small words and endings.",
        json_schema_extra={"x-per-subject": "prompt"},
    )
    also: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[],
        max_length=100,
        description="Other words that show that it keeps to the subject.",
    )
    min_words: int = Field(4, ge=1, le=1_000, description="Fewer words than this are no answer.")
    min_shared: int = Field(
        1, ge=1, le=100, description="Words to be shared; no more than there are to share."
    )
    min_own: int = Field(
        1, ge=0, le=100, description="Words with a content that are not in the question already."
    )


@verifier("relevance", RelevanceParams)
def relevance(params: RelevanceParams, outcome: Outcome) -> Verdict:
    """The text keeps to what was asked, in words of its own: no refusal, repetition or babble."""
    words = words_of(outcome.text)
    if len(words) < params.min_words:
        return found(False, f"of words there are {len(words)}, at least {params.min_words} wanted")
    if wrong := _refusal(outcome.text) or _repetition(words) or _babble(words):
        return found(False, wrong)
    asked = _content(words_of(params.to))
    subject = asked | _content([word for text in params.also for word in words_of(text)])
    said = _content(words)
    shared = {stem for stem in subject if _among(stem, said)}
    if len(shared) < min(params.min_shared, len(subject)):
        return found(False, f"it shares no word with “{excerpt(params.to, 60)}”")
    own = {stem for stem in said if not _among(stem, asked)}
    if len(own) < params.min_own:
        return found(False, "it says nothing that was not in the question")
    return found(True, f"it speaks of what was asked: {', '.join(sorted(shared)[:5])}")


def words_of(text: str) -> list[str]:
    """Return the words of a text, small and without accents."""
    parts = unicodedata.normalize("NFD", text[: MAX_WORDS * LONGEST_WORD].casefold())
    plain = "".join(c for c in parts if not unicodedata.combining(c))
    return [word.replace("\u2019", "'") for word in _WORD.findall(plain)[:MAX_WORDS]]


def stem_of(word: str) -> str:
    """Return a word without its endings, at least three letters: rivers and river are one."""
    word = word.removesuffix("'s")
    for _ in range(2):  # blueness, blue
        ending = next((each for each in _ENDINGS if _ends(word, each)), "")
        word = word.removesuffix(ending)
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls"
    return word[:-1] if doubled else word


def _ends(word: str, ending: str) -> bool:
    is_plural = ending != "s" or not word.endswith("ss")
    return is_plural and word.endswith(ending) and len(word) - len(ending) >= 3


def _content(words: list[str]) -> set[str]:
    return {
        stem_of(word) for word in words if word not in _EMPTY and (len(word) > 1 or word.isdigit())
    }


def _among(stem: str, others: set[str]) -> bool:
    """Tell whether a stem is there, or a longer or shorter form of it (five letters or more)."""
    if stem in others:
        return True
    return len(stem) >= 5 and any(
        len(other) >= 5 and (other.startswith(stem) or stem.startswith(other)) for other in others
    )


def _refusal(text: str) -> str:
    start = " ".join(text[:200].casefold().replace("\u2019", "'").split())
    match = _NO.search(start[:80])
    return f"it declines: “{match.group()}”" if match else ""


def _repetition(words: list[str]) -> str:
    in_a_row = 1
    for before, word in pairwise(words):
        in_a_row = in_a_row + 1 if word == before else 1
        if in_a_row > MAX_IN_A_ROW:
            return f"“{word}” stands {in_a_row} times in a row"
    if len(words) < REPEATS_FROM:
        return ""
    word, times = Counter(words).most_common(1)[0]
    if times > MAX_ONE_WORD_RATIO * len(words):
        return f"“{word}” is {times} of {len(words)} words"
    distinct = len(set(words))
    if distinct < MIN_DISTINCT_RATIO * min(len(words), 60):
        return f"it repeats itself: {distinct} different words of {len(words)}"
    return ""


def _babble(words: list[str]) -> str:
    odd = [word for word in words if _is_odd(word)]
    if len(odd) <= MAX_BABBLE_RATIO * len(words):
        return ""
    return f"{len(odd)} of {len(words)} words are none, such as “{excerpt(odd[0], 30)}”"


def _is_odd(word: str) -> bool:
    """Tell whether letters make no word: none of English has no vowel, or five consonants in a row."""
    if len(word) > LONGEST_WORD:
        return True
    if word.isdigit() or not word.isascii():
        return False
    letters = word.replace("'", "").replace("-", "")
    if re.search(r"(.)\1\1", letters):
        return True
    if not letters.isalpha():
        return len(letters) > 4
    return (len(letters) > 3 and not re.search("[aeiouy]", letters)) or bool(
        re.search("[bcdfghjklmnpqrstvwxz]{6}", letters)
    )
