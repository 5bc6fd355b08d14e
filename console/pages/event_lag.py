"""The banner of consumers of events that are behind: what they show or send is late."""

from typing import ClassVar, Final

from django.core.cache import cache

from console.extensions import Banner, Notice, banners
from core import bus
from core.actors import Actor
from core.bus import lag

KEPT_FOR: Final = 15
KEY: Final = "walker:bus-behind"


class EventsBehind(Banner):
    """Events that a consumer has not taken for longer than a minute."""

    permission: ClassVar[str] = "core.view_deadletter"
    only_on_dashboard: ClassVar[bool] = True

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one notice if any consumer is behind; looked at a few times a minute."""
        seconds = cache.get(KEY)
        if seconds is None:
            seconds = max((lag.seconds_behind(name) for name in bus.names()), default=0.0)
            cache.set(KEY, seconds, timeout=KEPT_FOR)
        if seconds <= lag.LATE:
            return []
        minutes = int(seconds // 60)
        late = "a minute" if minutes == 1 else f"{minutes} minutes"
        text = f"Figures, webhooks and alerts are {late} late. They catch up by themselves."
        return [Notice("Events are processed late", text, tone="warn", icon="clock")]


banners.register("events_behind", EventsBehind)
