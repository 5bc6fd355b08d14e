"""What a call that did not succeed means for the request that it executed."""

from typing import Final

from hitl.actions.base import Outcome
from integrations.calls.answers import CleanFailure, Unknown
from integrations.calls.operations import ENDED

USUAL_WAIT: Final = 60.0
"""Seconds after which a request looks again whether somebody has connected its system again."""


def outcome_of_failure(answer: CleanFailure | Unknown, *, error: str = "") -> Outcome:
    """Return the outcome of a change that failed, or of which nobody knows; `error` in place of the system's words."""
    said = error or f"{answer.code}: {answer.detail}"
    if isinstance(answer, Unknown):
        return Outcome("unknown", error=said)
    if answer.code == ENDED:
        return Outcome("failed_clean", error=said, retry=True, retry_after=USUAL_WAIT, was_called=False)
    return Outcome(
        "failed_clean",
        error=said,
        retry=answer.retry,
        retry_after=answer.retry_after,
        was_called=answer.was_called,
    )
