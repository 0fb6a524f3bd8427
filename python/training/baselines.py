"""Unigram and interpolated Kneser-Ney n-gram perplexity on the tokens the model is judged on.

    python python/training/baselines.py test/models/kjv

Trained on exactly what the model saw (training books), over the same vocabulary. Kneser-Ney after
Chen and Goodman (1998, section 4): one discount per order, D = n1 / (n1 + 2 n2), lower orders from
continuation counts.
"""

from __future__ import annotations

import argparse
import collections
import math
import pathlib

from tokenizers import Tokenizer

import data


class KneserNey:
    def __init__(self, docs: list[list[int]], order: int, vocab: int):
        self.order, self.vocab = order, vocab
        counts = collections.Counter()
        for ids in docs:
            for i in range(1, len(ids)):  # BOS is context, never predicted
                counts[tuple(ids[max(0, i - order + 1) : i + 1])] += 1
        self.levels = []
        for _ in range(order):
            total, distinct = collections.Counter(), collections.Counter()
            shorter = collections.Counter()
            for gram, n in counts.items():
                total[gram[:-1]] += n
                distinct[gram[:-1]] += 1
                if len(gram) > 1:
                    shorter[gram[1:]] += 1  # continuation count: in how many contexts it was seen
            ones, twos = (sum(1 for n in counts.values() if n == k) for k in (1, 2))
            self.levels.append((counts, total, distinct, ones / (ones + 2 * twos) if ones else 0.5))
            counts = shorter

    def probability(self, context: tuple[int, ...], token: int, level: int = 0) -> float:
        if level == self.order:
            return 1.0 / self.vocab
        context = context[-(self.order - 1 - level) :] if level < self.order - 1 else ()
        counts, total, distinct, discount = self.levels[level]
        seen = total.get(context, 0)
        lower = self.probability(context[1:], token, level + 1)
        if not seen:
            return lower
        own = max(counts.get(context + (token,), 0) - discount, 0.0) / seen
        return own + discount * distinct[context] / seen * lower


def perplexity(model: KneserNey, docs: list[list[int]], limit: int) -> float:
    nll, count = 0.0, 0
    for ids in docs:
        ids = ids[:limit]
        for i in range(1, len(ids)):
            nll -= math.log(model.probability(tuple(ids[max(0, i - model.order + 1) : i]), ids[i]))
            count += 1
    return math.exp(nll / count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="folder with tokenizer.json")
    parser.add_argument("--limit", type=int, default=512, help="tokens of a document that count, as for the model")
    a = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(a.model / "tokenizer.json"))
    ids = lambda text: [d.tolist() for d in data.documents(tokenizer, text)]
    train, held_out = ids(data.kjv.training_text()), ids(data.kjv.evaluation_text())
    for order in (1, 5):
        model = KneserNey(train, order, tokenizer.get_vocab_size())
        print(f"{order}-gram: perplexity {perplexity(model, held_out, a.limit):.3f}", flush=True)


if __name__ == "__main__":
    main()
