"""Builds a fast tokenizer from the vocabulary inside a GGUF, so that it cuts text as llama.cpp does.

What is trained must be what is served, token by token. So a way of cutting text that is not in the
table is refused rather than guessed: transformers' own loader falls back to GPT-2's, which cuts the
digits of SmolLM2 differently from the engine. It holds byte-level BPE only.
Source: llama.cpp, src/llama-vocab.cpp (the expressions for each `tokenizer.ggml.pre`).
"""

from collections.abc import Callable
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from camel_ext.training.trainer.failures import TrainingFailed

CONTROL, USER_DEFINED = 3, 4

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")


def _gpt2() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def _digits_then_gpt2() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _gpt2()])


def _split(expression: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


CUTS: dict[str, Callable[[], pre_tokenizers.PreTokenizer]] = {
    "gpt-2": _gpt2,
    "smollm": _digits_then_gpt2,
    "llama-bpe": lambda: _split(LLAMA3_SPLIT),
    "qwen2": lambda: _split(QWEN2_SPLIT),
}


def build_tokenizer(fields: dict[str, Any]) -> PreTrainedTokenizerFast:
    """Return the tokenizer that the `tokenizer.*` fields of a GGUF describe.

    Raises: TrainingFailed when it is of another kind, or has no chat template.
    """
    kind, cut = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or cut not in CUTS:
        raise TrainingFailed(
            "tokenizer_unsupported",
            f"The base's tokenizer ({kind}, cut as {cut}) is not known, so text could be cut otherwise "
            "than the engine cuts it.",
            f"Train on a base whose GGUF has a gpt2 tokenizer cut as one of: {', '.join(CUTS)}.",
        )
    template = fields.get("tokenizer.chat_template")
    if not template:
        raise TrainingFailed(
            "template_missing",
            "The base's GGUF has no chat template, so nobody knows how its prompts are written.",
            "Train on an instruct model, whose GGUF holds `tokenizer.chat_template`.",
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    named = {
        f"{role}_token": tokens[number]
        for role, key in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))
        if (number := fields.get(f"tokenizer.ggml.{key}_token_id")) is not None
    }
    named.setdefault("pad_token", named["eos_token"])
    return PreTrainedTokenizerFast(
        tokenizer_object=_bpe(fields, tokens, CUTS[cut]()),
        chat_template=template,
        clean_up_tokenization_spaces=False,
        **named,
    )


def _bpe(fields: dict[str, Any], tokens: list[str], cut: pre_tokenizers.PreTokenizer) -> Tokenizer:
    merges = [tuple(merge.split(" ", 1)) for merge in fields["tokenizer.ggml.merges"]]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, fuse_unk=False))
    tokenizer.pre_tokenizer = cut
    tokenizer.decoder = decoders.ByteLevel()
    kinds = fields.get("tokenizer.ggml.token_type", [])
    for kind, special in ((CONTROL, True), (USER_DEFINED, False)):
        whole = [token for token, its in zip(tokens, kinds, strict=False) if its == kind]
        added = [AddedToken(token, normalized=False, special=special) for token in whole]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(added)
    return tokenizer
