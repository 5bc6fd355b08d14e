"""Send the canned replies that triage rules decided: once, by the usual way, as automatic texts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from conversations.events import stream_events
from conversations.inbox import states
from conversations.messages import outbound
from conversations.messages.files.rules import Upload
from conversations.messages.outbound import Draft, Sender, is_newest_automatic
from conversations.models import CannedReply, Conversation, Message, Triage
from conversations.replies import canned_files, canned_replies
from conversations.transitions import PERSON
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, Refused
from core.observability.logging import get_logger
from core.reach.gate import NotReachable
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
GRACE: Final = timedelta(seconds=5)
LEASE: Final = timedelta(seconds=90)
TOO_LATE: Final = timedelta(hours=1)
"""After this the text would surprise more than it helps."""
BATCH: Final = 200


def send_triage_reply(*, actor: Actor, triage_id: UUID, now: datetime | None = None) -> bool:
    """Send the canned reply of the rule that sorted a conversation.

    Returns whether it was sent. It goes the usual way, and is no answer: clocks go on. Not where a program wrote last,
    a person has answered meanwhile, the conversation no longer waits for one, or an hour has passed. A rule answers a
    conversation once. Safe to repeat; call it outside any transaction. For the system. Raises `Refused`, and
    `Unavailable` if a file can't be read now: the sweep tries it again. Writes `TRIAGE_REPLY_SENT`.
    """
    if actor.kind != "system":
        raise Refused
    moment = now or clock_now()
    triage = _claimed(triage_id, moment)
    if triage is None:
        return False
    conversation, reply = triage.conversation, triage.reply
    if reply is None or not _is_wanted(triage, conversation, moment):
        _settle(triage)
        return False
    try:
        message = _send(actor, triage, conversation, reply)
    except (NotReachable, Invalid) as refusal:
        # Neither changes by itself: no window is open, or nothing is left of the text without a name.
        log.info("triage_reply_not_sent", triage=str(triage.pk), code=refusal.code)
        _settle(triage)
        return False
    with transaction.atomic():
        _settle(triage)
        conversation = states.locked(conversation.pk, actor=actor)
        facts = {"rule": str(triage.rule_id), "reply": str(reply.pk), "message": str(message.pk)}
        stream_events.record(actor, "TRIAGE_REPLY_SENT", conversation, old_state=conversation.state, **facts)
    return True


def list_triage_replies_due(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return tenant and id of decisions whose reply is due: a task was lost."""
    with platform_scope():
        rows = Triage.objects.filter(reply_due_at__lte=(now or clock_now()) - GRACE)
        return list(rows.order_by("reply_due_at").values_list("tenant_id", "pk")[:BATCH])


def _claimed(triage_id: UUID, moment: datetime) -> Triage | None:
    """Return a decision whose reply nobody else is sending; None for one that is done or taken."""
    due = Triage.objects.filter(pk=triage_id, reply_due_at__lte=moment)
    if not due.update(reply_due_at=moment + LEASE):
        return None
    rows = Triage.objects.select_related("conversation__contact", "conversation__channel_account", "reply")
    found: Triage = rows.get(pk=triage_id)
    return found


def _is_wanted(triage: Triage, conversation: Conversation, moment: datetime) -> bool:
    if conversation.state != PERSON or moment > triage.created_at + TOO_LATE:
        return False
    if is_newest_automatic(conversation):
        return False
    messages = Message.objects.filter(conversation=conversation, direction=Message.Direction.OUT)
    if messages.filter(client_id=triage.reply_key, created_at__lt=triage.created_at).exists():
        return False  # when it was sorted before
    return not messages.filter(sender_type=Message.Sender.PERSON, created_at__gte=triage.created_at).exists()


def _send(actor: Actor, triage: Triage, conversation: Conversation, reply: CannedReply) -> Message:
    """Send the text in the customer's language, with the files that the channel carries."""
    chosen = canned_replies.text_for(reply=reply, conversation=conversation)
    text = canned_replies.fill_variables(actor=actor, conversation_id=conversation.pk, text=chosen.text).strip()
    files: Sequence[Upload] = ()
    if outbound.files_of_channel(conversation.channel_account).sizes:
        files = canned_files.uploads_of_reply(reply)

    def sent(uploads: Sequence[Upload]) -> Message:
        return outbound.reply(
            actor=actor,
            conversation_id=conversation.pk,
            draft=Draft(
                text=text, files=uploads, client_id=triage.reply_key, sender=Sender(type="system", name="walker")
            ),
        )

    try:
        return sent(files)
    except (Conflict, Invalid):
        if not files:
            raise
        # This channel can't carry one of them, or the organisation may store no more: the words still help.
        return sent(())


def _settle(triage: Triage) -> None:
    Triage.objects.filter(pk=triage.pk).update(reply_due_at=None)
