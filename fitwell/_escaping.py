"""Functions that escape untrusted strings, so that terminals and spreadsheets display them but never execute them."""

from __future__ import annotations

import re
import reprlib
from typing import Any

__all__ = [
    "escape_controls",
    "escape_formula",
    "escape_unencodable",
    "short_repr",
]

# Control characters except line breaks and tabs, characters that change the writing direction, invisible line breaks,
# and lone surrogates. The 8-bit control characters are included, because \x9b starts an escape sequence like \x1b[.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MAX_LENGTH = 80
_PLAIN = str.maketrans("\u2501\u2026\u2019", "=.'")


def escape_controls(text: str) -> str:
    r"""Escape control characters in `text` as in Python string literals, but keep line breaks and tabs.

    >>> print(escape_controls("\x1b[31mred\n"), end="")
    \x1b[31mred
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def escape_unencodable(text: str, stream: Any) -> str:
    """Escape the characters in `text` that `stream` cannot encode.

    Box-drawing lines, ellipses and typographic apostrophes become ``=``, ``.`` and ``'``. Windows terminals, cron logs
    and containers without a locale can encode only a few characters.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


# The first pattern matches strings that a spreadsheet would run as a formula (OWASP, "CSV Injection"), including
# strings that were escaped before. The second matches harmless exceptions: numbers, and operators without operands.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_HARMLESS = re.compile(r"[=+\-@]+|[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?%?")


def escape_formula(text: str) -> str:
    """Add a leading apostrophe to `text` if a spreadsheet would run it as a formula.

    Numbers, and operators without operands such as ``-``, are not changed. To restore the original text, check whether
    it begins with apostrophes followed by ``=``, ``+``, ``-``, ``@``, a tab or a line break, and if so, remove the
    first apostrophe.

    >>> escape_formula("=cmd|' /C calc'!A0"), escape_formula("-1.5"), escape_formula("plain")
    ("'=cmd|' /C calc'!A0", '-1.5', 'plain')
    """
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS.fullmatch(text) else text


def short_repr(value: Any, max_length: int = _MAX_LENGTH, quote: bool = True) -> str:
    """Return `value` as a string of at most `max_length` characters.

    The string is the value's repr, or ``str(value)`` if `quote` is False. Creating a repr takes only a short time, no
    matter how large the value is.
    """
    if quote:
        value = _short.repr(value)
    text = escape_controls(str(value))
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


class _Short(reprlib.Repr):
    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to format integers with more than 4300 digits.
        return repr(value) if value.bit_length() < 256 else f"an integer of {value.bit_length():,} bits"


_short = _Short()
_short.maxstring = _short.maxother = _MAX_LENGTH
