"""The export of conversations: who had them, how long answers took, how they ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet

from analytics.exports.sources import SOURCES, Choice, Column, TableSource, columns_of
from console.names import name_in, names_of
from conversations import selectors
from conversations.models import ContactPoint, Conversation, ConversationTag, Priority, Team
from conversations.selectors import VIEW
from core.actors import Actor
from core.reach import channels


class ConversationSource(TableSource):
    """Conversations that began in the span."""

    label: ClassVar[str] = "Conversations"
    permission: ClassVar[str] = VIEW
    has_people: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = columns_of(
        "id state channel channel_name team assignee priority intent language tags created_at:moment "
        "first_answered_at:moment seconds_to_first_answer:whole first_person_answered_at:moment "
        "seconds_to_person:whole closed_at:moment resolved:flag custom_fields contact addresses contact_fields"
    )

    @classmethod
    def choices(cls) -> list[Choice]:
        teams = [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]
        return [
            Choice("state", "State", [(value, str(label)) for value, label in Conversation.State.choices]),
            Choice("channel", "Channel", channels.kinds()),
            Choice("team", "Team", teams),
        ]

    @classmethod
    def rows(cls, *, viewer: Actor, filters: Mapping[str, str]) -> QuerySet[Conversation]:
        """Return the filtered conversations. Raises Refused."""
        columns = {"state": "state", "channel": "channel_account__kind", "team": "team_id"}
        wanted = {columns[name]: value for name, value in filters.items()}
        rows = selectors.query_conversations(viewer=viewer).select_related("team").filter(**wanted)
        return rows.defer("reading", "channel_account__credentials", "channel_account__origins")

    @classmethod
    def lines(cls, rows: Sequence[Conversation], *, in_clear: bool) -> list[dict[str, Any]]:
        """Return the columns. Four queries."""
        names = names_of(row.assigned_to_id or row.last_person_id for row in rows)
        tags = _grouped(
            ConversationTag.objects.filter(conversation__in=[row.pk for row in rows])
            .order_by("tag__name")
            .values_list("conversation_id", "tag__name")
        )
        points = _grouped(
            (point.contact_id, point.value if in_clear else point.masked_value)
            for point in ContactPoint.objects.filter(contact__in={row.contact_id for row in rows}).order_by("pk")
        )
        whose = Q(conversation__in=[row.pk for row in rows]) | Q(contact__in={row.contact_id for row in rows})
        fields = _grouped(
            (owner, f"{value.field.name}: {value.shown(in_clear=in_clear)}")
            for value in selectors.values_of(whose)
            if (owner := value.conversation_id or value.contact_id)
        )
        return [
            {
                "id": str(row.pk),
                "state": row.state,
                "channel": row.channel_account.kind,
                "channel_name": row.channel_account.name,
                "team": row.team.name if row.team else "",
                "assignee": name_in(names, row.assigned_to_id or row.last_person_id, otherwise=""),
                "priority": Priority(row.priority).label,
                "intent": row.intent,
                "language": row.language,
                "tags": "; ".join(tags[row.pk]),
                "created_at": row.created_at,
                "first_answered_at": row.first_answered_at,
                "seconds_to_first_answer": _seconds(row.asked_at, row.first_answered_at),
                "first_person_answered_at": row.first_person_answered_at,
                "seconds_to_person": _seconds(row.person_asked_at, row.first_person_answered_at),
                "closed_at": row.closed_at,
                "resolved": row.resolved,
                "custom_fields": "; ".join(fields[row.pk]),
                "contact": row.contact.display_name if in_clear else row.contact.shown_name,
                "addresses": "; ".join(points[row.contact_id]),
                "contact_fields": "; ".join(fields[row.contact_id]),
            }
            for row in rows
        ]


def _grouped(pairs: Iterable[tuple[UUID, str]]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    for key, text in pairs:
        found[key].append(text)
    return found


def _seconds(since: datetime | None, until: datetime | None) -> int | None:
    return None if since is None or until is None else max(0, round((until - since).total_seconds()))


SOURCES.register("conversations", ConversationSource)
