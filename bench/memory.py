"""Idle memory: what web and worker with its two children really take (PSS), with the parts of an installation."""

from __future__ import annotations

import argparse
import time

from bench._environment import describe_machine, middle, say
from bench._processes import families, pss

LIMITS = {"web": 250.0, "worker": 300.0}
ROUNDS = 3


def main() -> int:
    """Wait until the installation rests, measure three times, and return 1 when a limit is passed."""
    parser = argparse.ArgumentParser(prog="./walker bench memory", description=__doc__)
    parser.add_argument("--rest", type=float, default=20.0, help="seconds to wait before measuring (default 20)")
    options = parser.parse_args()
    say("\n".join(describe_machine()))
    time.sleep(options.rest)
    passed = True
    for name, family in families().items():
        taken = middle([measured(family) for _ in range(ROUNDS)])
        limit = LIMITS.get(name)
        note = f"(target at most {limit:.0f} MB)" if limit else ""
        say(f"{name:<10} {len(family):>2} processes   PSS {taken:7.1f} MB   {note}".rstrip())
        passed &= limit is None or taken <= limit
    return 0 if passed else 1


def measured(family: list[int]) -> float:
    """Return the sum of the processes' proportional set sizes in MB, after a moment."""
    time.sleep(1)
    return sum(pss(pid) for pid in family)


if __name__ == "__main__":
    raise SystemExit(main())
