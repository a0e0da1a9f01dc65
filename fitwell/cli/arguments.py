"""The arguments of the command line, and their help."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from typing import NoReturn

from fitwell.printable import printable

_LAST_SEED = 2**32 - 1  # that NumPy and scikit-learn take

TRAIN_EXAMPLES = """\
examples:
  fitwell train digits
  fitwell train mnist --hidden 64 64 64 --batch-norm --dropout 0.2
  fitwell train houses.csv --target price
  fitwell train sales.csv --target sold --type shop=category --keep order_id --drop comment
  fitwell train patients.parquet --target outcome --task binary --seed 7
  fitwell train --resume runs/houses-20250131-101500

The folder of a run holds report.html (open it in a browser), the model, the curves, and all settings.
Ctrl-C ends training early; what was learned is kept, tested and reported, and the exit code is 130.
"""

SEARCH_EXAMPLES = """\
examples:
  fitwell search houses.csv --target price --minutes 5
  fitwell search digits --trials 40
  fitwell search houses.csv --target price --minutes 60 --storage houses.db

The folder of the run is that of `fitwell train` with the best settings; trials.csv and search.png show the others.
With --storage several processes share one search, and one that was killed goes on when it is started again.
Ctrl-C ends the search early; the best settings until then are trained, tested and reported.
"""

PREDICT_EXAMPLES = """\
examples:
  fitwell predict runs/houses-20250131-101500 new.csv
  fitwell predict runs/houses-20250131-101500/model.keras new.csv -o prices.csv

The table needs the columns that the model was trained on; others are ignored. If it also holds the target,
the predictions are scored. Labels and names that a spreadsheet would run as formulas get an apostrophe before
('=total), which is to be taken off again where they are compared with labels from elsewhere.
"""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed arguments; ``run`` is the function that carries them out.

    Exits with code 2 and one message when they make no sense, with 0 after ``--help`` and ``--version``.
    """
    import sys

    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    options = parser.parse_args(arguments)
    options.arguments = arguments
    if options.run is _train and (options.data is None) == (options.resume is None):
        parser.error("train: name the data to train on, or a run to go on with: --resume RUN")
    return options


class _Parser(argparse.ArgumentParser):
    """Tells mistakes without sending to the terminal what is in them."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one message."""
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    import fitwell

    parser: argparse.ArgumentParser = _Parser(
        prog="fitwell",
        description="Train neural networks well, on tables and on well-known data sets.",
        epilog="fitwell COMMAND --help explains a command.",
    )
    parser.add_argument("--version", action="version", version=f"fitwell {fitwell.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_search(commands)
    _add_predict(commands)
    _add_board(commands)
    return parser


def _add_train(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train a network and report how good it is",
        description="Train a network, and compare it on rows it never saw with a linear model and a guess.",
        epilog=TRAIN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_train)
    parser.add_argument(
        "data",
        nargs="?",
        help="a table (.csv, .tsv, .parquet), or digits, mnist, fashion_mnist, california_housing, boston_housing",
    )
    _add_data(parser)

    network = parser.add_argument_group("network")
    network.add_argument(
        "--hidden",
        type=_whole(1),
        nargs="+",
        metavar="N",
        help="neurons in each hidden layer (default: 64 64, or 256 128 for 200 inputs and more)",
    )
    network.add_argument(
        "--activation", default="elu", metavar="NAME", help="of hidden layers (default: %(default)s)"
    )
    network.add_argument(
        "--batch-norm",
        action=argparse.BooleanOptionalAction,
        help="normalise after each hidden layer (default: if there are two or more, for regression three)",
    )
    network.add_argument(
        "--dropout",
        type=_number,
        default=0.0,
        metavar="RATE",
        help="after the last hidden layer (default: 0)",
    )
    network.add_argument(
        "--l2", type=_number, default=0.0, metavar="STRENGTH", help="penalty on hidden weights (default: 0)"
    )

    training = parser.add_argument_group("training")
    training.add_argument("--optimizer", default="nadam", metavar="NAME", help="(default: %(default)s)")
    training.add_argument(
        "--learning-rate", type=_positive, metavar="RATE", help="(default: the optimizer's own, nadam: 0.001)"
    )
    training.add_argument(
        "--batch-size", type=_whole(1), metavar="N", help="(default: 32, or 128 for more than 10,000 rows)"
    )
    training.add_argument(
        "--epochs", type=_whole(1), default=100, metavar="N", help="at most (default: %(default)s)"
    )
    training.add_argument(
        "--patience",
        type=_whole(1),
        default=10,
        metavar="N",
        help="stop after so many epochs without a better validation loss, and go back to the best weights; "
        "after half as many, halve the learning rate (default: %(default)s)",
    )
    training.add_argument(
        "--seed", type=_whole(0, _LAST_SEED), default=0, metavar="N", help="same seed, same run (default: 0)"
    )
    training.add_argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that was killed or interrupted, as it began: no other arguments",
    )
    training.add_argument("--quiet", action="store_true", help="show no progress")
    training.add_argument(
        "--output", metavar="FOLDER", help="folder of the run (default: runs/NAME-DATE-TIME)"
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument("--target", metavar="COLUMN", help="the column to predict (tables)")
    data.add_argument(
        "--task",
        choices=("regression", "binary", "multiclass"),
        help="what kind of problem a table poses (default: found out from the target)",
    )
    _add_separator(data)
    data.add_argument(
        "--keep",
        metavar="COLUMN",
        action="append",
        default=[],
        help="use this column, even if it looks like an identifier or free text (may be given several times)",
    )
    data.add_argument(
        "--drop",
        metavar="COLUMN",
        action="append",
        default=[],
        help="leave this column out (may be given several times)",
    )
    data.add_argument(
        "--type",
        type=_column_type,
        metavar="COLUMN=TYPE",
        action="append",
        default=[],
        help="what a column holds: number, category, date or boolean (may be given several times)",
    )
    fraction = "fraction of the rows (default: 0.2, less for large data)"
    data.add_argument("--validation-fraction", type=_number, metavar="F", help=f"validation part, {fraction}")
    data.add_argument("--test-fraction", type=_number, metavar="F", help=f"test part of a table, {fraction}")


def _add_separator(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="what separates the cells of a table of text: a character, or tab or space (default: found out)",
    )


def _add_search(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "search",
        help="find good settings, then train a network with the best ones",
        description="Try many networks on the validation rows, and train, test and report the best as `fitwell "
        "train` does.",
        epilog=SEARCH_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_search)
    parser.add_argument("data", help="a table or a data set, as for `fitwell train`")
    _add_data(parser)
    search = parser.add_argument_group("search")
    search.add_argument("--minutes", type=_number, metavar="M", help="how long to search (default: 5)")
    search.add_argument("--trials", type=_whole(1), metavar="N", help="how many settings to try instead")
    search.add_argument(
        "--sampler", default="tpe", metavar="NAME", help="tpe, random, gp, cmaes or evolution (default: tpe)"
    )
    search.add_argument(
        "--storage",
        metavar="FILE",
        help="where the trials are kept: FILE.db or postgresql://… (default: search.db in the folder of the run)",
    )
    search.add_argument(
        "--epochs",
        type=_whole(1),
        default=100,
        metavar="N",
        help="of a trial, at most (default: %(default)s)",
    )
    search.add_argument(
        "--seed",
        type=_whole(0, _LAST_SEED),
        default=0,
        metavar="N",
        help="same seed, same trials (default: 0)",
    )
    search.add_argument("--quiet", action="store_true", help="show no progress")
    search.add_argument("--output", metavar="FOLDER", help="folder of the run (default: runs/NAME-DATE-TIME)")


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "predict",
        help="predict for the rows of a table",
        description="Predict for the rows of a table with a network that `fitwell train` made.",
        epilog=PREDICT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_predict)
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="the folder of a run, or model.keras in it")
    parser.add_argument("table", help="a table: .csv, .tsv, .parquet")
    _add_separator(parser)
    parser.add_argument(
        "-o",
        "--output",
        default="predictions.csv",
        metavar="FILE",
        help="(default: %(default)s; - prints them)",
    )


def _add_board(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "board",
        help="show runs in TensorBoard",
        description="Start TensorBoard for the event files in a folder and below it, on this machine only.",
    )
    parser.set_defaults(run=_board)
    parser.add_argument("runs", metavar="RUNS", help="a folder of runs, as given to callbacks.TensorBoard")
    parser.add_argument(
        "--port",
        type=_whole(0),
        default=6006,
        metavar="N",
        help="(default: %(default)s, or the next free one)",
    )


def _train(options: argparse.Namespace) -> int:
    from fitwell.cli.train import train

    return train(options)


def _search(options: argparse.Namespace) -> int:
    from fitwell.cli.search import search

    return search(options)


def _predict(options: argparse.Namespace) -> int:
    from fitwell.cli.predict import predict

    return predict(options)


def _board(options: argparse.Namespace) -> int:
    from fitwell.cli.board import board

    return board(options)


def _column_type(text: str) -> tuple[str, str]:
    name, equals, kind = text.rpartition("=")
    # Here only what argparse would not understand; the table knows its columns.
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected COLUMN=TYPE, such as zip=category, got {text!r}")
    return name, kind


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"expected a number that is not negative, got {text!r}")
    return value


def _positive(text: str) -> float:
    value = _number(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected a number above 0: with 0 nothing is learned")
    return value


def _whole(least: int, most: float = math.inf) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, got {value}")
        if value > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:,}, got {value}")
        return value

    return read
