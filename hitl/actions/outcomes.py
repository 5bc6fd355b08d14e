"""Check what an adapter returned; anything that is not a clear outcome counts as unknown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from hitl.actions.base import Outcome, OutcomeKind
from hitl.domain.digest import canonical, plain

MOST_BYTES: Final = 100_000
LONGEST_WAIT: Final = 3600.0
"""Seconds that a system may ask to wait for; the deadline of the request runs on."""
_KINDS: Final = get_args(OutcomeKind)


def check_outcome(answer: object) -> Outcome:
    """Return an adapter's outcome as it can be stored, or `unknown` (pure)."""
    if not isinstance(answer, Outcome) or answer.kind not in _KINDS:
        return Outcome("unknown", error="The adapter gave no clear outcome.")
    wait = answer.retry_after
    return replace(
        answer,
        result=_kept(answer.result),
        error=str(answer.error or ""),
        retry=answer.retry is True,
        retry_after=min(max(0.0, float(wait)), LONGEST_WAIT) if isinstance(wait, int | float) else None,
        was_called=answer.was_called is not False,
        warning=str(answer.warning or ""),
    )


def _kept(result: object) -> Mapping[str, Any]:
    """Return the result, or an empty one if it can't be stored: it must never hide the outcome."""
    try:
        if isinstance(result, Mapping) and len(canonical(result)) <= MOST_BYTES:
            return dict(plain(result))
    except (ValueError, RecursionError):
        pass
    return {}
