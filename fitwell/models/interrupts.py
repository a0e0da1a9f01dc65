"""Handling Ctrl-C during training."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["INTERRUPT_SECONDS", "catch_keyboard_interrupt"]

# The maximum duration of a dispatch, in seconds, if there is no progress output. It limits the delay after Ctrl-C.
INTERRUPT_SECONDS = 0.5


@contextmanager
def catch_keyboard_interrupt() -> Iterator[Any]:
    """Yield a function that returns whether Ctrl-C was pressed inside the block.

    The first Ctrl-C lets the running dispatch finish. The second one interrupts it immediately. Outside the main
    thread, or if the program handles Ctrl-C itself, the function always returns False.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    previous = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: Any) -> None:
        if pressed.is_set() and callable(previous):
            previous(number, frame)
        pressed.set()

    if previous is not signal.default_int_handler:
        # The program already handles Ctrl-C. (This is not the case in a notebook, whose kernel uses Python's handler.)
        yield pressed.is_set
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, previous)
