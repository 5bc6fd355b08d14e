"""Receive a stored email: into its thread or a new conversation, answered only if a person wrote it."""

import json
from datetime import timedelta
from typing import Any, Final

from django.conf import settings

from channels_app.email import threads
from channels_app.email.mailboxes import checked_by, inbox_of
from channels_app.mime import mails, senders
from channels_app.mime.mails import Mail
from channels_app.models import InboundDelivery
from channels_app.webhooks.deliveries import stored_as
from conversations import services
from conversations.models import Attachment, ChannelAccount, ContactPoint, Message
from conversations.services.transports import point_index
from conversations.texts import METADATA_LIMIT
from conversations.types import ContentType, InboundMedia, InboundMessage, SenderIdentity
from core.actors import system
from core.clock import now
from core.errors import Invalid, NotFound
from core.observability.logging import get_logger
from core.observability.metrics import counter
from integrations.media import LIMIT, FetchFailure, MediaFile, is_wanted

log = get_logger(__name__)
ACTOR: Final = system("email")
RECEIVED = counter("walker_mail_received_total", "Emails that arrived, by what became of them.", ["outcome"])
# Where the bytes of a file are: the delivery, and the number of its part or this word for the whole text.
SOURCE: Final = "mail:{delivery}:{part}"
WHOLE_TEXT: Final = "text"
FAMILIES: Final[dict[str, ContentType]] = {"image": "image", "video": "video", "audio": "audio"}
QUOTE_LIMIT: Final = 8_000
ADDRESSES_SHOWN: Final = 10
# After so many answers of agents to one address within this time, its next email waits for a person.
LOOP_ANSWERS: Final = 10
LOOP_WITHIN: Final = timedelta(hours=1)


def receive_delivery(delivery: InboundDelivery) -> None:
    """Process one stored email in its tenant's scope; safe to repeat."""
    RECEIVED.labels(_receive(delivery)).inc()


def _receive(delivery: InboundDelivery) -> str:
    account = ChannelAccount.objects.get(pk=delivery.channel_account_id)
    inbox = inbox_of(account)
    mail = mails.read(delivery.body.encode("latin-1"))
    proof = senders.proof_of_headers(mail.headers, checked_by(account, delivery.headers.get("door", "")))
    sender = senders.find_sender(mail.headers, proof, inbox.own)
    if sender is None:
        raise Invalid("This email has no sender.", code="no_sender")
    copied = threads.own_ids(mail.message_id)  # one of our own emails that came back, as a copy or by a list
    is_a_copy = bool(copied) and Message.objects.filter(pk__in=copied, channel_account=account).exists()
    if is_a_copy or sender.address.address.lower() in inbox.own:
        return "own"
    automatic: str = senders.why_automatic(mail.headers, mail.parts, sender.address.address)
    if automatic == "bounce" and _note_bounce(mail, account):
        return "bounce"
    address = sender.address.address
    thread = threads.find_thread(mail, tenant_id=delivery.tenant_id, account_id=account.pk, sender=address)
    if not automatic and _is_a_loop(address, account):
        automatic = "loop"
    facts = _facts(mail, automatic)
    text, media = _content(mail, delivery, is_new=thread is None, is_whole=facts["quoted"] == mail.quoted)
    if not text and not media:
        return "empty"
    services.receive(
        actor=ACTOR,
        inbound=InboundMessage(
            channel_account_id=account.pk,
            sender=SenderIdentity("email", address, verified=sender.is_verified, display_name=sender.address.name),
            text=text,
            content_type="text" if text else FAMILIES.get(media[0].content_type.partition("/")[0], "document"),
            external_id=delivery.event_key,
            media=media,
            metadata={"mail": facts},
            wants_answer=not automatic,
            # A new thread is named for its first email, so that a repeat opens no second.
            thread=thread.thread if thread is not None else delivery.event_key,
            **stored_as(delivery),
        ),
    )
    return automatic or "received"


def _is_a_loop(sender: str, account: ChannelAccount) -> bool:
    """Return True if agents wrote so many answers to an address lately that a program must be answering them."""
    owners = ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, value_index=point_index("email", sender))
    answers = Message.objects.filter(
        channel_account=account,
        conversation__contact_id__in=owners.values("contact_id"),
        direction=Message.Direction.OUT,
        created_at__gt=now() - LOOP_WITHIN,
    ).exclude(sender_type=Message.Sender.PERSON)
    if answers.count() < LOOP_ANSWERS:
        return False
    log.warning("mail_loop_ended", account=str(account.pk))
    return True


def _note_bounce(mail: Mail, account: ChannelAccount) -> bool:
    """Mark the message that a bounce is about as failed; False if it is about none of ours."""
    named = [part for part in mail.parts if part.content_type.startswith("message/") or "rfc822" in part.content_type]
    text = " ".join([*mail.references, *(part.text()[:20_000] for part in named[:5])])
    mine = Message.objects.filter(pk__in=threads.own_ids(text), channel_account=account)
    for message_id in mine.values_list("pk", flat=True):
        try:
            services.record_status(actor=ACTOR, status="failed", message_id=message_id, error="bounce")
        except NotFound:
            continue
        log.info("mail_bounced", message=str(message_id), account=str(account.pk))
        return True
    return False


def _content(
    mail: Mail, delivery: InboundDelivery, *, is_new: bool, is_whole: bool
) -> tuple[str, tuple[InboundMedia, ...]]:
    """Return the text as the conversation shows it, and the files; a long text is also one of them, whole."""
    said = [mail.subject if is_new else "", mail.text]
    if mail.files_left_out:
        said.append(f"[{mail.files_left_out} more files of this email aren't shown.]")
    text = "\n\n".join(filter(None, said))
    media = [_file(delivery, one.number, one.content_type, one.filename, one.size) for one in mail.files]
    if len(text) > settings.TEXT_LIMIT or not is_whole:
        text = text if len(text) <= settings.TEXT_LIMIT else f"{text[: settings.TEXT_LIMIT - 1]}…"
        whole = len(mail.text) + len(mail.quoted)
        media.insert(0, _file(delivery, WHOLE_TEXT, "text/plain", "email.txt", whole))
    return text, tuple(media)


def _file(delivery: InboundDelivery, part: object, content_type: str, filename: str, size: int) -> InboundMedia:
    return InboundMedia(content_type, SOURCE.format(delivery=delivery.pk, part=part), size, filename)


def _facts(mail: Mail, automatic: str) -> dict[str, Any]:
    """Return what an answer needs, and what colleagues may want to know: no more than a message can keep."""
    facts: dict[str, Any] = {
        "subject": mail.subject,
        "message_id": mail.message_id,
        "references": list(mail.references),
        "to": [one.address for one in mail.headers.addresses("to")[:ADDRESSES_SHOWN]],
        "cc": [one.address for one in mail.headers.addresses("cc")[:ADDRESSES_SHOWN]],
        "quoted": "",
        "automatic": automatic,
    }
    # The chain goes last, from its middle: an answer needs it.
    for name in ("cc", "to", "references"):
        while facts[name] and _room_beside(facts) < 0:
            facts[name].pop(len(facts[name]) // 2)
    limit = min(QUOTE_LIMIT, _room_beside(facts))
    text = mail.quoted[:limit]
    while text and len(json.dumps(text)) > limit:
        text = text[: len(text) // 2]
    facts["quoted"] = text
    return facts


def _room_beside(facts: dict[str, Any]) -> int:
    """Return what a message can keep beside these facts, as JSON counts it."""
    return METADATA_LIMIT - len(json.dumps({"mail": facts}))


def read_file(attachment: Attachment) -> MediaFile | FetchFailure:
    """Return one file of an email, or why there is none. Nothing is unpacked."""
    _, _, place = attachment.source.partition(":")
    delivery_id, _, part = place.partition(":")
    delivery = InboundDelivery.objects.filter(pk=delivery_id, body__isnull=False).first() if place else None
    if delivery is None:
        return FetchFailure("gone", permanent=True)
    mail = mails.read(delivery.body.encode("latin-1"))
    if part == WHOLE_TEXT:
        text = "\n\n".join(filter(None, (mail.subject, mail.text, mail.quoted)))
        return MediaFile(text.encode("utf-8", "replace"), "text/plain")
    found = mail.parts[int(part)] if part.isdigit() and int(part) < len(mail.parts) else None
    if found is None:
        return FetchFailure("gone", permanent=True)
    if found.size > min(LIMIT, settings.MAIL_BYTES):
        return FetchFailure("too_large", permanent=True)
    if not is_wanted(found.content_type):
        return FetchFailure("type_refused", permanent=True)
    content = found.content()
    return MediaFile(content, found.content_type) if content else FetchFailure("empty", permanent=True)
