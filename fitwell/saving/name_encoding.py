"""Functions that encode the names of layers and weights for files.

HDF5 files and zip archives treat a name as a path whose parts are separated by ``/``. A name is percent-encoded if one
of its parts is empty, ``.`` or ``..``, if its first part contains a colon (as in ``C:``), or if it contains a
backslash, a null character or an unpaired surrogate. Names that the file formats reserve are also encoded. All other
names are written unchanged.
"""

from __future__ import annotations

import urllib.parse

__all__ = ["encode_attribute", "encode_name"]

# Names that the file formats use for other purposes.
_RESERVED = ("top_level_model_weights", "__metadata__")


def encode_name(name: str) -> str:
    """Return `name` if it can be used as a path inside a file, and a percent-encoded name otherwise.

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
    """Encode `name` as an HDF5 attribute's value. HDF5 does not treat it as a path, so fewer names need encoding."""
    return name if _is_writable(name) else encode_name(name)


def _is_writable(name: str) -> bool:
    if "\0" in name or "\\" in name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
