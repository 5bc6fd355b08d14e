"""Mask the texts of conversations with the names of their contacts."""

from typing import Final
from uuid import UUID

from django.db.models import Q

from accounts.selectors import names_of_members
from conversations.contacts.selectors.names import names_in_conversation, names_of_contact
from conversations.models import Conversation, Message, Note, SuggestedReply
from core.privacy.pii import mask_text

NEWEST: Final = 200
"""So many newest texts of each kind are masked again when a contact gets a name."""


def mask_for_contact(text: str, conversation: Conversation) -> str:
    """Return a text of a conversation as people without the right to reveal may read it.

    Of a conversation that was read with its account one query if another contact was merged into its own, else none;
    one of any other, and one for the members unless they were read lately.
    """
    if not text:
        return ""
    if getattr(conversation, "has_merged", True):
        names = names_in_conversation(conversation.pk)
    else:
        names = tuple(filter(None, [conversation.contact.display_name]))
    return mask_text(text, names, names_of_members())


def mask_again(contact_id: UUID) -> None:
    """Mask the newest texts of a contact again, which just got a name. In the caller's transaction."""
    names, members = names_of_contact(contact_id), names_of_members()
    for model in (Message, Note, SuggestedReply):
        rows = model.objects.filter(Q(conversation__contact=contact_id) | Q(conversation__origin=contact_id))
        for row in rows.order_by("-pk")[:NEWEST]:
            # What is hidden already stays so: a new name may take the place of the one that a text says.
            masked = mask_text(row.masked_body, names, members)
            if masked != row.masked_body:
                model.objects.filter(pk=row.pk).update(masked_body=masked)
