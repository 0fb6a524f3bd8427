"""Tokens of the King James text: a byte-level BPE vocabulary trained on the training books."""

from __future__ import annotations

import pathlib
import sys

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from quant_fptq import kjv  # noqa: E402

BOS = "<s>"


def train_tokenizer(vocab: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=[BOS], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(kjv.training_text().split(kjv.SEPARATOR), trainer)
    bos = tokenizer.token_to_id(BOS)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, bos)])
    return tokenizer


def documents(tokenizer: Tokenizer, text: str) -> list[np.ndarray]:
    """One array of ids a document, BOS first."""
    return [np.array(e.ids, dtype=np.int64) for e in tokenizer.encode_batch(text.split(kjv.SEPARATOR))]


def stream(docs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(docs)
