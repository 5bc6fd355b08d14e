"""Deliver queued messages through their transport: claim, attempt, outcome; a retry is a new attempt."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from conversations import registry
from conversations.channel_accounts.templates import fill_template
from conversations.events.event_types import PROVIDER_CALLED
from conversations.messages import reach
from conversations.messages.parts import LEASE
from conversations.messages.statuses import BACK_OFF, advance, code_of, note_template
from conversations.models import ChannelAccount, DeliveryAttempt, Message
from conversations.texts import SENT_AS
from conversations.transitions import FAILED, QUEUED, SENDING, SENT, UNDELIVERED
from conversations.types import ContentType, OutboundMessage, OutboundTemplate, PointKind, SenderIdentity, SendResult
from core.catalogue import as_code
from core.clock import now as clock_now
from core.errors import NotFound
from core.events import streams
from core.jobs import queues
from core.jobs.decorators import afterwards
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
from core.reach.verdict import Verdict
from core.tenancy.scope import current_tenant_id

log = get_logger(__name__)

ATTEMPTS: Final = len(BACK_OFF) + 1
AT_HOME: Final = frozenset({ChannelAccount.Provider.WIDGET, ChannelAccount.Provider.APP})
"""Providers that nothing is asked of when a message is sent: the chat reads it, the app gets a webhook later."""
ENDED: Final = ("outcome", "finished_at", "provider_id", "error", "error_text", "http_status", "permanent")


def wake_after_commit(message: Message) -> None:
    """Deliver after the commit, following the current task if there is one; the sweep finds the row anyway."""
    tenant_id, message_id = current_tenant_id(), message.pk

    def wake() -> None:
        if not afterwards(partial(deliver, message_id=message_id)):
            queues.enqueue("deliver_message", tenant_id, message_id)

    transaction.on_commit(wake, robust=True)


def deliver(*, message_id: UUID, now: datetime | None = None) -> str:
    """Attempt once to send a message and return its status; for the worker.

    One claim at a time wins; a message waits until the earlier ones of its conversation are sent, failed or
    postponed by the gate, which is asked right before the transport. A permanent failure, or the last of
    `ATTEMPTS`, is final and announces `message_failed`. An attempt that was cut off is repeated after `LEASE`:
    delivery is at least once, not exactly once.
    """
    moment = now or clock_now()
    attempt = _claim(message_id, moment)
    if attempt is None:
        return ""
    result = _send(attempt, moment)
    if isinstance(result, Verdict):
        return _postpone(attempt, result, moment)
    return _record_outcome(attempt, result, now or clock_now())


@transaction.atomic
def _claim(message_id: UUID, moment: datetime) -> DeliveryAttempt | None:
    """Claim a due message, end an attempt that was cut off and open the next. Returns None if it has to wait."""
    earlier = _in_line(moment).filter(conversation_id=OuterRef("conversation_id"), seq__lt=OuterRef("seq"))
    paused = ChannelAccount.objects.filter(pk=OuterRef("channel_account_id"), paused_at__isnull=False)
    due = Message.objects.filter(
        ~Exists(earlier), ~Exists(paused), pk=message_id, status__in=UNDELIVERED, next_attempt_at__lte=moment
    )
    if due.update(status=SENDING, retry_count=F("retry_count") + 1, next_attempt_at=moment + LEASE) != 1:
        return None
    cut_off = DeliveryAttempt.objects.filter(message_id=message_id, outcome=DeliveryAttempt.Outcome.OPEN)
    cut_off.update(outcome=DeliveryAttempt.Outcome.UNKNOWN, finished_at=moment, error="cut_off")
    number, account_id = Message.objects.values_list("retry_count", "channel_account_id").get(pk=message_id)
    attempt: DeliveryAttempt = DeliveryAttempt.objects.create(
        message_id=message_id, channel_account_id=account_id, number=number, started_at=moment
    )
    return attempt


def _in_line(moment: datetime) -> QuerySet[Message]:
    """Return the messages that later ones wait for: those to be sent, without those that the gate postponed."""
    rows: QuerySet[Message] = Message.objects.filter(direction=Message.Direction.OUT, status__in=UNDELIVERED)
    return rows.exclude(status=QUEUED, next_attempt_at__gt=moment)


def _send(attempt: DeliveryAttempt, moment: datetime) -> SendResult | Verdict:
    """Ask the gate, then the transport, in no transaction; return a verdict that waits. Exceptions are temporary."""
    # The conversation is read separately: joined, PostgreSQL sometimes scans the list index for it.
    message = Message.objects.select_related("channel_account").get(pk=attempt.message_id)
    account = attempt.channel_account = message.channel_account
    began: float | None = None
    try:
        transport = registry.transport_for(account.kind, account.provider)
        way = reach.find_way(message, account, message.conversation, moment)
        if way.verdict.kind == "wait":
            return way.verdict
        if way.point is None or not way.verdict.may_leave:
            return SendResult(ok=False, error=way.verdict.reason, permanent=True)
        recipient = SenderIdentity(
            kind=cast("PointKind", way.point.kind), value=way.point.value, verified=way.point.is_verified
        )
        text = registry.text_to_send(message)
        template: OutboundTemplate | None = None
        if way.verdict.kind == "as_template":
            filled = fill_template(account, text, message.metadata, message.conversation.contact.language)
            if isinstance(filled, str):
                # Refused here, before any call: nothing outside would accept it.
                return SendResult(ok=False, error=filled, permanent=True)
            # Before the call: a report that the template was refused may come before the answer.
            DeliveryAttempt.objects.filter(pk=attempt.pk).update(template_id=filled.template_id)
            attempt.template_id = filled.template_id
            template = filled
        _keep_words(message, template)
        outbound = OutboundMessage(
            message_id=message.pk,
            conversation_id=message.conversation_id,
            channel_account_id=account.pk,
            from_address=account.address,
            credentials=account.credentials,
            recipient=recipient,
            text=text,
            content_type=cast("ContentType", message.content_type),
            media=tuple(message.media),
            metadata=message.metadata,
            attempt=attempt.number,
            template=template,
        )
        began = time.monotonic()
        return replace(transport().send(outbound), milliseconds=_since(began))
    except NotFound as missing:
        return SendResult(ok=False, error=missing.code)
    except Exception as problem:  # noqa: BLE001  (task boundary: a provider's fault is an outcome)
        log.warning("delivery_raised", message_id=str(message.pk), problem=type(problem).__name__)
        took = None if began is None else _since(began)
        return SendResult(ok=False, error=type(problem).__name__, milliseconds=took)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


@transaction.atomic
def _keep_words(message: Message, template: OutboundTemplate | None) -> None:
    """Keep the words of the template that a message goes out as, for the transcript; the template may change."""
    words = template.body if template and template.values else ""
    if words == message.metadata.get(SENT_AS, ""):
        return
    # Read again under the lock: an erasure may have emptied it.
    row = Message.objects.select_for_update().only("tenant_id", "metadata").get(pk=message.pk)
    if row.metadata == message.metadata:
        rest = {key: value for key, value in message.metadata.items() if key != SENT_AS}
        row.metadata = message.metadata = {**rest, SENT_AS: words} if words else rest
        row.save(update_fields=["metadata"])


@transaction.atomic
def _postpone(attempt: DeliveryAttempt, verdict: Verdict, moment: datetime) -> str:
    """Queue a claimed message again for later: nothing was attempted, and the messages after it go first."""
    held = Message.objects.filter(pk=attempt.message_id, status=SENDING, retry_count=attempt.number)
    if not held.update(status=QUEUED, retry_count=F("retry_count") - 1, next_attempt_at=verdict.until):
        return ""
    attempt.delete()
    conversation_id = Message.objects.values_list("conversation_id", flat=True).get(pk=attempt.message_id)
    following = _next_in_line(conversation_id, moment)
    if following is not None:
        wake_after_commit(following)
    return QUEUED


def _record_outcome(attempt: DeliveryAttempt, result: SendResult, moment: datetime) -> str:
    is_last = attempt.number >= ATTEMPTS
    with transaction.atomic():
        # Lock the message before its attempt, as `_claim` does.
        columns = ("id", "conversation_id", "channel_account_id", "status", "retry_count")
        message = Message.objects.select_for_update().only(*columns).get(pk=attempt.message_id)
        ended: str = message.status
        calls = _calls(attempt, message, result)
        outcome = DeliveryAttempt.Outcome
        if result.ok and DeliveryAttempt.objects.filter(pk=attempt.pk, outcome=outcome.FAILED).exists():
            # The provider reported that it won't deliver it now, before we had its answer: it is queued again.
            return ended
        attempt.outcome = outcome.SUCCEEDED if result.ok else outcome.FAILED
        attempt.finished_at = moment
        attempt.error_text, attempt.http_status = mask_text(result.error_text)[:200], result.http_status
        attempt.provider_id = result.provider_id[:200]
        attempt.error = result.error[:200]
        attempt.permanent = result.permanent
        attempt.save(update_fields=ENDED)
        if message.retry_count != attempt.number:
            # The lease expired and a later attempt has the message; only a success still counts.
            if result.ok and advance(message, SENT, provider_id=result.provider_id, also=calls):
                ended, calls = SENT, []
        elif result.ok:
            if advance(message, SENT, provider_id=result.provider_id, sent_at=moment, also=calls):
                ended, calls = SENT, []
            else:
                Message.objects.filter(pk=message.pk).update(sent_at=moment)
        elif result.permanent or is_last:
            if advance(message, FAILED, error=result.error, also=calls):
                ended, calls = FAILED, []
            note_template(attempt, result.error)
        else:
            wait = timedelta(seconds=result.retry_after or BACK_OFF[attempt.number - 1])
            Message.objects.filter(pk=message.pk, status=SENDING).update(next_attempt_at=moment + wait)
        following = _next_in_line(message.conversation_id, moment)
        if following is not None and following.pk != message.pk:
            wake_after_commit(following)
        streams.append_all(calls)
    return ended


def _calls(attempt: DeliveryAttempt, message: Message, result: SendResult) -> list[streams.NewEvent]:
    """Return the event of the call that an attempt made, if it made one to a provider outside."""
    account = attempt.channel_account
    if result.milliseconds is None or account is None or account.provider in AT_HOME:
        return []
    payload = {
        "call": "send_message",
        "provider": as_code(account.provider),
        "channel": str(account.pk),
        "is_ok": result.ok,
        "code": code_of(result.error),
        "status": result.http_status,
        "milliseconds": result.milliseconds,
    }
    return [streams.NewEvent(f"conversation-staff:{message.conversation_id}", PROVIDER_CALLED, payload)]


def _next_in_line(conversation_id: UUID, moment: datetime) -> Message | None:
    """Return the oldest message of a conversation that is to be sent."""
    waiting = _in_line(moment).filter(conversation_id=conversation_id)
    return waiting.only("id", "conversation_id").order_by("seq").first()
