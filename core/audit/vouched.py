"""Checks of rows that the audit log vouches for: higher apps add theirs, `verify_audit` runs them."""

from collections.abc import Callable, Iterator
from typing import Final

Check = Callable[[], Iterator[tuple[str, str]]]
"""Yields what is wrong in the tenant in scope: the name of a row, and what happened to it."""
_checks: Final[list[Check]] = []


def register(check: Check) -> None:
    """Let a check run with every verification of an audit log; the same one twice runs once."""
    if check not in _checks:
        _checks.append(check)


def problems() -> Iterator[str]:
    """Yield each row of the tenant in scope that is not as the audit log says, and what happened to it."""
    return (f"{name}: {problem}" for check in _checks for name, problem in check())
