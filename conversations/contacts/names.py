"""The names that are hidden in the texts of a contact's conversations, and masking with them."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db.models import Q

from accounts.selectors import names_of_members
from conversations.models import Contact, Conversation, Message, Note, SuggestedReply
from core.privacy.pii import mask_text

NEWEST: Final = 200
"""So many newest texts of each kind are masked again when a contact gets a name."""


def names_of_contacts(contact_ids: Iterable[UUID | None]) -> tuple[str, ...]:
    """Return the names of contacts and of those merged into them. At most one query."""
    keys = {key for key in contact_ids if key is not None}
    return _names(Q(pk__in=keys) | Q(merged_into__in=keys)) if keys else ()


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


def mask_for_contact(text: str, conversation: Conversation) -> str:
    """Return a text of a conversation as people without the right to reveal may read it.

    No query if its contact was read with it, and the members lately.
    """
    people = (conversation.contact, conversation.origin)
    names = [person.display_name for person in people if person is not None and person.masked_name]
    return mask_text(text, names, names_of_members()) if text else ""


def mask_again(contact_id: UUID) -> None:
    """Mask the newest texts of a contact again, which just got a name. In the caller's transaction."""
    names, members = names_of_contacts([contact_id]), names_of_members()
    for model in (Message, Note, SuggestedReply):
        rows = model.objects.filter(Q(conversation__contact=contact_id) | Q(conversation__origin=contact_id))
        for row in rows.order_by("-pk")[:NEWEST]:
            masked = mask_text(row.body, names, members)
            if masked != row.masked_body:
                model.objects.filter(pk=row.pk).update(masked_body=masked)
