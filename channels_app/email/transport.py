"""Answer by email: in its thread, with an address for answers that leads back to the conversation."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from accounts.selectors import signature_of
from channels_app.email import threads
from channels_app.exchanges.log import MAIL_ANSWERS
from conversations import services
from conversations.mediums import Email
from conversations.messages.files.names import wire_name
from conversations.models import ContactPoint, Conversation, DeliveryAttempt, Message
from conversations.services import transports
from conversations.services.transports import NO_MARKETING
from conversations.types import COMMON, Explanation, Medium, OutboundMessage, SenderIdentity, SendResult, Transport
from core.actors import system
from core.errors import Conflict, Invalid, NotFound
from core.models import Consent
from core.observability.logging import get_logger
from core.text.speech import gettext, gettext_noop, speaking
from integrations.mail import events as mail_events
from integrations.mail.delivery import REFUSED
from integrations.mail.errors import meaning_of, page_of
from integrations.mail.services import deliver_mail, queue_mail
from integrations.mail.types import FileGone, MailEvent, MailFile, MailReceiver, NewMail, RelatedObject
from integrations.models import MailDelivery

log = get_logger(__name__)
ACTOR: Final = system("email")
MAIL_TYPE: Final = MAIL_ANSWERS
SUBJECT: Final = gettext_noop("Your message")
FILES_ONLY: Final = gettext_noop("Please see the attached files.")
REFERENCES_LENGTH: Final = 900
# Before a mail service's codes that mean something else elsewhere: "blocked" by the recipient's server, not by us.
OF_SERVICE: Final = "mail_"
CHANNEL: Final = "email"
NO_MORE: Final = ("unsubscribed", "spam")
# What our mail service reports -> the message's status. Opens are not tracked.
ENDED: Final = (MailDelivery.Status.FAILED, MailDelivery.Status.DROPPED, MailDelivery.Status.BOUNCED)
STATUSES: Final = {"delivered": "delivered", "failed": "failed", "dropped": "failed", "bounced": "failed"}


class EmailTransport(Transport):
    """Sends answers through the tenant's mail account, or the installation's."""

    medium: ClassVar[type[Medium]] = Email

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Hand the answer to the mail queue, which retries by itself, and try once to send it now."""
        conversation = Conversation.objects.get(pk=outbound.conversation_id)
        message = Message.objects.get(pk=outbound.message_id)
        domain = outbound.from_address.rpartition("@")[2]
        answered, message_id = _answered(message, domain), threads.message_id_of(message.pk, domain)
        # Only the email that begins a conversation has a subject of its own.
        own = _facts_of(message).get("subject")
        with speaking(conversation.spoken_language):
            no_subject, files_only = gettext(SUBJECT), gettext(FILES_ONLY)
        try:
            with transaction.atomic():
                subject = " ".join(str(own or answered.get("subject") or no_subject).split())
                row = queue_mail(
                    NewMail(
                        type=MAIL_TYPE,
                        recipient=outbound.recipient.value,
                        subject=subject if own or subject[:3].lower() == "re:" else f"Re: {subject}",
                        text=signed(message, outbound.text if outbound.text.strip() else files_only),
                        key=_key_of(outbound),
                        ref=message.pk,
                        reply_to=_reply_to(outbound, conversation),
                        headers=_headers(message, message_id, answered),
                    )
                )
        except Invalid:
            return SendResult(ok=False, error="no_address", permanent=True)
        deliver_mail(row.pk)
        sent: MailDelivery = MailDelivery.objects.get(pk=row.pk)
        if sent.status == MailDelivery.Status.FAILED:
            return SendResult(ok=False, error=_code_of(sent.error), permanent=True, http_status=sent.http_status)
        return SendResult(ok=True, provider_id=message_id, http_status=sent.http_status)

    @classmethod
    def explain(cls, code: str) -> Explanation:
        """Return an error code in words: one about the customer, or one of the mail service or mailbox."""
        if code in COMMON:
            return COMMON[code]
        meaning = meaning_of(code.removeprefix(OF_SERVICE))
        return Explanation(meaning.words, meaning.advice, page_of(code))


def _answered(message: Message, domain: str) -> Mapping[str, Any]:
    """Return what is kept of the newest email that the customer wrote before, or of ours that began the conversation.

    Of an erased one nothing.
    """
    rows = Message.objects.filter(conversation_id=message.conversation_id, seq__lt=message.seq).order_by("-seq")
    if (theirs := rows.filter(direction=Message.Direction.IN).first()) is not None:
        return _facts_of(theirs)
    ours = rows.last()
    facts = _facts_of(ours) if ours is not None else {}
    return {**facts, "message_id": threads.message_id_of(ours.pk, domain)} if ours is not None and facts else {}


def _facts_of(message: Message) -> Mapping[str, Any]:
    facts = message.metadata.get("mail")
    return facts if isinstance(facts, dict) else {}


def signed(message: Message, text: str) -> str:
    """Return the text with the signature of the colleague who wrote it, below the line that mail programs know."""
    author = message.sender_id if message.sender_type == Message.Sender.PERSON else None
    signature = signature_of(author) if author is not None else ""
    return f"{text}\n\n-- \n{signature}" if signature else text


def _code_of(error: str) -> str:
    """Return the code of a failed message: the gate's own, or one that names the mail service."""
    if error.startswith(REFUSED):
        return error.removeprefix(REFUSED)
    return f"{OF_SERVICE}{error}" if error in COMMON else error


def _key_of(outbound: OutboundMessage) -> str:
    """Return the key of the mail: a new one when the message is sent again after its mail was lost."""
    before = _newest_mail(outbound.message_id)
    if before is None:
        return f"message:{outbound.message_id}"
    last = DeliveryAttempt.objects.filter(message=outbound.message_id, number=outbound.attempt - 1)
    was_handed_over = last.filter(outcome=DeliveryAttempt.Outcome.SUCCEEDED).exists()
    is_again = before.status in ENDED or was_handed_over
    return f"message:{outbound.message_id}:{outbound.attempt}" if is_again else before.key


def _newest_mail(message_id: UUID) -> MailDelivery | None:
    rows: QuerySet[MailDelivery] = MailDelivery.objects.filter(type=MAIL_TYPE, ref=message_id)
    return rows.only("id", "key", "status").order_by("-id").first()


def _headers(message: Message, message_id: str, answered: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of the thread; an answer that no person wrote says so, so that machines don't reply."""
    found = {"Message-ID": message_id}
    before = str(answered.get("message_id") or "")
    if before:
        chain = [str(one) for one in answered.get("references") or [] if one != before]
        while chain and len(" ".join([*chain, before])) > REFERENCES_LENGTH:
            # The first names the thread, the newest the mail that is answered.
            del chain[min(1, len(chain) - 1)]
        found |= {"In-Reply-To": before, "References": " ".join([*chain, before])}
    if message.sender_type != Message.Sender.PERSON:
        found |= {"Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"}
    return found


def _reply_to(outbound: OutboundMessage, conversation: Conversation) -> str:
    kept = outbound.credentials or {}
    domain = str(kept.get("reply_domain") or "")
    if not domain and not kept.get("plus_addresses"):
        return outbound.from_address
    return threads.reply_address(outbound.from_address, threads.token_of(conversation), domain=domain)


class ConversationMail(MailReceiver):
    """Takes what mail services report about answers into the conversation."""

    purpose: ClassVar[str] = Consent.Purpose.REPLY

    def purpose_of(self, ref: UUID) -> str:
        """Return what the message is for: an outcome by email isn't a reply."""
        return Message.objects.filter(pk=ref).values_list("purpose", flat=True).first() or self.purpose

    def others_of(self, ref: UUID) -> Sequence[str]:
        """Return the addresses of the contact whose wishes count for the message."""
        message = Message.objects.select_related("conversation").filter(pk=ref).first()
        return transports.addresses_of(message) if message is not None else ()

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return a link to each message's conversation."""
        rows = Message.objects.filter(pk__in=refs).only("conversation_id")
        pages = {row.pk: reverse("admin:conversations_conversation_change", args=[row.conversation_id]) for row in rows}
        return {key: RelatedObject("A conversation", page) for key, page in pages.items()}

    def files_of(self, ref: UUID) -> tuple[MailFile, ...]:
        """Return the message's files in clear."""
        media = Message.objects.filter(pk=ref).values_list("media", flat=True).first() or []
        try:
            found = [transports.read_outgoing_file(message_id=ref, attachment_id=UUID(str(one["id"]))) for one in media]
        except (NotFound, Conflict) as problem:
            raise FileGone from problem
        names = (file.filename or wire_name("", file.content_type) for file in found)
        return tuple(MailFile(name, file.content_type, file.content) for name, file in zip(names, found, strict=True))

    def is_held(self, ref: UUID) -> bool:
        """Return True while the channel of the answer is paused."""
        paused = Message.objects.filter(pk=ref, channel_account__paused_at__isnull=False)
        return bool(paused.exists())

    def on_event(self, event: MailEvent) -> None:
        """Move the message's status forward; who unsubscribes or complains gets no more marketing."""
        if event.what in NO_MORE:
            _stop_marketing(event)
            return
        status = STATUSES.get(event.what)
        if status is None or event.ref is None:
            return
        newest = _newest_mail(event.ref)
        if newest is not None and newest.pk != event.delivery_id:
            # It was sent again since: what is reported about the earlier mail changes nothing.
            return
        error = _code_of(event.error)
        try:
            services.record_status(
                actor=ACTOR, status=status, message_id=event.ref, error=error, error_text=event.error_text
            )
        except NotFound:
            return


def _stop_marketing(event: MailEvent) -> None:
    """Record the wish for the address that the email went to; answers to their own messages still leave.

    An email forgets its address after some weeks: then it is the contact's addresses.
    """
    mail: MailDelivery = MailDelivery.objects.get(pk=event.delivery_id)
    addresses = [mail.address]
    if not mail.address:
        contacts = Message.objects.filter(pk=event.ref).values("conversation__contact_id")
        rows = ContactPoint.objects.filter(contact__in=contacts, kind=ContactPoint.Kind.EMAIL)
        addresses = [point.value for point in rows.only("tenant_id", "value")]
    if not addresses:
        log.warning("marketing_stop_without_address", mail=str(event.delivery_id))
    for address in addresses:
        sender = SenderIdentity(kind="email", value=address)
        services.block_point(actor=ACTOR, sender=sender, channel=CHANNEL, reason=NO_MARKETING, now=event.at)


def register() -> None:
    """Register the receiver of what mail services report; safe to repeat."""
    if mail_events.receiver_of(MAIL_TYPE) is None:
        mail_events.register(MAIL_TYPE, ConversationMail)
