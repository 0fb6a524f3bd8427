"""Perplexity by the protocol of llama2.c and ours: a document at a time, BOS first, cut to the context."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Callable, Iterator, Protocol, Sequence

import numpy as np

from quant_fptq.tokenizer import Tokenizer, documents


class LanguageModel(Protocol):
    """What quality and speed are measured on: ours (`model.Model`), or any other with a cache of its own."""

    def reset(self) -> None:
        """Empties the cache."""

    def prefill(self, tokens: Sequence[int]) -> np.ndarray:
        """Logits after every token, tokens x vocabulary."""

    def decode(self, token: int) -> np.ndarray:
        """Logits after one more token."""


@dataclass(frozen=True)
class Score:
    """Mean negative log-likelihood of the predicted tokens, as people quote it."""

    perplexity: float
    tokens: int
    bits_per_byte: float
    seconds: float


def encoded(tokenizer: Tokenizer, text: str, context: int, first: int = 0, max_tokens: int | None = None
            ) -> Iterator[list[int]]:
    """Documents from number `first`, until `max_tokens` predictions are counted, the last one whole."""
    counted = 0
    for document in documents(text)[first:]:
        if max_tokens is not None and counted >= max_tokens:
            return
        tokens = tokenizer.encode(document)[:context]
        if len(tokens) > 1:
            counted += len(tokens) - 1
            yield tokens


def negative_log_likelihood(logits: np.ndarray, targets: np.ndarray) -> float:
    """Sum over rows, in nats; float64."""
    logits = logits.astype(np.float64)
    largest = logits.max(axis=-1)
    normalizer = np.log(np.exp(logits - largest[:, None]).sum(axis=-1)) + largest
    return float((normalizer - logits[np.arange(len(targets)), targets]).sum())


def perplexity(model: LanguageModel, tokenizer: Tokenizer, sequences: Sequence[list[int]],
               progress: Callable[[int], None] = lambda tokens: None) -> Score:
    """Runs every sequence from an empty cache; `progress` hears of each document's tokens."""
    start = time.perf_counter()
    nats, count, size = 0.0, 0, 0
    for tokens in sequences:
        model.reset()
        logits = model.prefill(tokens)
        nats += negative_log_likelihood(logits[:-1], np.asarray(tokens[1:]))
        count += len(tokens) - 1
        size += len(tokenizer.decode(tokens))
        progress(len(tokens) - 1)
    return Score(math.exp(nats / max(count, 1)), count, nats / math.log(2) / max(size, 1), time.perf_counter() - start)


def speed(model: LanguageModel, tokens: Sequence[int], decoded: int) -> tuple[float, float]:
    """Tokens per second of one prefill, and of decoding the last `decoded` tokens after it one by one."""
    model.reset()
    split = len(tokens) - decoded
    start = time.perf_counter()
    model.prefill(tokens[:split])
    middle = time.perf_counter()
    for token in tokens[split:]:
        model.decode(token)
    end = time.perf_counter()
    return split / (middle - start), decoded / (end - middle)
