"""Escaping of untrusted strings, so that terminals, spreadsheets and messages show them and never execute them."""

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

# Control characters except line breaks and tabs (including the 8-bit ones: \x9b starts a sequence as \x1b[ does),
# characters that reverse the direction of writing, invisible line breaks, and lone surrogates.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MAX_LENGTH = 80
_PLAIN = str.maketrans("\u2501\u2026\u2019", "=.'")


def escape_controls(text: str) -> str:
    r"""Return `text` with control characters escaped as in Python literals. Line breaks and tabs are kept.

    >>> print(escape_controls("\x1b[31mred\n"), end="")
    \x1b[31mred
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def escape_unencodable(text: str, stream: Any) -> str:
    """Return `text` with the characters that `stream` cannot encode escaped, and lines drawn with ``=``.

    A Windows terminal, a cron log and a container without a locale can encode few characters.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


# The characters that start a formula in spreadsheets (OWASP, "CSV Injection"), also after an apostrophe added by us,
# and harmless strings that start like a formula: operators without operands, and numbers.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_HARMLESS = re.compile(r"[=+\-@]+|[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?%?")


def escape_formula(text: str) -> str:
    """Return `text` with an apostrophe in front if a spreadsheet would run it as a formula.

    Numbers stay as they are, and so do marks such as ``-``. To have the text back, take an apostrophe away that
    stands before more of them or one of ``= + - @``, a tab or a line break.

    >>> escape_formula("=cmd|' /C calc'!A0"), escape_formula("-1.5"), escape_formula("plain")
    ("'=cmd|' /C calc'!A0", '-1.5', 'plain')
    """
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS.fullmatch(text) else text


def short_repr(value: Any, max_length: int = _MAX_LENGTH, quote: bool = True) -> str:
    """Return the repr of `value`, cut after `max_length` characters. Strings are not quoted if `quote` is False.

    The time is bounded however large the value is.
    """
    if quote:
        value = _short.repr(value)
    text = escape_controls(str(value))
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


class _Short(reprlib.Repr):
    def repr_int(self, value: int, level: int) -> str:
        # Python refuses to format integers of more than 4300 digits.
        return repr(value) if value.bit_length() < 256 else f"an integer of {value.bit_length():,} bits"


_short = _Short()
_short.maxstring = _short.maxother = _MAX_LENGTH
