"""Events: what a turn of the bus costs with 10 thousand and a million stored, idle, and catching up."""

from __future__ import annotations

import argparse
import os

import django

from bench._surroundings import describe_database, describe_machine, say

django.setup()

from bench import _bus  # noqa: E402
from bench.queue import OPERATOR  # noqa: E402


def main() -> int:
    """Measure; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench bus", description=__doc__)
    parser.add_argument("--sizes", default="10000,1000000", help="events stored (default 10000,1000000)")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    say("\n".join([*describe_machine(), *describe_database()]))
    held = _bus.measure(os.environ["DATABASE_OWNER_URL"], sizes, OPERATOR)
    say(f"targets {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
