"""What a contact is called, to hide it in texts."""

from uuid import UUID

from django.db.models import Q

from conversations.models import Contact, Conversation


def names_of_contact(contact_id: UUID) -> tuple[str, ...]:
    """Return the names of a contact and of those merged into it. One query."""
    return _names(Q(pk=contact_id) | Q(merged_into=contact_id))


def names_in_conversation(conversation_id: UUID | None) -> tuple[str, ...]:
    """Return the names of a conversation's contact; none for None. One query."""
    if conversation_id is None:
        return ()
    talks = Conversation.objects.filter(pk=conversation_id)
    ids = (talks.values("contact"), talks.values("origin"))
    return _names(Q(pk__in=ids[0]) | Q(pk__in=ids[1]) | Q(merged_into__in=ids[0]))


def names_at_point(kind: str, index: str) -> tuple[str, ...]:
    """Return the names of the contact with an address. One query."""
    owners = Contact.objects.filter(points__kind=kind, points__value_index=index).values("pk")
    return _names(Q(pk__in=owners) | Q(merged_into__in=owners))


def _names(condition: Q) -> tuple[str, ...]:
    rows = Contact.objects.filter(condition, erased_at=None).exclude(masked_name="").order_by("pk")
    return tuple(row.display_name for row in rows.only("tenant_id", "display_name"))
