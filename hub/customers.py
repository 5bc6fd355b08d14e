"""Who a contact is in the back office: no model and no customer says so."""

import re
from typing import Final
from uuid import UUID

from django.db import transaction

from conversations.models import Contact, ContactPoint, Conversation
from core.actors import Actor
from core.audit import chain
from core.db.rows import get_or_missing
from core.errors import Invalid
from hub.models import CustomerLink

LINK: Final = "conversations.reply_conversation"
LONGEST: Final = 64
_ID: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST}}}")


def link_customer(*, actor: Actor, contact_id: UUID, customer: str) -> CustomerLink | None:
    """Write down a contact's id in the back office.

    "" takes it away, which returns None. Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound` and
    `Invalid` for what is no such id. Writes `CUSTOMER_LINKED` or `CUSTOMER_UNLINKED`, without the id.
    """
    actor.require(LINK)
    text = customer.strip()
    if text and not _ID.fullmatch(text):
        problem = "Use up to 64 letters, digits, hyphens and underscores."
        raise Invalid(problem, fields={"customer": [problem]})
    with transaction.atomic():
        rows = Contact.objects.select_for_update(of=("self",)).filter(pk=contact_id, erased_at=None)
        contact = get_or_missing(rows, "There is no such contact.")
        CustomerLink.objects.filter(contact=contact).delete()
        link: CustomerLink | None = CustomerLink.objects.create(contact=contact, customer=text) if text else None
        chain.note(actor, "CUSTOMER_LINKED" if link else "CUSTOMER_UNLINKED", contact)
    return link


def find_customer(conversation: Conversation) -> str:
    """Return the back office's id of a conversation's contact, "" if it isn't known.

    What was written down comes first, then the id by which the company's own app has proven them.
    """
    link = CustomerLink.objects.filter(contact_id=conversation.record_id).first()
    return str(link.customer) if link else find_proven(conversation.contact_id, conversation.origin_id)


def find_proven(contact_id: UUID, origin_id: UUID | None) -> str:
    """Return the id by which the company's own app has proven a contact, or the one merged into them; "" if none."""
    rows = ContactPoint.objects.filter(contact_id=contact_id, origin_id=origin_id)
    proven = rows.filter(kind=ContactPoint.Kind.CUSTOMER, is_verified=True).order_by("-is_primary", "id").first()
    known = proven.value.partition(":")[2] if proven else ""
    return known if _ID.fullmatch(known) else ""


def customer_in(conversation: Conversation) -> str:
    """Return the back office's id of a conversation's contact. Raises `Invalid` ("no_customer") for an unknown one."""
    found = find_customer(conversation)
    if not found:
        raise Invalid("I don't know who this is in our back office, so a colleague has to look.", code="no_customer")
    return found
