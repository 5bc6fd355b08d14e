"""Badges and dashboard tiles of the conversations."""

from typing import Any

from django.core.cache import cache
from django.urls import reverse

from accounts.selectors import tenant_zone
from console.base.plots import Plot, by_day
from console.extensions import Badge, Tile, badges, tiles
from conversations.inbox.selectors.counts import count_by_day, count_live, count_needing_person
from core.actors import Actor
from core.tenancy.scope import current_tenant_id

CHART_SECONDS = 30
VIEW = "conversations.view_conversation"


class NeedsPersonBadge(Badge):
    """Unassigned conversations that need a person."""

    label, tone, permission = "need a person", "serious", VIEW

    def count(self, viewer: Actor) -> int:
        """Return the capped count."""
        return count_needing_person(viewer=viewer)


class LiveTile(Tile):
    """Conversations that are open, and those that need a person."""

    order, width, permission = 20, "bare", VIEW
    template = "console/tiles/live.html"

    def context(self, viewer: Actor) -> dict[str, Any]:
        """Return both counts."""
        url = reverse("admin:conversations_conversation_changelist")
        needing = count_needing_person(viewer=viewer)
        return {"live": count_live(viewer=viewer), "needing": needing, "url": url}


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
            rows = count_by_day(viewer=viewer, zone=tenant_zone().key)
            messages = {row.day: row.messages for row in rows}
            started = {row.day: row.conversations for row in rows}
            counts = {"Messages": ("info", messages), "New conversations": ("accent", started)}
            chart = by_day("messages", "Messages, last 14 days", [row.day for row in rows], counts)
        cache.set(key, chart, timeout=CHART_SECONDS)
        return {"chart": chart}


badges.register("conversations.needs_person", NeedsPersonBadge)
tiles.register("conversations-live", LiveTile)
tiles.register("conversations-chart", MessagesTile)
