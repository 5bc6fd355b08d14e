"""Filters and order of the inbox."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from console.base.lists import SelectFilter
from console.viewers import viewer_of
from conversations.admin.search import is_search
from conversations.models import LIVE, Conversation, Message

State = Conversation.State
NEEDS_PERSON: Final = Q(state=State.PERSON, assigned_to=None)


def order_of(state: str) -> tuple[Any, ...]:
    """Return the order: what needs a person first, then the latest activity; closed ones by activity alone."""
    latest = (F("last_message_at").desc(), "-id")
    return latest if state in ("closed", "all") else ("rank", *latest)


class StateFilter(SelectFilter):
    """By who answers; without a choice everything that is live."""

    title, parameter_name, any_label = "State", "state", "Live"
    options = (
        ("needs_person", "Needs a person"),
        ("person", "With a person"),
        ("agent", "Agent answers"),
        ("closed", "Closed"),
        ("all", "All"),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Offer the states; what a search found is shown in any of them."""
        self.any_label = "Any" if is_search(request) else self.any_label
        return self.options

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the chosen ones."""
        chosen = self.chosen() or ("all" if is_search(request) else "")
        if chosen == "all":
            return queryset
        if chosen == "needs_person":
            return queryset.filter(NEEDS_PERSON)
        return queryset.filter(state=chosen) if chosen else queryset.filter(state__in=LIVE)


class MineFilter(SelectFilter):
    """By who has it."""

    title, parameter_name, any_label = "With", "mine", "Anybody"
    options = (("yes", "Me"),)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what the viewer has taken."""
        return queryset.filter(assigned_to=viewer_of(request).user_id) if self.chosen() else queryset


def preview() -> Subquery:
    """Return the last message's masked text."""
    last = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
    return Subquery(last.values("masked_body")[:1])
