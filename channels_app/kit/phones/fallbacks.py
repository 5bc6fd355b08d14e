"""Send a failed message another way: as a template, else by mail, else ask a person."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.selectors import is_active_member
from channels_app.kit.phones.channel import phone_channels
from channels_app.kit.phones.numbers import KINDS
from conversations import services
from conversations.models import ChannelAccount, ContactPoint, DeliveryAttempt, Message
from conversations.services import ByTemplate, Draft, Sender, accounts, transports
from conversations.services.transports import AS_TEMPLATE
from core.actors import system
from core.audit import chain
from core.errors import Invalid, WalkerError
from core.models import Consent
from core.observability.logging import get_logger
from core.reach.verdict import OPTED_OUT, WINDOW_CLOSED
from core.text.speech import gettext, speaking
from integrations.mail import events as mail_events
from integrations.mail.services import queue_mail
from integrations.mail.types import MailEvent, MailReceiver, NewMail, RelatedObject
from integrations.models import MailDelivery

log = get_logger(__name__)
ACTOR: Final = system("whatsapp")
MAIL_TYPE: Final = "decision"
LOST_MAIL: Final = ("failed", "dropped", "bounced")
NO_OTHER_WAY: Final = (ChannelAccount.Kind.APP, ChannelAccount.Kind.EMAIL)


def send_fallback(message_id: UUID) -> str:
    """Send a failed message another way: "template", "mail", "person", or "" for none.

    Safe to repeat: the template has the failed message's id, the mail its key, and the hand-off is made once.
    """
    rows = Message.objects.select_related("channel_account", "conversation__contact")
    message = rows.filter(pk=message_id, direction=Message.Direction.OUT, status=Message.Status.FAILED).first()
    if message is not None and message.channel_account.kind in NO_OTHER_WAY:
        # There is no other address that the customer would look at: a colleague sees that they don't have it.
        _hand_to_person(message.conversation_id, "not_delivered")
        return "person"
    if message is None or message.channel_account.kind not in KINDS:
        return ""
    attempts = DeliveryAttempt.objects.filter(message=message).order_by("-number")
    code = str(attempts.values_list("error", flat=True).first() or "")
    is_closed = code == WINDOW_CLOSED or any(code in channel.closed_codes for channel in phone_channels())
    if is_closed and _send_as_template(message):
        return "template"
    if _send_by_mail(message):
        return "mail"
    is_stopped = code == OPTED_OUT or any(code in channel.stopped_codes for channel in phone_channels())
    reason = WINDOW_CLOSED if is_closed else OPTED_OUT if is_stopped else "not_delivered"
    _hand_to_person(message.conversation_id, reason)
    return "person"


def _hand_to_person(conversation_id: UUID, reason: str) -> None:
    """Hand the conversation to a person; a closed one stays closed."""
    try:
        services.hand_off(actor=ACTOR, conversation_id=conversation_id, reason=reason)
    except WalkerError as problem:
        log.warning("not_handed_off", conversation=str(conversation_id), problem=problem.code)


def _send_as_template(message: Message) -> bool:
    """Send it again as a template if there is one and it was not a template already."""
    account = message.channel_account
    if not accounts.has_template(account) or message.metadata.get(AS_TEMPLATE):
        return False
    if message.media:
        # A template carries no files, and without them the text may make no sense: a person decides.
        return False
    try:
        services.reply(
            actor=ACTOR,
            conversation_id=message.conversation_id,
            draft=Draft(
                text=message.body,
                metadata=message.metadata,
                purpose=message.purpose,
                client_id=transports.template_copy_id(message.pk),
                sender=Sender(type="system"),
                template=ByTemplate(),
            ),
        )
    except WalkerError:
        log.warning("template_not_sent", message=str(message.pk), exc_info=True)
        return False
    return True


def _send_by_mail(message: Message) -> bool:
    """Mail the outcome of a request to the requester, if their mailbox is proven."""
    reference = str(message.metadata.get("reference") or "")
    talk, address, user_id = message.conversation, "", None
    contact = talk.record
    if contact.user_id is not None and is_active_member(contact.user_id):
        user_id = contact.user_id
        address = str(User.objects.values_list("email", flat=True).get(pk=user_id))
    else:
        points = ContactPoint.objects.filter(
            contact_id=talk.contact_id, origin_id=talk.origin_id, kind=ContactPoint.Kind.EMAIL, is_verified=True
        )
        best = points.order_by("-is_primary", "id").first()
        address = best.value if best else ""
    if not reference or not address:
        return False
    with speaking(talk.spoken_language):
        subject = gettext("Update on your request {reference}").format(reference=reference)
        why = gettext("We couldn't reach you in the chat, so we're sending you this by email.")
    try:
        with transaction.atomic():
            mail = queue_mail(
                NewMail(
                    type=MAIL_TYPE,
                    recipient=address,
                    subject=subject,
                    text=f"{message.body}\n\n{why}\n",
                    key=f"decision:{message.pk}",
                    ref=message.pk,
                    user_id=user_id,
                )
            )
            if mail.status == MailDelivery.Status.FAILED:
                # The gate refused it: they don't want our mails, or can't get them.
                return False
            facts = {"message": str(message.pk)}
            chain.record(ACTOR, "MESSAGE_MAILED", "conversations.conversation", message.conversation_id, facts=facts)
    except Invalid:
        log.warning("decision_not_mailed", message=str(message.pk))
        return False
    return True


class LostDecisions(MailReceiver):
    """Asks a person when the mail with an outcome does not arrive either."""

    purpose: ClassVar[str] = Consent.Purpose.SERVICE

    def belongs_to(self, refs: Collection[UUID]) -> Mapping[UUID, RelatedObject]:
        """Return the request's reference and a link to its conversation."""
        rows = Message.objects.filter(pk__in=refs).only("metadata", "conversation_id")
        return {
            row.pk: RelatedObject(
                str(row.metadata.get("reference") or "A conversation"),
                reverse("admin:conversations_conversation_change", args=[row.conversation_id]),
            )
            for row in rows
        }

    def on_event(self, event: MailEvent) -> None:
        if event.what not in LOST_MAIL or event.ref is None:
            return
        message = Message.objects.filter(pk=event.ref).first()
        if message is not None:
            _hand_to_person(message.conversation_id, "not_delivered")


def register() -> None:
    """Register the receiver of mail events; safe to repeat."""
    if mail_events.receiver_of(MAIL_TYPE) is None:
        mail_events.register(MAIL_TYPE, LostDecisions)
