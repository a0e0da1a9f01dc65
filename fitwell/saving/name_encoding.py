"""Names of layers and weights as files can hold them.

In HDF5 and in archives a name is a path: ``.`` and empty parts have a meaning of their own there, and so has what
leads out of an archive. Null characters end a name, and halves of characters cannot be written. A name with any of
these stands in the file in percent codes, all others as they are.
"""

from __future__ import annotations

import urllib.parse

# What the formats themselves keep under such a name.
_RESERVED = ("top_level_model_weights", "__metadata__")


def encode_name(name: str) -> str:
    """Return the name under which a file holds what is called `name`.

    >>> in_file("block/dense"), in_file("."), in_file("/abs"), in_file("")
    ('block/dense', '%2E', '%2Fabs', '%')
    """
    parts = name.split("/")
    if (
        name not in _RESERVED
        and _is_writable(name)
        and not {"", ".", ".."} & set(parts)
        and ":" not in parts[0]
    ):
        return name
    codes = urllib.parse.quote(name, safe="", errors="surrogatepass").replace(".", "%2E")
    return codes if codes != name else f"%{name}"


def encode_attribute(name: str) -> str:
    """Return `name` as an attribute of HDF5 can hold it, which is not a path."""
    return name if _is_writable(name) else encode_name(name)


def _is_writable(name: str) -> bool:
    if "\0" in name or "\\" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
