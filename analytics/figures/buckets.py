"""Times in buckets that are ten percent apart, whose quantiles are within five percent. Pure.

Bucket 0 holds everything up to a millisecond, bucket b > 0 what is above 0.001 * 1.1 ** (b - 1) seconds and up to
0.001 * 1.1 ** b. Counts per bucket add up over any span, which medians do not.
"""

from collections.abc import Mapping, Sequence
from math import ceil, log
from typing import Final

NONE: Final = -1
"""The bucket of what is not a time."""
RATIO: Final = 1.1
SMALLEST: Final = 0.001
LAST: Final = 320
"""The bucket of everything above 500 years."""
_STEP: Final = log(RATIO)


def bucket_of(seconds: float) -> int:
    """Return the bucket of a time."""
    if seconds <= SMALLEST:
        return 0
    found = ceil(log(seconds / SMALLEST) / _STEP)
    # The logarithm may be a hair off at a bucket's edge.
    if seconds <= upper_of(found - 1):
        found -= 1
    elif seconds > upper_of(found):
        found += 1
    return min(found, LAST)


def upper_of(bucket: int) -> float:
    """Return the longest time, in seconds, that belongs to a bucket."""
    return float(SMALLEST * RATIO**bucket)


def middle_of(bucket: int) -> float:
    """Return the time that is nearest to all of a bucket: at most five percent from each of them."""
    upper = upper_of(bucket)
    return 2 * upper / (RATIO + 1)


def quantiles(counts: Mapping[int, int], at: Sequence[float]) -> list[float | None]:
    """Return the time below which each share (0 to 1) of the counted times lies; None where nothing was counted.

    It is the time of the k-th of n sorted times, k being the share of n rounded up, at most five percent off.
    """
    count = sum(counts.values())
    if not count:
        return [None for _ in at]
    ordered = sorted(counts.items())
    found: dict[float, float] = {}
    seen, shares = 0, sorted(set(at))
    for bucket, n in ordered:
        seen += n
        while shares and seen >= max(1, ceil(shares[0] * count)):
            found[shares.pop(0)] = middle_of(bucket)
    return [found[share] for share in at]
