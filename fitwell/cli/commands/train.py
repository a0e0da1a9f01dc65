"""``fitwell train``: train a network, and write a folder with the tested model and its report."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fitwell.cli.options import (
    MAX_SEED,
    Subparsers,
    add_data_options,
    add_run_options,
    integer,
    non_negative,
    positive,
)
from fitwell.errors import InvalidArgument

if TYPE_CHECKING:
    from fitwell.cli.prepared_data import PreparedData
    from fitwell.cli.training_job import TrainingJob

__all__ = ["POSITION", "add_parser", "run"]

POSITION = 10

_EXAMPLES = """\
examples:
  fitwell train digits
  fitwell train mnist --network mlp --hidden 64 64 64 --batch-norm --dropout 0.2
  fitwell train photos/                      (one folder per class)
  fitwell train photos.csv --images file --target kind
  fitwell train houses.csv --target price
  fitwell train houses.csv --target price --quality fast
  fitwell train sales.csv --target sold --type shop=category --keep order_id --drop comment
  fitwell train patients.parquet --target outcome --task binary --seed 7
  fitwell train --resume runs/houses-20250131-101500

The tabular networks train on all rows, in five folds. Each network is scored on the fold that it did not train on.
For images, a convolutional network is trained; validation and test images are held out.
The run folder contains report.html (open it in a browser), the model, the learning curves, and all settings.
Ctrl-C stops training early; the model is kept, tested and reported, and the exit code is 130.
"""


def run(options: argparse.Namespace) -> int:
    """Run the command, and return the exit code."""
    from fitwell.cli.console import stdout_console
    from fitwell.cli.data_options import DataOptions
    from fitwell.cli.datasets import holds_images, load_data
    from fitwell.cli.resume import load_arguments, save_arguments
    from fitwell.cli.run_dir import make_run_folder
    from fitwell.cli.training_run import train_and_report

    folder = None
    if options.resume is not None:
        options, folder = load_arguments(options)
    network = options.network or ("cnn" if holds_images(options.data, options.images) else "tabular")
    prepared = load_data(options.data, DataOptions.from_namespace(options, use_folds=network == "tabular"))
    job = _make_job(network, prepared, options)
    if folder is None:
        folder = make_run_folder(prepared.name, options.output)
        chosen = [] if options.network else ["--network", network]
        save_arguments(folder, [*options.arguments, *chosen])
    for note in prepared.notes:
        stdout_console().print(note)
    return train_and_report(folder, job, options)


def _make_job(network: str, prepared: PreparedData, options: argparse.Namespace) -> TrainingJob:
    from fitwell.cli.network_options import check_network_options

    check_network_options(options, network)
    if network == "tabular":
        if prepared.image_shape is not None:
            raise InvalidArgument("--network tabular only applies to tables; omit it")
        from fitwell.cli.tabular_job import TabularJob
        from fitwell.cli.tabular_options import TabularOptions

        return TabularJob(prepared, TabularOptions.from_namespace(options))
    from fitwell.cli.holdout_job import HoldoutJob

    if network == "cnn":
        from fitwell.cli.cnn_options import CNNOptions

        return HoldoutJob(prepared, CNNOptions.with_defaults(options, prepared))
    from fitwell.cli.mlp_options import MLPOptions

    return HoldoutJob(prepared, MLPOptions.with_defaults(options, prepared))


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    from fitwell.datasets._dataset_registry import DATASETS

    parser = subparsers.add_parser(
        "train",
        help="train networks and report how well they predict",
        description="Train networks, and compare them with a linear model, gradient boosting and a constant prediction "
        "on rows that they did not train on.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, check=_check_options)
    parser.add_argument(
        "data",
        nargs="?",
        help="a table (.csv, .tsv, .parquet), a folder with one folder of images per class, or "
        f"{', '.join(DATASETS)}",
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
    network = parser.add_argument_group("network (options marked mlp only apply to --network mlp)")
    network.add_argument(
        "--network",
        choices=("tabular", "cnn", "mlp"),
        help="tabular: an ensemble of networks on five folds, for tables; cnn: a convolutional network, for images; "
        "mlp: one plain network, which is validated and tested on held-out rows (default: tabular for tables, cnn for "
        "images)",
    )
    network.add_argument(
        "--quality",
        choices=("fast", "good", "best"),
        help="tabular: train one network on the first fold (fast), two networks per fold (good), or as many kinds of "
        "networks as fit into the time (best) (default: good)",
    )
    network.add_argument(
        "--minutes",
        type=positive,
        metavar="M",
        help="time limit for --quality best, in minutes (default: 10)",
    )
    network.add_argument(
        "--hidden",
        type=integer(1),
        nargs="+",
        metavar="N",
        help="units in each hidden layer (default: 128 128 128; mlp: 64 64, or 256 128 for 200 or more inputs)",
    )
    network.add_argument(
        "--activation",
        metavar="NAME",
        help="activation of the hidden layers (default: selu for classes and mish for numbers; mlp: elu)",
    )
    network.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        help="mlp: batch normalization after each hidden layer (default: on with at least two hidden layers, or three "
        "for regression)",
    )
    network.add_argument(
        "--dropout",
        type=non_negative,
        metavar="RATE",
        help="dropout rate after each hidden layer (default: tuned; cnn: 0.3, around the dense layer; mlp: 0, and "
        "only after the last hidden layer)",
    )
    network.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="cnn: shift and rotate the training images at random (default: on)",
    )
    network.add_argument(
        "--l2",
        type=non_negative,
        metavar="STRENGTH",
        help="mlp: L2 regularization factor for the weights of the hidden layers (default: 0)",
    )


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    training = parser.add_argument_group("training (options marked mlp only apply to --network mlp)")
    training.add_argument("--optimizer", metavar="NAME", help="mlp: name of the optimizer (default: nadam)")
    training.add_argument(
        "--learning-rate",
        type=positive,
        metavar="RATE",
        help="learning rate (default: tuned; cnn: 0.003; mlp: the optimizer's default, which is 0.001 for nadam)",
    )
    training.add_argument(
        "--batch-size",
        type=integer(1),
        metavar="N",
        help="rows per batch (default: 64; cnn and mlp: 32, or 128 for more than 10,000 rows)",
    )
    training.add_argument(
        "--epochs",
        type=integer(1),
        metavar="N",
        help="number of epochs (default: about 4000 batches in 24 to 400 epochs; cnn: about 4000 batches in 10 to 100 "
        "epochs; mlp: at most 100)",
    )
    training.add_argument(
        "--patience",
        type=integer(1),
        metavar="N",
        help="mlp: stop after N epochs without a better validation loss, and restore the best weights; "
        "halve the learning rate after N/2 such epochs (default: 10)",
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
