"""What an adapter says came of an effect, as it can be kept; what is no clear answer counts as unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args

from hitl.actions.base import Outcome, OutcomeKind
from hitl.domain.digest import canonical, plain

MOST_BYTES: Final = 100_000
_KINDS: Final = get_args(OutcomeKind)


def check_outcome(said: object) -> Outcome:
    """Return what an adapter answered; anything else than one of the three outcomes tells nothing (pure)."""
    if not isinstance(said, Outcome) or said.kind not in _KINDS:
        return Outcome("unknown", error="The adapter gave no clear answer.")
    return replace(said, result=_kept(said.result), error=str(said.error or ""), retry=said.retry is True)


def _kept(result: object) -> Mapping[str, Any]:
    """Return the result, or nothing where it is no document that can be kept: it never hides what happened."""
    try:
        if isinstance(result, Mapping) and len(canonical(result)) <= MOST_BYTES:
            return dict(plain(result))
    except (ValueError, RecursionError):
        pass
    return {}
