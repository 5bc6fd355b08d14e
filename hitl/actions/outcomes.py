"""Check what an adapter returned; anything that is not a clear outcome counts as unknown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from hitl.actions.base import Outcome, OutcomeKind
from hitl.domain.digest import canonical, plain

MOST_BYTES: Final = 100_000
_KINDS: Final = get_args(OutcomeKind)


def check_outcome(answer: object) -> Outcome:
    """Return an adapter's outcome as it can be stored, or `unknown` (pure)."""
    if not isinstance(answer, Outcome) or answer.kind not in _KINDS:
        return Outcome("unknown", error="The adapter gave no clear outcome.")
    return replace(answer, result=_kept(answer.result), error=str(answer.error or ""), retry=answer.retry is True)


def _kept(result: object) -> Mapping[str, Any]:
    """Return the result, or an empty one if it can't be stored: it must never hide the outcome."""
    try:
        if isinstance(result, Mapping) and len(canonical(result)) <= MOST_BYTES:
            return dict(plain(result))
    except (ValueError, RecursionError):
        pass
    return {}
