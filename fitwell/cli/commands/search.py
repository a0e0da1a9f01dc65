"""``fitwell search``: compare many networks on the validation rows, then train and report the best one."""

from __future__ import annotations

import argparse

from fitwell.cli.options import MAX_SEED, Subparsers, add_data_options, add_run_options, integer, non_negative

__all__ = ["POSITION", "add_parser", "run"]

POSITION = 20

_EXAMPLES = """\
examples:
  fitwell search houses.csv --target price --minutes 5
  fitwell search digits --trials 40
  fitwell search houses.csv --target price --minutes 60 --storage houses.db

The run folder contains the same files as with `fitwell train`. In addition, trials.csv and search.png show all trials.
With --storage, multiple processes can share a search, and a search that was killed resumes when it is restarted.
Ctrl-C stops the search early; the best settings so far are trained, tested and reported.
"""


def run(options: argparse.Namespace) -> int:
    """Run the command, and return the exit code."""
    from fitwell.cli.search_run import search_and_train

    return search_and_train(options)


def add_parser(subparsers: Subparsers) -> None:
    """Add the command's parser."""
    parser = subparsers.add_parser(
        "search",
        help="search for good settings, then train a network with the best ones",
        description="Compare many networks on the validation rows, then train, test and report the best one as "
        "`fitwell train` does.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("data", help="a table or a data set, as for `fitwell train`")
    add_data_options(parser)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--minutes",
        type=non_negative,
        metavar="M",
        help="time limit in minutes (default: 5, or none with --trials)",
    )
    search.add_argument(
        "--trials", type=integer(1), metavar="N", help="maximum number of trials (default: unlimited)"
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
        type=integer(1),
        default=100,
        metavar="N",
        help="maximum number of epochs per trial (default: %(default)s)",
    )
    search.add_argument(
        "--seed",
        type=integer(0, MAX_SEED),
        default=0,
        metavar="N",
        help="random seed (default: 0)",
    )
    add_run_options(search)
