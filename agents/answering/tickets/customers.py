"""Which customer a ticket is for: the contact of the conversation, by the addresses they have proven."""

from uuid import UUID

from conversations.models import Contact, ContactPoint, Conversation
from core.errors import Invalid
from integrations.ticketing.types import Customer


def find_customer(contact_id: UUID) -> Customer | None:
    """Return a contact as a ticket system knows them; None for one without a proven email address. Two queries."""
    contact: Contact | None = Contact.objects.filter(pk=contact_id, erased_at=None).first()
    if contact is None:
        return None
    owner = contact.merged_into_id or contact.pk
    proven = ContactPoint.objects.filter(contact_id=owner, kind=ContactPoint.Kind.EMAIL, is_verified=True)
    addresses = tuple(point.value for point in proven.order_by("-is_primary", "id"))
    if not addresses:
        return None
    return Customer(id=owner, addresses=addresses, name=contact.display_name, shown=contact.shown_name)


def customer_in(conversation_id: UUID) -> Customer:
    """Return the customer of a conversation. Raises Invalid for one without a proven email address."""
    rows = Conversation.objects.filter(pk=conversation_id)
    contact_id = rows.values_list("contact_id", flat=True).first()
    found = find_customer(contact_id) if contact_id else None
    if found is None:
        raise Invalid("There's no proven email address here, so I can't see or open tickets.", code="no_address")
    return found
