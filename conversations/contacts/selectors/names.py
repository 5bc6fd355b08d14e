"""What a contact is called, to hide it in texts."""

from uuid import UUID

from django.db.models import Q

from conversations.models import Contact


def names_of_contact(contact_id: UUID) -> tuple[str, ...]:
    """Return the names of a contact and of those merged into it. One query."""
    return _of(Q(pk=contact_id))


def names_in_conversation(conversation_id: UUID | None) -> tuple[str, ...]:
    """Return the names of a conversation's contact; none for None. One query."""
    if conversation_id is None:
        return ()
    return _of(Q(conversations=conversation_id))


def names_at_point(kind: str, index: str) -> tuple[str, ...]:
    """Return the names of the contact with an address. One query."""
    return _of(Q(points__kind=kind, points__value_index=index))


def _of(owner: Q) -> tuple[str, ...]:
    """Return the names of a contact and of those merged into it, oldest first."""
    owners = Contact.objects.filter(owner).values("pk")
    rows = Contact.objects.filter(Q(pk__in=owners) | Q(merged_into__in=owners), erased_at=None)
    return tuple(row.display_name for row in rows.exclude(masked_name="").order_by("pk"))
