"""Badges and dashboard tiles of the conversations."""

from typing import Any, Final

from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from console.base.plots import Plot, by_day
from console.extensions import (
    MOST_ERRANDS,
    Badge,
    DayNumbers,
    Errand,
    Errands,
    Number,
    Tile,
    badges,
    count_badges,
    day,
    errands,
    tiles,
)
from console.templatetags.console_ui import moment
from console.time_zones import organisation_zone
from conversations.inbox.admin.approval_panel import customer_name
from conversations.inbox.admin.rows import ICONS
from conversations.inbox.assignment import REPLY
from conversations.inbox.selectors.counts import (
    COUNT_CAP,
    count_by_day,
    count_needing_person,
    count_of_day,
    list_mine,
)
from conversations.messages.admin.interpretation import due_chip
from conversations.models import Priority, Team
from core.actors import Actor
from core.clock import now as clock_now
from core.tenancy.scope import current_tenant_id

CHART_SECONDS = 30
AS_REQUESTS: Final = {Priority.LOW: 0, Priority.NORMAL: 0, Priority.HIGH: 5, Priority.URGENT: 9}
"""What the priorities of conversations are beside those of requests, in one list with them."""
VIEW = "conversations.view_conversation"


class NeedsPersonBadge(Badge):
    """Unassigned conversations that need a person."""

    label, tone, permission = "need a person", "serious", VIEW

    def count(self, viewer: Actor) -> int:
        """Return the capped count."""
        return count_needing_person(viewer=viewer)


class WaitingErrands(Errands):
    """Conversations that need a person and that nobody has taken, for people who may answer."""

    permission = REPLY

    def find(self, viewer: Actor) -> list[Errand]:
        """Return one line: how many wait, and where they are; nothing where none does."""
        badge = "conversations.needs_person"
        count = count_badges(viewer, current_tenant_id(), (badge,)).get(badge, 0)
        if not count:
            return []
        many = f"{count}+ conversations need" if count == COUNT_CAP else f"{count} conversations need"
        title = f"{'1 conversation needs' if count == 1 else many} a person"
        text = (
            f"Nobody has taken {'it' if count == 1 else 'them'}." if Team.objects.exists() else "There is no team yet."
        )
        url = f"{reverse('admin:inbox')}?view=waiting"
        # Like a request of high risk: a customer waits, and nobody is late yet.
        return [Errand(title, text, url, icon="hand", severity=2)]


class MineErrands(Errands):
    """What the inbox shows as the viewer's; what waits for no answer comes last."""

    permission = REPLY

    def find(self, viewer: Actor) -> list[Errand]:
        """Return the first of them."""
        found = []
        for row in list_mine(viewer=viewer, limit=MOST_ERRANDS):
            due, waits = row.next_due_at, row.waiting_since or row.next_due_at
            note = format_html("{}, last message {}", row.channel_account.kind_label, moment(row.last_message_at))
            found.append(
                Errand(
                    customer_name(row),
                    format_html("{}. Answer due {}", note, moment(due)) if due else note,
                    reverse("admin:conversations_conversation_change", args=[row.pk]),
                    does="Answer" if waits else "View",
                    icon=ICONS.get(row.channel_account.kind, "chat"),
                    chip=due_chip(row),
                    rank=0 if waits else 2,
                    is_late=due is not None and due <= clock_now(),
                    urgency=AS_REQUESTS[Priority.URGENT if row.is_urgent else Priority(row.priority)],
                    due=due,
                )
            )
        return found


class ConversationsOfTheDay(DayNumbers):
    """What the inbox shows as the viewer's, and which of it is late or due today."""

    permission = REPLY

    def find(self, viewer: Actor) -> list[Number]:
        """Return the capped counts."""
        counts = count_of_day(viewer=viewer, zone=timezone.get_current_timezone())
        inbox = reverse("admin:inbox")
        own = f"{inbox}?view=all&assignee=me&state="
        return [
            Number("Mine", counts["mine"], f"{inbox}?view=mine", order=10, icon="chat"),
            Number("Late", counts["late"], f"{own}late", order=20, icon="clock", tone="danger"),
            Number("Due today", counts["due_today"], f"{own}due_today", order=30, icon="clock", tone="warn"),
        ]


class MessagesTile(Tile):
    """Messages and new conversations on each of the last 14 days."""

    order, width, permission = 50, "half", VIEW
    template = "console/tiles/chart.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return the chart, cached for half a minute."""
        # Who sees only their teams' conversations has a chart of their own.
        whose = "all" if viewer.teams is None else str(viewer.user_id)
        key = f"{current_tenant_id()}:console-chart:messages:{whose}"
        chart: Plot | None = cache.get(key)
        if chart is None:
            rows = count_by_day(viewer=viewer, zone=organisation_zone().key)
            messages = {row.day: row.messages for row in rows}
            started = {row.day: row.conversations for row in rows}
            counts = {"Messages": ("info", messages), "New conversations": ("accent", started)}
            chart = by_day("messages", "Messages, last 14 days", [row.day for row in rows], counts)
        cache.set(key, chart, timeout=CHART_SECONDS)
        return {"chart": chart}


badges.register("conversations.needs_person", NeedsPersonBadge)
errands.register("conversations.waiting", WaitingErrands)
errands.register("conversations.mine", MineErrands)
day.register("conversations.day", ConversationsOfTheDay)
tiles.register("conversations-chart", MessagesTile)
