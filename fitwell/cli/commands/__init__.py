"""The commands of ``fitwell``. Each module defines one command.

A module must define ``add_parser(subparsers)``, which adds the command's parser and sets the default of ``run`` to the
function ``run(options) -> int`` that runs the command. It may also define ``POSITION``, which determines the order of
the commands in the help. The main parser imports every module in this package, so a new command only needs a new file
here and a test.
"""

__all__: list[str] = []
