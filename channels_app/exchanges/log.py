"""What went in and out at a provider lately, without contents: deliveries, attempts, `ProviderCall` and emails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from channels_app.exchanges.calls import KEPT
from channels_app.models import InboundDelivery, ProviderCall
from conversations.models import ChannelAccount, DeliveryAttempt
from conversations.selectors import get_channel_account
from core.actors import Actor
from core.clock import now as clock_now
from core.models import WebhookAttempt
from core.rest.pagination import cursor_at, unknown_cursor, value_of
from core.retention import made_before
from integrations.mail import events as mail_events
from integrations.mail.retention import CONTENT
from integrations.models import MailDelivery

Row = TypeVar("Row", bound=Model)
PAGE: Final = 50
MOST: Final = 200
BY_IMAP: Final = "imap"
"""The door of an email that was fetched, where others were posted."""
MAIL_ANSWERS: Final = "conversation"
"""The type of emails that answer in a conversation: each has an attempt of its message."""
_Status: Final = MailDelivery.Status
MAILED: Final[dict[str, str]] = {
    _Status.QUEUED: "failed",  # an attempt failed, and another follows
    _Status.SENDING: "open",
    _Status.UNKNOWN: "unknown",
    **dict.fromkeys((_Status.FAILED, _Status.DROPPED, _Status.BOUNCED), "failed"),
}
"""The outcome of an email by its status; any other was sent."""
WORDS: Final = {
    "received": "Waiting",
    "held": "Held by the pause",
    "done": "Processed",
    "parked": "Couldn't be processed",
    "open": "Under way",
    "succeeded": "Sent",
    "failed": "Failed",
    "unknown": "Interrupted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One exchange: its direction, time, outcome, HTTP status and code; `text` is what the provider said, masked."""

    id: UUID
    at: datetime
    outcome: str
    http_status: int | None
    code: str
    milliseconds: int | None
    direction: str = "out"
    text: str = ""
    message: UUID | None = None
    what: str = ""
    """What was sent, where it is no message of a conversation: a method, a notice, a code, a type of email."""

    @property
    def words(self) -> str:
        """Return the outcome as the console shows it."""
        return WORDS.get(self.outcome, self.outcome)


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """One page, newest first; `cursor` gets the next one ("" at the end)."""

    rows: Sequence[Exchange]
    cursor: str


def list_exchanges(
    *, viewer: Actor, account_id: UUID, cursor: str = "", limit: int = PAGE, now: datetime | None = None
) -> ExchangePage:
    """Return 30 days' exchanges. Needs `channels_app.view_channelaccount`; raises `NotFound`, `Invalid`."""
    account = get_channel_account(viewer=viewer, account_id=account_id)
    since = (now or clock_now()) - KEPT
    try:
        older = Q(id__lt=UUID(value_of(cursor))) if cursor else Q()
    except ValueError:
        raise unknown_cursor() from None
    size = max(1, min(limit, MOST))

    def newest(rows: QuerySet[Row], read: Callable[[Row], Exchange]) -> list[Exchange]:
        return [read(row) for row in rows.filter(older).order_by("-id")[: size + 1]]

    lately = {"channel_account": account_id, "started_at__gte": since}
    came = InboundDelivery.objects.filter(channel_account=account_id, received_at__gte=since)
    rows = newest(came.defer("body"), _received)
    if account.provider == ChannelAccount.Provider.APP:
        # An attempt of ours only hands the message to the webhooks.
        posted = WebhookAttempt.objects.filter(delivery__endpoint__ref=account_id, started_at__gte=since)
        rows += newest(posted.select_related("delivery").defer("delivery__body"), _posted)
    else:
        rows += newest(DeliveryAttempt.objects.filter(**lately), _sent)
        rows += newest(ProviderCall.objects.filter(**lately), _called)
    if account.kind == ChannelAccount.Kind.EMAIL:
        mails = mails_of(account).filter(~made_before(since), queued_at__gte=since)
        rows += newest(mails.defer(*CONTENT), _mailed)
    rows.sort(key=lambda row: row.id, reverse=True)
    page = rows[:size]
    return ExchangePage(page, cursor_at(page[-1].id) if len(rows) > size else "")


def _received(row: InboundDelivery) -> Exchange:
    # The status that the provider got for a stored webhook; a mailbox is read, and gets none.
    answered = None if row.headers.get("door") == BY_IMAP else 202 if row.provider == "app" else 200
    took = _milliseconds(row.received_at, row.done_at)
    return Exchange(
        id=row.pk, at=row.received_at, outcome=row.state, http_status=answered, code=row.error, milliseconds=took,
        direction="in", message=row.target,
    )  # fmt: skip


def _posted(row: WebhookAttempt) -> Exchange:
    outcome = "open" if row.milliseconds is None else "failed" if row.error else "succeeded"
    return Exchange(
        id=row.pk, at=row.started_at, outcome=outcome, http_status=row.status, code=row.error,
        milliseconds=row.milliseconds, message=row.delivery.ref,
    )  # fmt: skip


def _sent(row: DeliveryAttempt) -> Exchange:
    # One that the provider took may be reported as failed later.
    outcome = "failed" if row.error and row.outcome == DeliveryAttempt.Outcome.SUCCEEDED else row.outcome
    took = _milliseconds(row.started_at, row.finished_at)
    return Exchange(
        id=row.pk, at=row.started_at, outcome=outcome, http_status=row.http_status, code=row.error,
        milliseconds=took, text=row.error_text, message=row.message_id,
    )  # fmt: skip


def _called(row: ProviderCall) -> Exchange:
    return Exchange(
        id=row.pk, at=row.started_at, outcome=row.outcome, http_status=row.http_status, code=row.code,
        milliseconds=row.milliseconds, what=row.what,
    )  # fmt: skip


def _mailed(row: MailDelivery) -> Exchange:
    at, outcome = row.handed_at or row.queued_at, MAILED.get(row.status, "succeeded")
    took = _milliseconds(row.handed_at, row.sent_at) if row.handed_at else None
    return Exchange(
        id=row.pk, at=at, outcome=outcome, http_status=row.http_status, code=row.error, milliseconds=took,
        what=row.type,
    )  # fmt: skip


def mails_of(account: ChannelAccount) -> QuerySet[MailDelivery]:
    """Return the emails that this account was asked to send, without answers: those are attempts.

    The organisation has one account at SendGrid, and all but the installation's own emails leave through it.
    """
    rows: QuerySet[MailDelivery] = MailDelivery.objects.filter(attempts__gt=0)
    if account.provider != ChannelAccount.Provider.SENDGRID:
        return rows.filter(type="test", ref=account.pk)
    return rows.filter(provider=account.provider).exclude(type__in=(MAIL_ANSWERS, *mail_events.list_of_installation()))


def _milliseconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else max(0, round((end - start).total_seconds() * 1000))
