"""Ctrl-C and SIGTERM end a command at once, also inside of the compiler, and leave nothing half-written.

Python acts on a signal when the compiler's call returns, which may take minutes. So what runs in Python is unwound,
and where that has not ended the command soon, a thread ends the process.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from contextlib import contextmanager
from types import FrameType
from typing import Iterator, NoReturn

from quant_fptq import output
from quant_fptq.cli import report

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Seconds in which the main thread may unwind.
_PATIENCE = 0.3


def _tell(unraisable: sys.UnraisableHookArgs) -> None:
    """A signal may come where nothing can be raised, as when the compiler calls Python: no word of it."""
    if not isinstance(unraisable.exc_value, SystemExit):
        sys.__unraisablehook__(unraisable)


def _watch(pipe: int) -> None:
    """Reads the number of every signal as it comes, and the end of `pipe` when the command is done."""
    try:
        while (received := os.read(pipe, 1)) and received[0] not in _SIGNALS:
            pass
        if not received or select.select([pipe], [], [], _PATIENCE)[0] and not os.read(pipe, 1):
            return
    finally:
        os.close(pipe)
    output.remove_unfinished()
    if report.err.is_terminal:
        report.err.show_cursor()  # a progress bar hid it
    os._exit(128 + received[0])


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Inside, signals that are not ignored end the process with status 128 + their number."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    received: list[int] = []

    def unwind(number: int, _: FrameType | None) -> NoReturn:
        received.append(number)
        raise SystemExit(128 + number)  # the shells' own status of a signal

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading,), daemon=True).start()
    hook, sys.unraisablehook = sys.unraisablehook, _tell
    try:
        for number in caught:
            signal.signal(number, unwind)
        yield
        if received:  # where nothing could be raised
            raise SystemExit(128 + received[0])
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken)
        sys.unraisablehook = hook
        os.close(writing)
