"""Read tags of conversations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db.models import QuerySet

from conversations.inbox.teams.seen import require_view, seen_by
from conversations.models import ConversationTag, Tag
from core.actors import Actor

VIEW = "conversations.view_conversation"


def query_tags(*, viewer: Actor) -> QuerySet[Tag]:
    """Return the organisation's tags. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    return Tag.objects.all()


def tags_of_conversations(*, viewer: Actor, conversation_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Tag]]:
    """Return the tags of conversations, by name. One query. Needs `conversations.view_conversation`."""
    require_view(viewer)
    found: dict[UUID, list[Tag]] = defaultdict(list)
    rows = ConversationTag.objects.filter(conversation_id__in=list(conversation_ids)).select_related("tag")
    rows = rows.filter(seen_by(viewer, "conversation__"))
    for row in rows.order_by("tag__name"):
        found[row.conversation_id].append(row.tag)
    return found
