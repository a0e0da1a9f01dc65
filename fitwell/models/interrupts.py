"""Ctrl-C during training."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Without a display, how long a dispatch may take before Ctrl-C is heard.
INTERRUPT_SECONDS = 0.5


@contextmanager
def catch_keyboard_interrupt() -> Iterator[Any]:
    """Hear the first Ctrl-C as a wish to stop after the running dispatch; a second one interrupts at once."""
    heard = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield heard.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def listen(number: int, frame: Any) -> None:
        if heard.is_set() and callable(previous):
            previous(number, frame)
        heard.set()

    if previous is not signal.default_int_handler:
        # Somebody else handles Ctrl-C already (a notebook kernel does not: it uses Python's own handler).
        yield heard.is_set
        return
    signal.signal(signal.SIGINT, listen)
    try:
        yield heard.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
