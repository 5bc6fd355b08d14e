"""Making one change at Meta, reading it back, and finding out what became of one whose answer was lost.

Meta has neither idempotency keys nor a change that depends on the old value. So the value is read right before the
call, the call is made once, and the change log tells afterwards which change was ours and what it replaced.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from core.clock import now
from core.errors import WalkerError
from hitl.actions.base import Outcome
from hitl.selectors import find_attempt
from integrations.calls.answers import Answer, CleanFailure, Ok
from integrations.calls.outcomes import outcome_of_failure
from integrations.meta_ads import selectors
from integrations.meta_ads.change_log import SILENT, History, budget_changes, next_change, read_history
from integrations.meta_ads.client import TOO_OFTEN, MetaAdsClient
from integrations.meta_ads.types import AdObject, Change

SECONDS: Final = 24.0
"""For all calls of an execution; the engine gives up on it after thirty."""
LOOKS: Final = (0.0, 1.0, 2.0)
"""The pauses before each look at the change log, after a change was made."""
MOVED: Final = "It was changed on the platform right before Walker's call, so Walker didn't change it."
STANDS: Final = "After Walker's change the value was changed on the platform again."
MakeChange = Callable[[Mapping[str, Any]], Change]
"""Returns the change for the facts that were approved."""


def perform(idempotency_key: str, make: MakeChange) -> Outcome:
    """Make the change of an approved request once (outside calls); without an account nothing is done."""
    attempt = find_attempt(idempotency_key)
    if attempt is None:
        return Outcome("failed_clean", error="not_found: There is no approved request with this key.")
    change = make(attempt.facts)
    try:
        client = selectors.connect(attempts=1, seconds=SECONDS)
    except WalkerError as error:
        return Outcome("failed_clean", error=f"{error.code}: {error.detail}")
    with client as opened:
        return find_obstacle(opened, change) or make_change(opened, change, idempotency_key)


def find_obstacle(client: MetaAdsClient, change: Change) -> Outcome | None:
    """Return why a change may not be made now: the value has moved, or was changed four times within the hour."""
    fresh = client.get_object(change.object, is_ad_set=change.is_ad_set)
    if not isinstance(fresh, Ok):
        return outcome_of_failure(fresh) if isinstance(fresh, CleanFailure) else Outcome("failed_clean", retry=True)
    if fresh.value.value_of(change.field) != change.old:
        return Outcome("failed_clean", error=f"changed: {MOVED}", retry=True)
    if not (change.is_ad_set and change.is_budget):
        return None
    wait = next_change(budget_changes(client, change.object) or ())
    return too_often(wait) if wait else None


def too_often(wait: datetime) -> Outcome:
    """Return the outcome of a budget that has to wait until its ad set may be changed again."""
    error = f"too_many_changes: Meta takes four budget changes of an ad set an hour; the next one at {wait:%H:%M} UTC."
    seconds = max(1.0, (wait - now()).total_seconds())
    return Outcome("failed_clean", error=error, retry=True, retry_after=seconds, was_called=False)


def make_change(client: MetaAdsClient, change: Change, key: str) -> Outcome:
    """Make the change, and say what it replaced and how the value is now."""
    began = now()
    answer = client.make_change(change, key)
    if isinstance(answer, CleanFailure):
        if answer.code == TOO_OFTEN:
            wait = next_change(budget_changes(client, change.object) or ())
            return too_often(wait) if wait else outcome_of_failure(replace(answer, was_called=False))
        return outcome_of_failure(answer)
    if not isinstance(answer, Ok):
        return outcome_of_failure(answer)
    back = client.get_object(change.object, is_ad_set=change.is_ad_set)
    found = result_of(change, back)
    for pause in LOOKS:
        time.sleep(pause)
        history = read_history(client, change, began)
        entries = History(history.value if isinstance(history, Ok) else ())
        ours = entries.find_ours(change)
        if ours is not None:
            return finished(change, found, entries.overwritten(change, ours))
    return finished(change, {**found, "change_log": "not shown yet"}, "")


def result_of(change: Change, back: Answer[AdObject]) -> dict[str, Any]:
    """Return what is kept of a change that was made: what it set, and what was read afterwards."""
    found = {"object": change.object, "field": change.field, "value": change.new}
    if not isinstance(back, Ok):
        return found
    return {**found, "read_back": back.value.value_of(change.field), "read_back_at": now().isoformat()}


def finished(change: Change, found: Mapping[str, Any], warning: str) -> Outcome:
    """Return the outcome of a change that was made, with what approvers should know of it."""
    stands = STANDS if found.get("read_back", change.new) != change.new else ""
    return Outcome("succeeded", result=found, warning=" ".join(part for part in (warning, stands) if part))


def probe(idempotency_key: str, make: MakeChange) -> Outcome | None:
    """Return what became of a change whose answer was lost, None if it can't be told (outside calls).

    Ours in the change log, with that value: it was made. The old value, and a log that stayed silent past its delay:
    nothing was done. Everything else is for a person.
    """
    attempt = find_attempt(idempotency_key)
    if attempt is None or attempt.lost_at is None:
        return None
    change = make(attempt.facts)
    try:
        with selectors.connect(seconds=SECONDS) as client:
            history = read_history(client, change, attempt.began_at)
            fresh = client.get_object(change.object, is_ad_set=change.is_ad_set)
    except WalkerError:
        return None
    if not isinstance(history, Ok) or not isinstance(fresh, Ok):
        return None
    entries = History(history.value)
    ours = entries.find_ours(change)
    if ours is not None:
        found = {**result_of(change, fresh), "logged_at": ours.at.isoformat()}
        return finished(change, found, entries.overwritten(change, ours))
    is_silent = not entries.entries and now() - attempt.lost_at > SILENT
    if is_silent and fresh.value.value_of(change.field) == change.old:
        return Outcome("failed_clean", error="not_found: Meta's change log shows no such change.", retry=True)
    return None
