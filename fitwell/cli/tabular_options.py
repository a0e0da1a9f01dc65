"""The command-line options for the tabular networks."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from dataclasses import dataclass

from fitwell.errors import InvalidArgument
from fitwell.tabular import TabularNetwork
from fitwell.tabular.network import default_networks, time_limit

__all__ = ["QUALITIES", "TabularOptions"]

QUALITIES = ("fast", "good", "best")


@dataclass(frozen=True)
class TabularOptions:
    """The options for the tabular networks and their training.

    Attributes:
        quality: ``"good"`` trains two networks per fold, and ``"fast"`` only one network, on the first fold.
        networks: The hyperparameters of the networks. Those that the user set replace the defaults of all networks.
        seed: Seed for the folds, weights and dropout.
        minutes: Time limit of the quality ``"best"``, or None for the other qualities.
    """

    quality: str
    networks: tuple[TabularNetwork, ...]
    seed: int
    minutes: float | None = None

    @classmethod
    def from_namespace(cls, options: Namespace) -> TabularOptions:
        """Create the options from the arguments of ``fitwell train``.

        Raises:
            InvalidArgument: If ``--minutes`` is given without ``--quality best``.
        """
        changed = {
            "hidden_layer_sizes": None if options.hidden is None else tuple(options.hidden),
            "activation": options.activation,
            "dropout": options.dropout,
            "learning_rate": options.learning_rate,
            "batch_size": options.batch_size,
            "min_epochs": options.epochs,
            "max_epochs": options.epochs,
        }
        changed = {name: value for name, value in changed.items() if value is not None}
        quality = options.quality or "good"
        networks = tuple(dataclasses.replace(network, **changed) for network in default_networks(quality))
        if options.minutes is not None and quality != "best":
            raise InvalidArgument("--minutes only applies to --quality best; add it, or omit --minutes")
        return cls(quality, networks, options.seed, time_limit(quality, options.minutes))
