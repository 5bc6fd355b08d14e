"""Keep one row about each call of a provider that sends no message of a conversation: those have their attempts."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db import DatabaseError
from django.db.models import Q

from channels_app.models import ProviderCall
from conversations.models import ChannelAccount
from conversations.texts import clean
from core import retention
from core.clock import now as clock_now
from core.observability.logging import get_logger
from integrations.outcomes import Failed, Sent, Unknown
from integrations.slack.types import Done

log = get_logger(__name__)
KEPT: Final = timedelta(days=30)
TEST: Final = "test"
Result = TypeVar("Result", bound=Done | Sent | Failed | Unknown)


def make(account: ChannelAccount, what: str, call: Callable[[], Result]) -> Result:
    """Make a call, keep how it ended, and return that. An outside call, so never inside a transaction."""
    started, began = clock_now(), time.monotonic()
    outcome = call()
    ended = ProviderCall.Outcome.SUCCEEDED
    if isinstance(outcome, Failed):
        ended = ProviderCall.Outcome.FAILED
    elif isinstance(outcome, Unknown):
        ended = ProviderCall.Outcome.UNKNOWN
    try:
        ProviderCall.objects.create(
            channel_account=account,
            what=what[:40],
            started_at=started,
            outcome=ended,
            http_status=getattr(outcome, "status", None),
            code=clean(str(getattr(outcome, "code", "")))[:80],
            milliseconds=round((time.monotonic() - began) * 1000),
        )
    except DatabaseError:
        # The call is made: its caller must hear how it ended, or would make it again.
        log.warning("provider_call_not_kept", account=str(account.pk), exc_info=True)
    return outcome


def forget(*, now: datetime | None = None, limit: int = retention.BATCH) -> int:
    """Delete the rows older than 30 days, batch by batch, and return how many. For the sweep."""
    before, removed = (now or clock_now()) - KEPT, 0
    old = retention.made_before(before) & Q(started_at__lt=before)
    while batch := retention.remove(ProviderCall, old, limit=limit):
        removed += batch
    return removed
