"""Conversations that are shared with a role, a team or a person, beside the teams that see them."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable, drop_shares
from accounts.permissions.shares import CONVERSATION
from conversations.contacts.models import visitor_label
from conversations.inbox.teams.models import Team
from conversations.inbox.teams.seen import held_conversations, seen_conversations
from conversations.models import Conversation
from core.actors import Actor


class ShareableConversation(Shareable):
    """A conversation with its messages and notes, as the team that has it sees them."""

    acts: ClassVar[str] = "reply and write notes"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Conversation]:
        """Return the conversations of a viewer's teams, or of all."""
        return held_conversations(viewer).filter(contact__erased_at=None)

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the masked names of the customers."""
        rows = seen_conversations(viewer).filter(pk__in=ids, contact__erased_at=None)
        names = rows.values_list("pk", "contact_id", "contact__masked_name")
        return {pk: name or visitor_label(contact_id) for pk, contact_id, name in names}

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the conversation."""
        return reverse("admin:conversations_conversation_change", args=[object_id])


def drop_those_of(team: Team) -> None:
    """Delete what is shared with a team that is being deleted."""
    drop_shares(team_id=team.pk)


SHAREABLES.register(CONVERSATION, ShareableConversation)
