"""Filters and order of the inbox."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from console.base.lists import SelectFilter
from console.viewers import viewer_of
from conversations.inbox.admin.search import is_search
from conversations.inbox.selectors.counts import due_today
from conversations.models import HOT, LIVE, URGENT, WAITS_FOR_PERSON, Conversation, ConversationTag, Message, Tag, Team
from core.clock import now

State = Conversation.State
NEEDS_PERSON: Final = WAITS_FOR_PERSON
FIRST: Final = (Q(urgency__gte=URGENT), Q(lead__gte=HOT))
"""Urgent ones and hot leads: they come first among those that need a person."""


def order_of(state: str) -> tuple[Any, ...]:
    """Return the order: needs a person first, then latest activity. Closed ones by activity only."""
    latest = (F("last_message_at").desc(), "-id")
    return latest if state in ("closed", "all") else ("rank", *latest)


class StateFilter(SelectFilter):
    """Filter by who answers; without a choice everything live."""

    title, parameter_name, any_label = "State", "state", "Live"
    options = (
        ("needs_person", "Needs a person"),
        ("person", "With a person"),
        ("snoozed", "Snoozed"),
        ("late", "Late"),
        ("due_today", "Due today"),
        ("agent", "Agent answers"),
        ("closed", "Closed"),
        ("all", "All"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the states; search results are shown in any state."""
        self.any_label = "Any" if is_search(request) else self.any_label
        return self.options

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the choice."""
        chosen = self.chosen() or ("all" if is_search(request) else "")
        if chosen == "all":
            return queryset
        if chosen == "needs_person":
            return queryset.filter(NEEDS_PERSON)
        if chosen == "snoozed":
            return queryset.filter(snoozed_until__isnull=False)
        if chosen == "late":
            return queryset.filter(state=State.PERSON, next_due_at__lte=now())
        if chosen == "due_today":
            return queryset.filter(due_today())
        return queryset.filter(state=chosen) if chosen else queryset.filter(state__in=LIVE)


class PriorityFilter(SelectFilter):
    """Filter by what the customer's messages were read as."""

    title, parameter_name, any_label = "Priority", "priority", "Any"
    options = (("urgent", "Urgent"), ("hot", "Hot leads"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the choice."""
        chosen = dict(zip(("urgent", "hot"), FIRST, strict=True)).get(self.chosen())
        return queryset if chosen is None else queryset.filter(chosen)


class MineFilter(SelectFilter):
    """Filter by assignee."""

    title, parameter_name, any_label = "Assignee", "mine", "Anyone"
    options = (("yes", "Me"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the viewer's conversations."""
        return queryset.filter(assigned_to=viewer_of(request).user_id) if self.chosen() else queryset


class TeamFilter(SelectFilter):
    """Filter by team."""

    title, parameter_name, any_label = "Team", "team", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the teams by name."""
        return [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the conversations of the team."""
        return queryset.filter(team=self.chosen()) if self.chosen() else queryset


class TagFilter(SelectFilter):
    """Filter by a tag of the conversation."""

    title, parameter_name, any_label = "Tag", "tag", "Any"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the tags by name."""
        return [(str(pk), name) for pk, name in Tag.objects.order_by("name").values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the conversations with the tag."""
        chosen = self.chosen()
        return queryset.filter(pk__in=tagged_with(chosen)) if chosen else queryset


def tagged_with(tag: str) -> QuerySet[Any]:
    """Return the ids of the conversations with a tag."""
    return ConversationTag.objects.filter(tag=tag).values("conversation_id")


def preview() -> Subquery:
    """Return the last message's masked text."""
    last = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
    return Subquery(last.values("masked_body")[:1])
