"""What a reveal can show unmasked of conversations and contacts."""

from typing import ClassVar
from uuid import UUID

from accounts.privacy.reveals import REVEALABLES, Revealable
from conversations.contacts.selectors import directory
from conversations.inbox.selectors import lists
from core.actors import Actor


class RevealableConversation(Revealable):
    """The messages of a conversation, and the customer's name and addresses."""

    object_type: ClassVar[str] = "conversations.conversation"
    fields: ClassVar[tuple[str, ...]] = ("messages", "contact")

    @classmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the masked conversation."""
        lists.get_conversation(viewer=viewer, conversation_id=object_id)


class RevealableContact(Revealable):
    """A contact's name and addresses."""

    object_type: ClassVar[str] = "conversations.contact"
    fields: ClassVar[tuple[str, ...]] = ("contact",)

    @classmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the masked contact."""
        directory.read_contact(viewer=viewer, contact_id=object_id)


REVEALABLES.register("conversation", RevealableConversation)
REVEALABLES.register("contact", RevealableContact)
