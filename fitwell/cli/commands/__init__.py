"""The commands of ``fitwell``, one module each.

A module defines ``add_parser(subparsers)``, which adds the parser of the command with its function
``run(options) -> int`` as the default of ``run``, and optionally ``POSITION``, its place in the help. The parser
imports every module of this package, so a new command needs only a new file here and its test.
"""

__all__: list[str] = []
