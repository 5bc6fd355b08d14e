"""`./walker doctor`: check an installation; exit code 0 if all is well, 1 with warnings, 2 with failures."""

import argparse
import sys
from typing import Final

from config.launcher.faults import StartError
from config.launcher.status import manage

CODES: Final = {0: 0, 3: 1}
"""Of the management command, by those of this one; all others are failures, also that it couldn't begin."""


def doctor(arguments: argparse.Namespace) -> int:
    """Run the checks with the installation's environment."""
    arguments.rest = ["doctor", *(["--json"] if arguments.json else [])]
    try:
        return CODES.get(manage(arguments), 2)
    except StartError as problem:
        print(f"walker: {problem}", file=sys.stderr)
        return 2
