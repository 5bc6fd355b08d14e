"""Making one change on an advertising platform, reading it back, and finding out what became of a lost answer.

The platforms have neither idempotency keys nor a change that depends on the old value. So the value is read right
before the call, the call is made once, and the change log tells afterwards which change was ours and what it replaced.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.clock import now
from core.errors import WalkerError
from hitl.actions.base import Outcome
from hitl.selectors import find_attempt
from integrations.ads import selectors
from integrations.ads.change_log import History, read_history
from integrations.ads.ports import AdsClient
from integrations.ads.types import Change, Limit
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.outcomes import outcome_of_failure

SECONDS: Final = 24.0
"""For all calls of an execution; the engine gives up on it after thirty."""
LOOKS: Final = (0.0, 1.0, 2.0)
"""The pauses before each look at the change log, after a change was made."""
MOVED: Final = "It was changed on the platform right before Walker's call, so Walker didn't change it."
STANDS: Final = "After Walker's change the value was changed on the platform again."
MakeChange = Callable[[Mapping[str, Any]], Change]
"""Returns the change for the facts that were approved."""


def perform(provider: str, idempotency_key: str, make: MakeChange) -> Outcome:
    """Make the change of an approved request once (outside calls); without an account nothing is done."""
    attempt = find_attempt(idempotency_key)
    if attempt is None:
        return Outcome("failed_clean", error="not_found: There is no approved request with this key.")
    change = make(attempt.facts)
    try:
        client = selectors.connect(provider, attempts=1, seconds=SECONDS)
    except WalkerError as error:
        return Outcome("failed_clean", error=f"{error.code}: {error.detail}")
    with client as opened:
        return find_obstacle(opened, change) or make_change(opened, change, idempotency_key)


def find_obstacle(client: AdsClient, change: Change) -> Outcome | None:
    """Return why a change may not be made now: the value has moved, or was changed too often within the hour."""
    try:
        fresh = client.read_value(change)
    except WalkerError as error:  # another ad account was chosen since
        return Outcome("failed_clean", error=f"{error.code}: {error.detail}")
    if not isinstance(fresh, Ok):
        return outcome_of_failure(fresh) if isinstance(fresh, CleanFailure) else Outcome("failed_clean", retry=True)
    if fresh.value != change.old:
        return Outcome("failed_clean", error=f"changed: {MOVED}", retry=True)
    limit = client.find_limit(change) if change.is_limited else None
    return too_often(limit) if limit else None


def too_often(limit: Limit) -> Outcome:
    """Return the outcome of a change that has to wait until the platform takes another one."""
    seconds = max(1.0, (limit.until - now()).total_seconds())
    error = f"too_many_changes: {limit.words}; the next one at {limit.until:%H:%M} UTC."
    return Outcome("failed_clean", error=error, retry=True, retry_after=seconds, was_called=False)


def make_change(client: AdsClient, change: Change, key: str) -> Outcome:
    """Make the change, and say what it replaced and how the value is now."""
    began = now()
    answer = client.make_change(change, key)
    if isinstance(answer, CleanFailure):
        limit = client.find_limit(change) if change.is_limited and answer.retry else None
        return too_often(limit) if limit else outcome_of_failure(answer)
    if not isinstance(answer, Ok):
        return outcome_of_failure(answer)
    found = result_of(change, client.read_value(change))
    for pause in LOOKS:
        time.sleep(pause)
        history = read_history(client, change, began)
        entries = History(client.vendor, history.value if isinstance(history, Ok) else ())
        ours = entries.find_ours(change)
        if ours is not None:
            return finished(change, found, entries.overwritten(change, ours))
    return finished(change, {**found, "change_log": "not shown yet"}, "")


def result_of(change: Change, back: Answer[str]) -> dict[str, Any]:
    """Return what is kept of a change that was made: what it set, and what was read afterwards."""
    found = {"object": change.object, "field": change.field, "value": change.new}
    return {**found, "read_back": back.value, "read_back_at": now().isoformat()} if isinstance(back, Ok) else found


def finished(change: Change, found: Mapping[str, Any], warning: str) -> Outcome:
    """Return the outcome of a change that was made, with what approvers should know of it."""
    stands = STANDS if found.get("read_back", change.new) != change.new else ""
    return Outcome("succeeded", result=found, warning=" ".join(part for part in (warning, stands) if part))


def probe(provider: str, idempotency_key: str, make: MakeChange) -> Outcome | None:
    """Return what became of a change whose answer was lost, None if it can't be told (outside calls).

    Ours in the change log, with that value: it was made. The old value, and a log that stayed silent past its delay:
    nothing was done. Everything else is for a person.
    """
    attempt = find_attempt(idempotency_key)
    if attempt is None or attempt.lost_at is None:
        return None
    change = make(attempt.facts)
    try:
        with selectors.connect(provider, seconds=SECONDS) as client:
            history = read_history(client, change, attempt.began_at)
            fresh = client.read_value(change)
    except WalkerError:
        return None
    if not isinstance(history, Ok) or not isinstance(fresh, Ok):
        return None
    entries = History(client.vendor, history.value)
    ours = entries.find_ours(change)
    if ours is not None:
        found = {**result_of(change, fresh), "logged_at": ours.at.isoformat()}
        return finished(change, found, entries.overwritten(change, ours))
    is_silent = not entries.entries and now() - attempt.lost_at > client.silent
    if is_silent and fresh.value == change.old:
        error = f"not_found: {client.vendor}'s change log shows no such change."
        return Outcome("failed_clean", error=error, retry=True)
    return None
