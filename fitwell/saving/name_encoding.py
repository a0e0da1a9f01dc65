"""Functions that encode the names of layers and weights for files.

In HDF5 files and archives, a name is a path, so ``.``, empty parts and parts that lead outside the archive have a
special meaning. A null character ends a name, and unpaired surrogates cannot be written. A name with any of these is
percent-encoded. All other names are written unchanged.
"""

from __future__ import annotations

import urllib.parse

__all__ = ["encode_attribute", "encode_name"]

# Names that the file formats reserve.
_RESERVED = ("top_level_model_weights", "__metadata__")


def encode_name(name: str) -> str:
    """Encode `name` as a path that is valid inside a file.

    >>> encode_name("block/dense"), encode_name("."), encode_name("/abs"), encode_name("")
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
    """Encode `name` as the value of an HDF5 attribute, which is not interpreted as a path."""
    return name if _is_writable(name) else encode_name(name)


def _is_writable(name: str) -> bool:
    if "\0" in name or "\\" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
