"""The argument parser of the command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NoReturn

from fitwell._escaping import escape_controls

_MAX_SEED = 2**32 - 1  # the largest seed that NumPy and scikit-learn accept

TRAIN_EXAMPLES = """\
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

SEARCH_EXAMPLES = """\
examples:
  fitwell search houses.csv --target price --minutes 5
  fitwell search digits --trials 40
  fitwell search houses.csv --target price --minutes 60 --storage houses.db

The run folder is that of `fitwell train` with the best settings; trials.csv and search.png show all trials.
With --storage several processes can share a search, and a search that was killed resumes when it is restarted.
Ctrl-C stops the search early; the best settings so far are trained, tested and reported.
"""

PREDICT_EXAMPLES = """\
examples:
  fitwell predict runs/houses-20250131-101500 new.csv
  fitwell predict runs/houses-20250131-101500/model.keras new.csv -o prices.csv

The table needs the columns that the model was trained on; other columns are ignored. If it contains the target,
the predictions are scored. Labels and names that a spreadsheet would run as formulas are prefixed with an
apostrophe ('=total); remove it before comparing them with other labels.
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse `argv`; the attribute ``run`` of the result is the function of the command.

    Exits with code 2 and a message if the arguments are invalid, with 0 after ``--help`` and ``--version``.
    """
    import sys

    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _build_parser()
    options = parser.parse_args(arguments)
    options.arguments = arguments
    if options.run is _train and (options.data is None) == (options.resume is None):
        parser.error("train: expected either the data to train on, or --resume RUN")
    return options


class _EscapingParser(argparse.ArgumentParser):
    """Argument parser that escapes control characters in its messages."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one message."""
        super().error(escape_controls(message))


def _build_parser() -> argparse.ArgumentParser:
    import fitwell

    parser: argparse.ArgumentParser = _EscapingParser(
        prog="fitwell",
        description="Train neural networks on tables and on standard data sets.",
        epilog="Run fitwell COMMAND --help for the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"fitwell {fitwell.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_search(commands)
    _add_predict(commands)
    _add_board(commands)
    return parser


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from fitwell.datasets._registry import DATASETS

    parser = commands.add_parser(
        "train",
        help="train a network and report its test scores",
        description="Train a network, and compare it with a linear model and a constant prediction on held-out rows.",
        epilog=TRAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_train)
    parser.add_argument(
        "data",
        nargs="?",
        help=f"a table (.csv, .tsv, .parquet), or {', '.join(DATASETS)}",
    )
    _add_data(parser)

    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden",
        type=_integer(1),
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
        help="normalize after each hidden layer (default: with two or more, for regression three or more)",
    )
    network.add_argument(
        "--dropout",
        type=_non_negative,
        default=0.0,
        metavar="RATE",
        help="dropout rate after the last hidden layer (default: 0)",
    )
    network.add_argument(
        "--l2",
        type=_non_negative,
        default=0.0,
        metavar="STRENGTH",
        help="L2 penalty on the hidden weights (default: 0)",
    )

    training = parser.add_argument_group("training")
    training.add_argument(
        "--optimizer", default="nadam", metavar="NAME", help="name of the optimizer (default: %(default)s)"
    )
    training.add_argument(
        "--learning-rate",
        type=_positive,
        metavar="RATE",
        help="learning rate (default: that of the optimizer, 0.001 for nadam)",
    )
    training.add_argument(
        "--batch-size",
        type=_integer(1),
        metavar="N",
        help="rows per batch (default: 32, or 128 for more than 10,000 rows)",
    )
    training.add_argument(
        "--epochs",
        type=_integer(1),
        default=100,
        metavar="N",
        help="maximum number of epochs (default: %(default)s)",
    )
    training.add_argument(
        "--patience",
        type=_integer(1),
        default=10,
        metavar="N",
        help="stop after N epochs without a better validation loss, and restore the best weights; "
        "halve the learning rate after N/2 such epochs (default: %(default)s)",
    )
    training.add_argument(
        "--seed",
        type=_integer(0, _MAX_SEED),
        default=0,
        metavar="N",
        help="random seed; runs with the same seed are identical (default: 0)",
    )
    training.add_argument(
        "--resume",
        metavar="RUN",
        help="resume a killed or interrupted run with its original arguments; takes no other arguments",
    )
    training.add_argument("--quiet", action="store_true", help="show no progress")
    training.add_argument("--output", metavar="FOLDER", help="run folder (default: runs/NAME-DATE-TIME)")


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument("--target", metavar="COLUMN", help="column to predict (tables only)")
    data.add_argument(
        "--task",
        choices=("regression", "binary", "multiclass"),
        help="type of problem (default: inferred from the target)",
    )
    _add_separator(data)
    data.add_argument(
        "--keep",
        metavar="COLUMN",
        action="append",
        default=[],
        help="use this column, even if it looks like an identifier or free text (can be repeated)",
    )
    data.add_argument(
        "--drop",
        metavar="COLUMN",
        action="append",
        default=[],
        help="ignore this column (can be repeated)",
    )
    data.add_argument(
        "--type",
        type=_column_type,
        metavar="COLUMN=TYPE",
        action="append",
        default=[],
        help="type of a column: number, category, date or boolean (can be repeated)",
    )
    default = "(default: 0.2, less for large data)"
    data.add_argument(
        "--validation-fraction",
        type=_non_negative,
        metavar="F",
        help=f"fraction of the rows to hold out for validation {default}",
    )
    data.add_argument(
        "--test-fraction",
        type=_non_negative,
        metavar="F",
        help=f"fraction of the rows of a table to hold out for testing {default}",
    )


def _add_separator(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="separator of the cells of a text file: a character, tab or space (default: detected)",
    )


def _add_search(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "search",
        help="search for good settings, then train a network with the best ones",
        description="Compare many networks on the validation rows, then train, test and report the best one as "
        "`fitwell train` does.",
        epilog=SEARCH_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_search)
    parser.add_argument("data", help="a table or a data set, as for `fitwell train`")
    _add_data(parser)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--minutes", type=_non_negative, metavar="M", help="time limit in minutes (default: 5)"
    )
    search.add_argument(
        "--trials", type=_integer(1), metavar="N", help="number of trials, instead of a time limit"
    )
    search.add_argument(
        "--sampler",
        default="tpe",
        metavar="NAME",
        help="search algorithm: tpe, random, gp, cmaes or evolution (default: tpe)",
    )
    search.add_argument(
        "--storage",
        metavar="FILE",
        help="where to store the trials: FILE.db or postgresql://… (default: search.db in the run folder)",
    )
    search.add_argument(
        "--epochs",
        type=_integer(1),
        default=100,
        metavar="N",
        help="maximum number of epochs of a trial (default: %(default)s)",
    )
    search.add_argument(
        "--seed",
        type=_integer(0, _MAX_SEED),
        default=0,
        metavar="N",
        help="random seed (default: 0)",
    )
    search.add_argument("--quiet", action="store_true", help="show no progress")
    search.add_argument("--output", metavar="FOLDER", help="run folder (default: runs/NAME-DATE-TIME)")


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="predict the target for the rows of a table",
        description="Predict the target for the rows of a table with a network trained by `fitwell train`.",
        epilog=PREDICT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_predict)
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="a run folder, or the model.keras in it")
    parser.add_argument("table", help="a table: .csv, .tsv or .parquet")
    _add_separator(parser)
    parser.add_argument(
        "-o",
        "--output",
        default="predictions.csv",
        metavar="FILE",
        help="file to write the predictions to; - prints them (default: %(default)s)",
    )


def _add_board(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "board",
        help="show runs in TensorBoard",
        description="Start TensorBoard for the event files in a folder and its subfolders, on this machine only.",
    )
    parser.set_defaults(run=_board)
    parser.add_argument("runs", metavar="RUNS", help="a log folder, as passed to callbacks.TensorBoard")
    parser.add_argument(
        "--port",
        type=_integer(0),
        default=6006,
        metavar="N",
        help="port of the server (default: %(default)s, or the next free one)",
    )


def _train(options: argparse.Namespace) -> int:
    from fitwell.cli.commands.train import train

    return train(options)


def _search(options: argparse.Namespace) -> int:
    from fitwell.cli.commands.search import search

    return search(options)


def _predict(options: argparse.Namespace) -> int:
    from fitwell.cli.commands.predict import predict

    return predict(options)


def _board(options: argparse.Namespace) -> int:
    from fitwell.cli.commands.tensorboard import run_tensorboard

    return run_tensorboard(options)


def _column_type(text: str) -> tuple[str, str]:
    name, equals, kind = text.rpartition("=")
    # Only the syntax is checked here; columns and types are checked when the table is read.
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected COLUMN=TYPE, such as zip=category, got {text!r}")
    return name, kind


def _non_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text!r}")
    return value


def _positive(text: str) -> float:
    value = _non_negative(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected a number above 0, got 0")
    return value


def _integer(least: int, most: float = math.inf) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected an integer, got {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, got {value}")
        if value > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:,}, got {value}")
        return value

    return read
