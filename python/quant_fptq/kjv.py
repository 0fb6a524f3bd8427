"""The King James text that the shipped model was trained and is judged on.

The text is public domain and comes with Debian's `bible-kjv` package; it is printed by the
`bible` program and never stored in the repository. Books are split once, here, so that training
and evaluation cannot disagree about what was held out.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from typing import Callable

#: Books that training never sees (2.9 % of the text): narrative, prophecy, gospel, letter.
EVALUATION_BOOKS = ("Ruth", "Jonah", "Mark", "1Pet", "Phmn", "Hag")
#: Books used only to choose the best checkpoint while training.
VALIDATION_BOOKS = ("2Jn", "3Jn", "Jas", "Joel", "Mal")

SEPARATOR = "<|endoftext|>"

_VERSE = re.compile(r"^([1-3]?[A-Za-z]+?)(\d+):(\d+) (.*)$")


@functools.lru_cache(maxsize=1)
def chapters() -> dict[tuple[str, int], str]:
    """Every chapter, as one line of verses without references, in the order of the book.

    Raises RuntimeError where the `bible` program is missing.
    """
    if shutil.which("bible") is None:
        raise RuntimeError("the 'bible' program is missing: apt-get install bible-kjv")
    printed = subprocess.run(
        ["bible", "-f", "gen1:1-rev22:21"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout
    verses: dict[tuple[str, int], list[str]] = {}
    for line in printed.splitlines():
        match = _VERSE.match(line)
        if match:
            book, chapter, _, text = match.groups()
            verses.setdefault((book, int(chapter)), []).append(text.strip())
    return {where: " ".join(text) for where, text in verses.items()}


def _documents(keep: Callable[[str], bool]) -> str:
    return SEPARATOR.join(text for (book, _), text in chapters().items() if keep(book))


def training_text() -> str:
    """Chapters of all other books, separated by `<|endoftext|>`."""
    held_out = EVALUATION_BOOKS + VALIDATION_BOOKS
    return _documents(lambda book: book not in held_out)


def validation_text() -> str:
    """Chapters that choose the checkpoint."""
    return _documents(lambda book: book in VALIDATION_BOOKS)


def evaluation_text() -> str:
    """Chapters of the held-out books: what perplexities in this project are measured on."""
    return _documents(lambda book: book in EVALUATION_BOOKS)


def calibration_text() -> str:
    """Chapters of a training book (Psalms and Luke) for profiling ranges."""
    return _documents(lambda book: book in ("Psa", "Luke"))
