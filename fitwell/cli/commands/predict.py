"""``fitwell predict``: predict the target for the rows of a table with a trained network."""

from __future__ import annotations

import argparse

from fitwell.cli.options import Subparsers, add_separator_option

__all__ = ["POSITION", "add_parser", "run"]

POSITION = 30

_EXAMPLES = """\
examples:
  fitwell predict runs/houses-20250131-101500 new.csv
  fitwell predict runs/houses-20250131-101500/model.keras new.csv -o prices.csv

  fitwell predict runs/photos-20250131-101500 new_photos/

The table needs the columns that the model was trained on; other columns are ignored. If it contains the target,
the predictions are scored. Labels and names that a spreadsheet would run as formulas are prefixed with an
apostrophe ('=total); remove it before comparing them with other labels.
"""


def run(options: argparse.Namespace) -> int:
    """Run the command, and return the exit code."""
    from fitwell.cli.table_prediction import predict_table

    return predict_table(options)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "predict",
        help="predict the target for the rows of a table",
        description="Predict the target for the rows of a table with a network trained by `fitwell train`.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="a run folder, or the model.keras in it")
    parser.add_argument("table", help="a table (.csv, .tsv or .parquet), or a folder of images")
    add_separator_option(parser)
    parser.add_argument(
        "-o",
        "--output",
        default="predictions.csv",
        metavar="FILE",
        help="file to write the predictions to, or - to print them (default: %(default)s)",
    )
