"""Sampling: temperature and top-p, and a stream of text that never splits a character."""

from __future__ import annotations

import codecs
from typing import Iterator, Sequence

import numpy as np

from quant_fptq.model import Model
from quant_fptq.tokenizer import Tokenizer


#: What byte-level tokenizers make of a character whose bytes are not all there: U+FFFD.
_INCOMPLETE = "\ufffd".encode()


def sample(logits: np.ndarray, rng: np.random.Generator, temperature: float, top_p: float) -> int:
    """One token; temperature 0 takes the likeliest."""
    if temperature <= 0:
        return int(logits.argmax())
    scaled = logits.astype(np.float64) / temperature
    probabilities = np.exp(scaled - scaled.max())
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities)
    # The smallest set that has top_p of the mass: everything before it is reached, and that one.
    kept = order[: int(np.searchsorted(np.cumsum(probabilities[order]), top_p)) + 1]
    return int(rng.choice(kept, p=probabilities[kept] / probabilities[kept].sum()))


def tokens(model: Model, prompt: Sequence[int], count: int, temperature: float = 0.8, top_p: float = 0.9,
           seed: int = 0) -> Iterator[int]:
    """Up to `count` tokens after `prompt`, until the model ends its text or the context is full."""
    rng = np.random.default_rng(seed)
    model.reset()
    logits = model.prompt(prompt)
    ends = {model.config.bos, *model.config.eos}
    for _ in range(count):
        token = sample(logits, rng, temperature, top_p)
        if token in ends:
            return
        yield token
        if model.position >= model.config.context:
            return
        logits = model.decode(token)


def text(tokenizer: Tokenizer, prompt: Sequence[int], generated: Iterator[int]) -> Iterator[str]:
    """The prompt's text, then what each token adds to it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    known = list(prompt)
    done = all_bytes = tokenizer.decode(known)
    yield decoder.decode(done)
    for token in generated:
        known.append(token)
        all_bytes = tokenizer.decode(known)
        if all_bytes.endswith(_INCOMPLETE):
            continue
        yield decoder.decode(all_bytes[len(done):])
        done = all_bytes
    yield decoder.decode(all_bytes[len(done):], final=True)
