"""Update message statuses from providers and the customer's page, forward only."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from conversations import registry
from conversations.channel_accounts import templates
from conversations.inbox.states import locked
from conversations.models import Conversation, DeliveryAttempt, Message
from conversations.transitions import DELIVERED, FAILED, READ, SENDING, SENT, statuses_before
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Invalid, NotFound, Refused
from core.events import outbox, streams
from core.privacy.pii import mask_text

BACK_OFF: Final = (5, 30, 120, 600, 1800)
"""Seconds before each further attempt."""
OTHER: Final = "other"
_CODE: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")
REPORTABLE = frozenset({SENT, DELIVERED, READ, FAILED})


def record_status(
    *,
    actor: Actor,
    status: str,
    message_id: UUID | None = None,
    channel_account_id: UUID | None = None,
    channel_message_id: str = "",
    error: str = "",
    error_text: str = "",
    is_temporary: bool = False,
) -> bool:
    """Record a provider's report about a message; return True if it changed anything.

    Repeated and late reports change nothing, nor does a report about an attempt that has failed already. A failure that
    `is_temporary` is tried again with back-off, as often as one that the provider refuses at once. Name the message by
    our id, or by channel account and the provider's id. For channels (system actors). Raises `NotFound`, `Refused`,
    `Invalid`. Announces `message_failed` when the report is a failure.
    """
    if actor.kind != "system":
        raise Refused
    if status not in REPORTABLE:
        raise Invalid("This status isn't known.", fields={"status": ["unknown"]})
    with transaction.atomic():
        message = _locked_by(message_id, channel_account_id, channel_message_id)
        if message.status not in statuses_before(status):
            # A status only moves forward.
            return False
        attempts = DeliveryAttempt.objects.filter(message=message)
        if message.channel_message_id != channel_message_id and _is_superseded(attempts, channel_message_id):
            return False
        words = {"error_text": mask_text(error_text)[:200]} if error_text else {}
        if status == FAILED and is_temporary and _try_later(message, attempts, error, words, channel_message_id):
            return True
        if not advance(message, status, error=error):
            return False
        if status == FAILED:
            last = attempts.order_by("-number").values("pk")[:1]
            attempts.filter(pk__in=last).update(error=error[:200], permanent=True, **words)
            note_template(attempts.order_by("-number").first(), error)
        return True


def note_template(attempt: DeliveryAttempt | None, code: str) -> None:
    """Change the template of a failed attempt if its code says what became of it."""
    if attempt is None or attempt.template_id is None or attempt.channel_account is None:
        return
    account = attempt.channel_account
    state = registry.template_states(account.kind, account.provider).get(code)
    if state:
        templates.note_refused(template_id=attempt.template_id, state=state)


def _is_superseded(attempts: QuerySet[DeliveryAttempt], sid: str) -> bool:
    """Return True for the id of an attempt that failed, unless a later one went on."""
    if not sid:
        return False
    outcomes = set(attempts.filter(provider_id=sid).values_list("outcome", flat=True))
    return DeliveryAttempt.Outcome.FAILED in outcomes and DeliveryAttempt.Outcome.SUCCEEDED not in outcomes


def _try_later(
    message: Message, attempts: QuerySet[DeliveryAttempt], code: str, words: Mapping[str, str], sid: str
) -> bool:
    """Queue a message again that its provider couldn't deliver; False after the last."""
    moment = clock_now()
    last = attempts.select_for_update().order_by("-number").first()
    if last is None or last.number > len(BACK_OFF) or message.status not in statuses_before(FAILED):
        return False
    last.outcome, last.error = DeliveryAttempt.Outcome.FAILED, code[:200]
    last.provider_id, last.finished_at = last.provider_id or sid[:200], last.finished_at or moment
    last.error_text = words.get("error_text", last.error_text)
    last.save(update_fields=["outcome", "error", "error_text", "provider_id", "finished_at"])
    put_back(message, SENDING, moment + timedelta(seconds=BACK_OFF[last.number - 1]))
    return True


def put_back(message: Message, status: str, due: datetime) -> None:
    """Make a locked message due for another attempt, and publish that.

    One that is sending keeps its place before later messages; one that is queued for later lets them go first.
    """
    message.status, message.next_attempt_at, message.channel_message_id = status, due, ""
    message.save(update_fields=["status", "next_attempt_at", "channel_message_id"])
    payload = {"id": str(message.pk), "status": status}
    streams.append(f"conversation:{message.conversation_id}", "message_status", payload)


def _locked_by(message_id: UUID | None, channel_account_id: UUID | None, channel_message_id: str) -> Message:
    rows = Message.objects.select_for_update().filter(direction=Message.Direction.OUT)
    rows = rows.only("id", "conversation_id", "status", "channel_message_id", "channel_account_id")
    if message_id is not None:
        found = rows.filter(pk=message_id).first()
    elif channel_account_id is not None and channel_message_id:
        found = rows.filter(channel_account_id=channel_account_id, channel_message_id=channel_message_id).first()
    else:
        found = None
    if found is None:
        raise NotFound("There is no such message.")
    message: Message = found
    return message


def advance(
    message: Message,
    status: str,
    *,
    error: str = "",
    provider_id: str = "",
    sent_at: datetime | None = None,
    also: Sequence[streams.NewEvent] = (),
) -> bool:
    """Move a message's status forward and publish it, with what else happened.

    Returns False if it is already there or further.
    """
    changes: dict[str, object] = {"status": status, "next_attempt_at": None}
    if provider_id:
        changes["channel_message_id"] = provider_id
    if sent_at:
        changes["sent_at"] = sent_at
    rows = Message.objects.filter(pk=message.pk, status__in=statuses_before(status))
    if not rows.update(**changes):
        return False
    payload = {"id": str(message.pk), "status": status}
    counted = {"channel": str(message.channel_account_id)}
    stream = f"conversation:{message.conversation_id}"
    events = [streams.NewEvent(stream, "message_status", {**payload, streams.COUNTED: counted}), *also]
    if status == FAILED:
        facts = {**payload, "error": error, streams.COUNTED: {**counted, "code": code_of(error)}}
        events.append(streams.NewEvent(f"conversation-staff:{message.conversation_id}", "message_failed", facts))
        outbox.announce("message_failed", ref=message.pk, conversation=str(message.conversation_id))
    streams.append_all(events)
    return True


def code_of(error: str) -> str:
    """Return an error as figures count it: what is no code is one of the others."""
    return error if not error or _CODE.fullmatch(error) else OTHER


def mark_read(*, actor: Actor, conversation_id: UUID, seq: int) -> int:
    """Mark everything up to a number of the stream as read by the customer.

    Return how many messages.
    For the customer's own page (contact or system actors). Raises `NotFound`, `Refused`.
    """
    if actor.kind not in ("contact", "system"):
        raise Refused
    with transaction.atomic():
        conversation: Conversation = locked(conversation_id, actor=actor)
        rows = Message.objects.filter(
            conversation=conversation, direction=Message.Direction.OUT, seq__lte=seq, status__in=(SENT, DELIVERED)
        )
        count = rows.update(status=READ)
        if count:
            payload = {"up_to": seq, "status": READ}
            streams.append(conversation.stream, "message_status", payload)
    return count
