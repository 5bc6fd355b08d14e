"""Events: what a turn of the bus costs with 10 thousand to 10 million stored, idle, and catching up."""

from __future__ import annotations

import argparse
import os

import django

from bench._environment import describe_database, describe_machine, say

django.setup()

from bench import _bus  # noqa: E402
from bench.queue import OPERATOR  # noqa: E402

SIZES = (10_000, 1_000_000, 10_000_000)


def main() -> int:
    """Measure; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench bus", description=__doc__)
    parser.add_argument("--most", type=int, default=1_000_000, choices=SIZES, help="events stored (default 1000000)")
    options = parser.parse_args()
    sizes = [size for size in SIZES if size <= options.most]
    say("\n".join([*describe_machine(), *describe_database()]))
    held = _bus.measure(os.environ["DATABASE_OWNER_URL"], sizes, OPERATOR)
    say(f"targets {'held' if held else 'MISSED'}")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
