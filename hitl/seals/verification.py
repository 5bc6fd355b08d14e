"""Find rules that were changed, removed or put back outside the application."""

from collections.abc import Iterator

from hitl.seals.rules import RuleSeals, find_broken, find_released_outside


def broken_rules() -> Iterator[tuple[str, str]]:
    """Yield (row, what was changed) of the tenant's rules and of the stops of the installation."""
    seals = RuleSeals()
    if seals.forged:
        yield "rules", seals.forged
    yield from find_broken(seals).items()
    for key in find_released_outside(seals):
        yield f"emergency stop {key} of the installation", "released or removed outside the application"
