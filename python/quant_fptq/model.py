"""A compiled Llama, token by token."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from quant_fptq import _capi
from quant_fptq.errors import FptqError
from quant_fptq.importer import LlamaConfig
from quant_fptq.session import Call, Executable


class Model:
    """A compiled Llama with its KV cache: `prefill`, `prompt` and `decode` tokens, one sequence at a time."""

    def __init__(self, executable: Executable, config: LlamaConfig) -> None:
        self.executable, self.config, self.position = executable, config, 0
        self._calls: dict[str, Call] = {}
        # What decode passes again and again; a call's own Python is cold after each token's weights, and counts.
        self._token, self._position = np.zeros(1, np.int32), np.zeros((), np.int64)
        for entry in ("prefill", "decode"):
            if entry not in executable.signatures:
                raise FptqError(f"the model has no public function '{entry}'")
        # Results that are no argument's storage have to be copied back into the cache.
        self._copied = {entry: [r for r, s in enumerate(signature["results"]) if r and s["alias"] < 0]
                        for entry, signature in executable.signatures.items()}
        shape = (config.num_kv_heads, config.context, config.head_dim)
        dtype = _capi.DTYPES[_capi.DTYPE_NAMES.index(executable.signatures["decode"]["arguments"][-1]["dtype"])]
        # One array, large enough for pages of 2 MiB, which numpy asks for.
        self.cache = tuple(np.zeros((2 * config.num_layers, *shape), dtype))

    def reset(self) -> None:
        """Forgets the sequence; the cache's content past `position` is never read."""
        self.position = 0

    def _check(self, least: int, most: int, count: int) -> None:
        if count and not 0 <= least <= most < self.config.vocab_size:
            raise FptqError(f"token {least if least < 0 else most} is none of the model's {self.config.vocab_size}")
        if self.position + count > self.config.context:
            raise FptqError(f"{self.position + count} tokens do not fit the context of {self.config.context}")

    def _call(self, entry: str, tokens: np.ndarray) -> np.ndarray:
        self._position[...] = self.position
        call = self._calls.get(entry)
        if call is None:
            call = self._calls[entry] = self.executable.bind(entry, [tokens, self._position, *self.cache])
        elif tokens is not self._token:
            call[0] = tokens
        copied = self._copied[entry]
        logits, *caches = call([0, *copied])
        for r, cache in zip(copied, caches):
            self.cache[r - 1][...] = cache
        self.position += len(tokens)
        return logits

    def _many(self, entry: str, tokens: Sequence[int]) -> np.ndarray:
        array = np.asarray(tokens)
        if array.size and array.dtype.kind not in "iu":
            raise FptqError(f"tokens are {array.dtype}, expected integers")
        self._check(int(array.min(initial=0)), int(array.max(initial=0)), len(array))
        return self._call(entry, np.ascontiguousarray(array, np.int32))

    def prefill(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends tokens; logits [tokens, vocabulary] of each position."""
        return self._many("prefill", tokens)

    def prompt(self, tokens: Sequence[int]) -> np.ndarray:
        """Appends tokens; logits [vocabulary] of the last one, which is all that generation needs."""
        if not len(tokens):
            raise FptqError("a prompt needs at least one token")
        if "prompt" not in self.executable.signatures:  # made before there was such a function
            return self.prefill(tokens)[-1]
        return self._many("prompt", tokens)[0]

    def decode(self, token: int) -> np.ndarray:
        """Appends one token; its logits [vocabulary]."""
        token = int(token)
        self._check(token, token, 1)
        self._token[0] = token
        return self._call("decode", self._token)[0]
