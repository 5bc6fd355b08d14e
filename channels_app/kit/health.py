"""How a channel account is doing: its last error in words, what waits and what failed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from channels_app.exchanges.log import MAILED, mails_of
from channels_app.kit.diagnosis import diagnosis_of
from channels_app.models import InboundDelivery, MailboxProgress, ProviderCall
from channels_app.webhooks.intake import refused_key
from conversations import registry
from conversations.models import ChannelAccount, DeliveryAttempt, Message
from conversations.selectors import get_channel_account
from conversations.types import Explanation
from core.actors import Actor
from core.clock import now as clock_now
from core.models import WebhookAttempt, WebhookDelivery
from core.reliability import loose_cache
from core.retention import made_before

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
    last_read_at: datetime | None
    """When a mailbox was last read to its end; None for accounts without one."""

    held: int
    """Webhooks that wait for the account to be resumed."""


def read_health(*, viewer: Actor, account_id: UUID, now: datetime | None = None) -> Health:
    """Return an account's health and last 24 hours. Needs `channels_app.view_channelaccount`; raises `NotFound`."""
    account = get_channel_account(viewer=viewer, account_id=account_id)
    moment = now or clock_now()
    tried, waiting = _tried(account, moment - LATELY), _waiting(account)
    came = InboundDelivery.objects.filter(channel_account=account_id).order_by("-id")
    last_received: datetime | None = came.values_list("received_at", flat=True).first()
    if account.provider == ChannelAccount.Provider.WIDGET:
        lately = _messages(account, Message.Direction.IN).filter(created_at__gte=moment - LATELY)
        last_received = lately.aggregate(last=Max("created_at"))["last"]
    progress = MailboxProgress.objects.filter(channel_account=account_id)
    last_read: datetime | None = progress.values_list("checked_at", flat=True).first()
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
        last_read_at=last_read,
        held=came.filter(state=InboundDelivery.State.HELD).count() if account.paused_at else 0,
    )


def _tried(account: ChannelAccount, since: datetime) -> dict[str, Any]:
    """Return how many attempts left and failed, and when the last one left."""
    if account.provider == ChannelAccount.Provider.WIDGET:
        # Shown at once, without attempts.
        shown = _messages(account, Message.Direction.OUT).filter(created_at__gte=since)
        return {**shown.aggregate(sent=Count("pk"), last=Max("created_at")), "failed": 0}
    if account.provider == ChannelAccount.Provider.APP:
        posted = WebhookAttempt.objects.filter(delivery__endpoint__ref=account.pk, started_at__gte=since)
        left = Q(error="", milliseconds__isnull=False)
        return posted.aggregate(
            sent=Count("pk", filter=left), failed=Count("pk", filter=~Q(error="")), last=Max("started_at", filter=left)
        )
    outcome = DeliveryAttempt.Outcome
    attempts = DeliveryAttempt.objects.filter(channel_account=account.pk, started_at__gte=since)
    # One that the provider took and reported as failed later has an error too.
    left = Q(outcome=outcome.SUCCEEDED, error="")
    failed = Q(outcome=outcome.FAILED) | Q(outcome=outcome.SUCCEEDED) & ~Q(error="")
    found = [
        attempts.aggregate(
            sent=Count("pk", filter=left), failed=Count("pk", filter=failed), last=Max("finished_at", filter=left)
        )
    ]
    calls = ProviderCall.objects.filter(channel_account=account.pk, started_at__gte=since)
    left, failed = Q(outcome=outcome.SUCCEEDED), Q(outcome=outcome.FAILED)
    found.append(
        calls.aggregate(
            sent=Count("pk", filter=left), failed=Count("pk", filter=failed), last=Max("started_at", filter=left)
        )
    )
    if account.kind == ChannelAccount.Kind.EMAIL:
        mails = mails_of(account).filter(~made_before(since), queued_at__gte=since)
        failed = Q(status__in=[status for status, said in MAILED.items() if said == "failed"])
        left = ~Q(status__in=list(MAILED))
        found.append(
            mails.aggregate(
                sent=Count("pk", filter=left), failed=Count("pk", filter=failed), last=Max("sent_at", filter=left)
            )
        )
    last = max((each["last"] for each in found if each["last"] is not None), default=None)
    return {"sent": sum(each["sent"] for each in found), "failed": sum(each["failed"] for each in found), "last": last}


def _messages(account: ChannelAccount, direction: str) -> QuerySet[Message]:
    """Return the messages of an account in one direction."""
    return Message.objects.filter(channel_account=account.pk, direction=direction)


def _waiting(account: ChannelAccount) -> dict[str, Any]:
    """Return how many messages, or webhooks to an app, are not sent yet, and since when."""
    queue = Message.objects.filter(
        channel_account=account.pk, status__in=(Message.Status.QUEUED, Message.Status.SENDING)
    )
    found = queue.aggregate(count=Count("pk"), oldest=Min("created_at"))
    if account.provider != ChannelAccount.Provider.APP:
        return found
    rows = WebhookDelivery.objects.filter(endpoint__ref=account.pk, state=WebhookDelivery.State.WAITING)
    posted = rows.aggregate(count=Count("pk"), oldest=Min("created_at"))
    oldest = min(filter(None, (found["oldest"], posted["oldest"])), default=None)
    return {"count": found["count"] + posted["count"], "oldest": oldest}


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
    said = diagnosis.explain(account.last_error) if diagnosis else None
    return said or registry.explain(account.kind, account.provider, account.last_error)


def refusal_of(account: ChannelAccount) -> str:
    """Return what to check because a webhook was refused in the last 24 hours, in words; "" if none was."""
    diagnosis = diagnosis_of(account)
    return diagnosis.refused if diagnosis and was_refused(account) else ""


def was_refused(account: ChannelAccount) -> bool:
    """Return True if a webhook with a wrong signature came in the last 24 hours."""
    return bool(loose_cache.find(refused_key(account.tenant_id, account.pk), what="refusal"))
