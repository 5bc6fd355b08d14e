"""Tables of notes and of team chat."""

from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from conversations.inbox.models import Conversation
from conversations.inbox.teams.models import Team, TeamMember
from core.actors import Actor
from core.errors import NotFound, Refused
from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel


class Note(Dated, TenantModel):
    """A note for colleagues only; the customer and the agents never see it."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    body = EncryptedTextField()
    masked_body = models.TextField()
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "conversation", "-id"], name="notes_newest")]


class NoteVersion(TenantModel):
    """What a note said before it was changed."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="versions")
    body = EncryptedTextField()
    masked_body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "note", "-id"], name="versions_of_note")]


VIEW: Final = "conversations.view_conversation"
MANAGE: Final = "conversations.manage_desk"
REPLY: Final = "conversations.reply_conversation"
MISSING: Final = "This team doesn't exist."


class TeamMessage(Dated, TenantModel):
    """A message for the people of a team; `seq` is the number of its event on the team's chat."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="chat")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    body = EncryptedTextField()
    masked_body = models.TextField()
    mentions = ArrayField(models.UUIDField(), default=list, blank=True)
    edited_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "team", "seq"], name="one_team_message_per_number"),
        ]


class TeamMessageVersion(TenantModel):
    """What a team's message said before it was changed."""

    message = models.ForeignKey(TeamMessage, on_delete=models.CASCADE, related_name="versions")
    body = EncryptedTextField()
    masked_body = models.TextField()
    written_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["tenant_id", "message", "-id"], name="versions_of_team_message")]


class TeamChatReader(TenantModel):
    """Up to which message a person has read a team's chat."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seq = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "team", "user"], name="one_reader_per_team_and_person"),
        ]


def chat_stream(team_id: UUID) -> str:
    """Return the name of the stream of a team's chat."""
    return f"team-chat:{team_id}"


def may_chat(*, viewer: Actor, team_id: UUID) -> bool:
    """Return True if the viewer has a seat in the team, or manages the inbox. At most one query."""
    if viewer.may(MANAGE):
        return True
    if viewer.user_id is None or not (viewer.may(VIEW) and viewer.may(REPLY)):
        return False
    return bool(TeamMember.objects.filter(team_id=team_id, user_id=viewer.user_id).exists())


def require_seat(*, viewer: Actor, team_id: UUID) -> None:
    """Raise `Refused` unless the viewer may read and write in a team's chat, `NotFound` if there is no such team."""
    viewer.require(VIEW)
    viewer.require(REPLY)
    if not Team.objects.filter(pk=team_id).exists():
        raise NotFound(MISSING)
    if not may_chat(viewer=viewer, team_id=team_id):
        raise Refused("Only the people of this team can read its chat.", code="not_in_team")
