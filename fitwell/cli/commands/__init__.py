"""The commands of ``fitwell``, one module each.

A module defines ``POSITION``, its place in the help, and ``add_parser(subparsers)``, which adds a parser with the
command's function ``run(options) -> int`` as default of ``run``. The parser imports every module in this package,
so a new command needs only a new file here.
"""
