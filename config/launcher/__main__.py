"""`python -m config.launcher`: where the one command goes on inside its environment."""

import sys

from config.launcher import cli

sys.exit(cli.main(sys.argv[1:]))
