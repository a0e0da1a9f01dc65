"""The options of ``fitwell train`` that only some networks have, and defaults that networks share."""

from __future__ import annotations

from argparse import Namespace

from fitwell.errors import InvalidArgument

__all__ = ["check_network_options", "default_batch_size", "dropout_rate"]

# The networks that each of these options applies to. All other options apply to every network.
_NETWORKS = {
    "hidden": ("mlp", "tabular"),
    "activation": ("mlp", "tabular"),
    "batch_norm": ("mlp",),
    "l2": ("mlp",),
    "optimizer": ("mlp",),
    "patience": ("mlp",),
    "quality": ("tabular",),
    "minutes": ("tabular",),
    "augment": ("cnn",),
}
_LARGE_ROW_COUNT = 10_000


def check_network_options(options: Namespace, network: str) -> None:
    """Raise `InvalidArgument` if an option is given that does not apply to `network`."""
    for name, networks in _NETWORKS.items():
        if getattr(options, name) is None or network in networks:
            continue
        option = f"--{name.replace('_', '-')}"
        if networks[0] == "mlp":
            raise InvalidArgument(f"{option} only applies to --network mlp; add --network mlp, or omit it")
        place = "images" if networks[0] == "cnn" and network == "tabular" else f"--network {networks[0]}"
        raise InvalidArgument(f"{option} only applies to {place}; omit it")


def dropout_rate(options: Namespace, default: float) -> float:
    """Return the option ``--dropout`` or its default.

    Raises:
        InvalidArgument: If the rate is not in [0, 1).
    """
    rate: float = default if options.dropout is None else options.dropout
    if not 0 <= rate < 1:
        raise InvalidArgument(f"--dropout must be at least 0 and below 1, got {rate:g}")
    return rate


def default_batch_size(rows: int) -> int:
    """Return the default number of rows per batch for a number of training rows."""
    return 128 if rows > _LARGE_ROW_COUNT else 32
