"""``fitwell train``: train a network, and write a folder with the tested model and its report."""

from __future__ import annotations

import argparse

from fitwell.cli.options import (
    MAX_SEED,
    Subparsers,
    add_data_options,
    add_run_options,
    integer,
    non_negative,
    positive,
)

__all__ = ["POSITION", "add_parser", "run"]

POSITION = 10

_EXAMPLES = """\
examples:
  fitwell train digits
  fitwell train mnist --hidden 64 64 64 --batch-norm --dropout 0.2
  fitwell train houses.csv --target price
  fitwell train sales.csv --target sold --type shop=category --keep order_id --drop comment
  fitwell train patients.parquet --target outcome --task binary --seed 7
  fitwell train --resume runs/houses-20250131-101500

The run folder contains report.html (open it in a browser), the model, the learning curves, and all settings.
Ctrl-C stops training early; the model is kept, tested and reported, and the exit code is 130.
"""


def run(options: argparse.Namespace) -> int:
    """Run the command, and return the exit code."""
    from fitwell.cli.console import stdout_console
    from fitwell.cli.data_options import DataOptions
    from fitwell.cli.datasets import load_data
    from fitwell.cli.network_builder import TrainOptions, build_network
    from fitwell.cli.resume import load_arguments, save_arguments
    from fitwell.cli.run_dir import make_run_folder
    from fitwell.cli.training_run import train_and_report
    from fitwell.utils import set_random_seed

    say = stdout_console().print
    folder = None
    if options.resume is not None:
        options, folder = load_arguments(options)
    prepared = load_data(options.data, DataOptions.from_namespace(options))
    settings = TrainOptions.with_defaults(options, prepared)
    set_random_seed(settings.seed)
    model = build_network(prepared, settings)
    if folder is None:
        folder = make_run_folder(prepared.name, options.output)
        save_arguments(folder, options.arguments)
    for note in prepared.notes:
        say(note)
    return train_and_report(folder, model, prepared, settings, options)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    from fitwell.datasets._dataset_registry import DATASETS

    parser = subparsers.add_parser(
        "train",
        help="train a network and report its test scores",
        description="Train a network, and compare it with a linear model and a constant prediction on held-out rows.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, check=_check_options)
    parser.add_argument(
        "data",
        nargs="?",
        help=f"a table (.csv, .tsv, .parquet), or {', '.join(DATASETS)}",
    )
    add_data_options(parser)
    _add_network_options(parser)
    _add_training_options(parser)


def _check_options(options: argparse.Namespace) -> str | None:
    """Return an error message if neither the data nor ``--resume`` is given, or if both are."""
    if (options.data is None) == (options.resume is None):
        return "train: pass either the data to train on or --resume RUN, but not both"
    return None


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden",
        type=integer(1),
        nargs="+",
        metavar="N",
        help="units in each hidden layer (default: 64 64, or 256 128 for 200 or more inputs)",
    )
    network.add_argument(
        "--activation",
        default="elu",
        metavar="NAME",
        help="activation of the hidden layers (default: %(default)s)",
    )
    network.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        help="batch normalization after each hidden layer (default: on with at least two hidden layers, or three for "
        "regression)",
    )
    network.add_argument(
        "--dropout",
        type=non_negative,
        default=0.0,
        metavar="RATE",
        help="dropout rate after the last hidden layer (default: 0)",
    )
    network.add_argument(
        "--l2",
        type=non_negative,
        default=0.0,
        metavar="STRENGTH",
        help="L2 regularization factor for the weights of the hidden layers (default: 0)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    training = parser.add_argument_group("training")
    training.add_argument(
        "--optimizer", default="nadam", metavar="NAME", help="name of the optimizer (default: %(default)s)"
    )
    training.add_argument(
        "--learning-rate",
        type=positive,
        metavar="RATE",
        help="learning rate (default: the optimizer's default, which is 0.001 for nadam)",
    )
    training.add_argument(
        "--batch-size",
        type=integer(1),
        metavar="N",
        help="rows per batch (default: 32, or 128 for more than 10,000 rows)",
    )
    training.add_argument(
        "--epochs",
        type=integer(1),
        default=100,
        metavar="N",
        help="maximum number of epochs (default: %(default)s)",
    )
    training.add_argument(
        "--patience",
        type=integer(1),
        default=10,
        metavar="N",
        help="stop after N epochs without a better validation loss, and restore the best weights; "
        "halve the learning rate after N/2 such epochs (default: %(default)s)",
    )
    training.add_argument(
        "--seed",
        type=integer(0, MAX_SEED),
        default=0,
        metavar="N",
        help="random seed; runs with the same seed are identical (default: 0)",
    )
    training.add_argument(
        "--resume",
        metavar="RUN",
        help="resume a killed or interrupted run with its original arguments; only --quiet can be added",
    )
    add_run_options(training)
