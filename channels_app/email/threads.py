"""Which conversation an email belongs to: by the token it answers to, else by the emails it names."""

import base64
import hmac
import re
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db.models import Q

from channels_app.email.arrivals import mail_key
from channels_app.mime.headers import is_address
from channels_app.mime.mails import Mail
from conversations.models import ContactPoint, Conversation, Message
from conversations.selectors import conversations_of
from conversations.services.transports import point_index
from core.privacy.encryption import derive_key, lasting_key_id

PURPOSE: Final = "mail|reply-token"
_TOKEN: Final = re.compile(r"\+([a-z2-7]{42})$", re.IGNORECASE | re.ASCII)
_OURS: Final = re.compile(r"<([0-9a-f]{32})@[^>]+>")


def token_of(conversation: Conversation) -> str:
    """Return the token in the address that answers to a conversation go to: its id and proof that we wrote it."""
    packed = conversation.pk.bytes + _proof(conversation.tenant_id, conversation.channel_account_id, conversation.pk)
    return base64.b32encode(packed).decode().rstrip("=").lower()


def message_id_of(message_id: UUID, domain: str) -> str:
    """Return the Message-ID of one of our messages."""
    return f"<{message_id.hex}@{domain}>"


def own_ids(text: str) -> list[UUID]:
    """Return the ids of our messages among the Message-IDs in a text."""
    return [UUID(hex=found) for found in dict.fromkeys(_OURS.findall(text))][:20]


def find_thread(mail: Mail, *, tenant_id: UUID, account_id: UUID, sender: str) -> Conversation | None:
    """Return the conversation that a mail answers, or None.

    It has to be of the same mailbox, and the sender one of its contact's addresses: who learns a token or an
    id, by a forwarded mail, starts a conversation of their own.
    """
    own = ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, value_index=point_index("email", sender))
    mine = conversations_of(own).filter(channel_account_id=account_id)
    for one in mail.recipients:
        named = _read_token(one.address, tenant_id, account_id)
        answered: Conversation | None = mine.filter(pk=named).first() if named else None
        if answered is not None:
            return answered
    if not mail.references:
        return None
    keys = [mail_key(sender, one) for one in mail.references]
    named_in = Q(channel_message_id__in=keys, direction=Message.Direction.IN)
    named_in |= Q(pk__in=own_ids(" ".join(mail.references)), direction=Message.Direction.OUT)
    messages = Message.objects.filter(named_in, channel_account_id=account_id)
    named_by = mine.filter(pk__in=messages.values("conversation_id"))
    newest: Conversation | None = named_by.order_by("-last_message_at", "-id").first()
    return newest


def reply_address(address: str, token: str, *, domain: str = "") -> str:
    """Return the address for answers: below a domain that takes everything, the mailbox with a plus, or alone."""
    local, _, own = address.rpartition("@")
    found = f"reply+{token}@{domain}" if domain else f"{local}+{token}@{own}"
    is_short = len(found.partition("@")[0]) <= 64
    return found if is_short and is_address(found) else address


def _read_token(address: str, tenant_id: UUID, account_id: UUID) -> UUID | None:
    found = _TOKEN.search(address.rpartition("@")[0])
    if found is None:
        return None
    packed = base64.b32decode(found.group(1).upper() + "======")
    conversation_id = UUID(bytes=packed[:16])
    is_ours = hmac.compare_digest(packed[16:], _proof(tenant_id, account_id, conversation_id))
    return conversation_id if is_ours else None


def _proof(tenant_id: UUID, account_id: UUID, conversation_id: UUID) -> bytes:
    key = derive_key(PURPOSE, key_id=lasting_key_id())
    return hmac.new(key, tenant_id.bytes + account_id.bytes + conversation_id.bytes, sha256).digest()[:10]
