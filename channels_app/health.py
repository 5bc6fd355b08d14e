"""How a channel account is doing: its last error in words, what waits and what failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q
from redis.exceptions import RedisError

from channels_app.diagnosis import diagnosis_of
from channels_app.models import InboundDelivery
from channels_app.webhooks.intake import refused_key
from conversations.models import ChannelAccount, DeliveryAttempt, Message
from conversations.selectors import get_channel_account
from conversations.types import Explanation, explain_common
from core.actors import Actor
from core.clock import now as clock_now
from core.observability.logging import get_logger

log = get_logger(__name__)
LATELY: Final = timedelta(hours=24)
SLOW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one account; `state` is closed, paused, error, slow or good, the first that applies."""

    state: str
    paused_at: datetime | None
    pause_reason: str
    error_code: str
    error: Explanation | None
    error_at: datetime | None
    refused_webhooks: bool
    waiting: int
    oldest_waiting_at: datetime | None
    sent: int
    failed: int
    last_sent_at: datetime | None
    last_received_at: datetime | None


def read_health(*, viewer: Actor, account_id: UUID, now: datetime | None = None) -> Health:
    """Return the health of a channel account; what was sent and failed is of the last 24 hours.

    Needs `channels_app.view_channelaccount`; raises `NotFound`. Four queries.
    """
    account = get_channel_account(viewer=viewer, account_id=account_id)
    moment = now or clock_now()
    attempts = DeliveryAttempt.objects.filter(channel_account=account_id, started_at__gte=moment - LATELY)
    outcome = DeliveryAttempt.Outcome
    tried = attempts.aggregate(
        sent=Count("pk", filter=Q(outcome=outcome.SUCCEEDED)),
        failed=Count("pk", filter=Q(outcome=outcome.FAILED)),
        last=Max("finished_at", filter=Q(outcome=outcome.SUCCEEDED)),
    )
    queue = Message.objects.filter(
        channel_account=account_id, status__in=(Message.Status.QUEUED, Message.Status.SENDING)
    )
    waiting = queue.aggregate(count=Count("pk"), oldest=Min("created_at"))
    came = InboundDelivery.objects.filter(channel_account=account_id).order_by("-id")
    last_received: datetime | None = came.values_list("received_at", flat=True).first()
    refused = was_refused(account)
    oldest: datetime | None = waiting["oldest"]
    return Health(
        state=_state_of(account, is_slow=oldest is not None and moment - oldest > SLOW, was_refused=refused),
        paused_at=account.paused_at,
        pause_reason=account.pause_reason,
        error_code=account.last_error,
        error=error_of(account),
        error_at=account.last_error_at,
        refused_webhooks=refused,
        waiting=waiting["count"],
        oldest_waiting_at=oldest,
        sent=tried["sent"],
        failed=tried["failed"],
        last_sent_at=tried["last"],
        last_received_at=last_received,
    )


def _state_of(account: ChannelAccount, *, is_slow: bool, was_refused: bool) -> str:
    if not account.is_active:
        return "closed"
    if account.paused_at is not None:
        return "paused"
    if account.last_error or was_refused:
        return "error"
    return "slow" if is_slow else "good"


def error_of(account: ChannelAccount) -> Explanation | None:
    """Return the last error of an account in words, or None."""
    if not account.last_error:
        return None
    diagnosis = diagnosis_of(account)
    return diagnosis.explain(account.last_error) if diagnosis else explain_common(account.last_error)


def was_refused(account: ChannelAccount) -> bool:
    """Return True if a webhook with a wrong signature came in the last 24 hours."""
    try:
        return bool(cache.get(refused_key(account.tenant_id, account.pk)))
    except (RedisError, OSError):
        log.warning("refusal_not_read")
        return False
