"""Console pages of failed jobs, retrying them, and the banner of consumers of events that are behind."""

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.lists import Column, SelectFilter, since
from console.base.model_admin import ServiceAdmin
from console.extensions import Badge, Banner, Notice, badges, banners
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip
from core import bus
from core.actors import Actor
from core.bus import lag
from core.jobs import dead_letters
from core.models import DeadLetter

STATES: Final = {"parked": "Open", "replayed": "Retried", "discarded": "Discarded"}
LAG_KEPT: Final = 15
LAG_KEY: Final = "walker:bus-behind"


class StateFilter(SelectFilter):
    """Filters by status; by default open ones."""

    title, parameter_name, any_label = "Status", "state", STATES["parked"]
    options = (("replayed", STATES["replayed"]), ("discarded", STATES["discarded"]))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen status."""
        return queryset.filter(state=self.chosen() or DeadLetter.State.PARKED)


class ParkedBadge(Badge):
    """Counts failed jobs that are still open."""

    label, tone, permission = "failed jobs", "warn", "core.view_deadletter"

    def count(self, viewer: Actor) -> int:
        """Return the number of open failed jobs, at most 100."""
        return int(DeadLetter.objects.filter(state=DeadLetter.State.PARKED)[:100].count())


@admin.register(DeadLetter)
class DeadLetterAdmin(ServiceAdmin):
    """Background jobs that failed permanently."""

    view_permission = "core.view_deadletter"
    nav = Nav("Failed jobs", "dead", SETTINGS, DATA, order=40, badges=("core.parked",))
    intro = "Background jobs that failed permanently. Fix the cause, then retry the job, or discard it."
    empty_title = "No failed jobs"
    empty_text = "Jobs that keep failing appear here, so no work is lost."
    list_display = ("work", "trouble", "times", "parked_at", "standing")
    list_filter: ClassVar = [StateFilter, since("parked_at")]
    ordering = ("-parked_at", "-id")
    detail_fields = ("work", "about", "trouble", "times", "parked_at", "standing", "closed_at", "ref")

    def object_title(self, letter: DeadLetter) -> str:
        """Return the kind of job."""
        return str(self.work(letter))

    work = Column[DeadLetter]("Job", lambda letter: dead_letters.words_of(letter.kind).title)
    trouble = Column[DeadLetter]("Error", lambda letter: dead_letters.words_of(letter.kind).error(letter.error))

    @admin.display(description="About")
    def about(self, letter: DeadLetter) -> str:
        """Return a link to the object the job was about, if it has a page."""
        page = dead_letters.words_of(letter.kind).page
        if not page:
            return "–"
        url = reverse(f"admin:{page.replace('.', '_')}_change", args=[letter.ref])
        return format_html('<a href="{}">View</a>', url)

    @admin.display(description="Status")
    def standing(self, letter: DeadLetter) -> str:
        """Return the job's status."""
        is_parked = letter.state == DeadLetter.State.PARKED
        return chip(STATES[letter.state], "warn" if is_parked else "neutral", "pause" if is_parked else "check")

    def why_not(self, request: HttpRequest, action: ServiceAction, letter: DeadLetter) -> str:
        """Block actions on closed jobs."""
        if letter.state == DeadLetter.State.PARKED:
            return ""
        return f"This job was already {STATES[letter.state].lower()}."

    replay = calls(
        dead_letters.replay,
        "dead_letter_id",
        title="Retry",
        permission="core.replay_deadletter",
        tone="primary",
        explain="The job is queued again. Nothing is done twice.",
        done="The job was queued again.",
    )
    discard = calls(
        dead_letters.discard,
        "dead_letter_id",
        title="Discard",
        permission="core.replay_deadletter",
        tone="danger",
        explain="The job won't be done. This can't be undone.",
        done="The job was discarded.",
    )


badges.register("core.parked", ParkedBadge)


class EventsBehind(Banner):
    """Events that a consumer has not taken for longer than a minute."""

    permission: ClassVar[str] = "core.view_deadletter"
    only_on_dashboard: ClassVar[bool] = True

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one notice if any consumer is behind; looked at a few times a minute."""
        seconds = cache.get(LAG_KEY)
        if seconds is None:
            seconds = max((lag.seconds_behind(name) for name in bus.names()), default=0.0)
            cache.set(LAG_KEY, seconds, timeout=LAG_KEPT)
        if seconds <= lag.LATE:
            return []
        minutes = int(seconds // 60)
        late = "a minute" if minutes == 1 else f"{minutes} minutes"
        text = f"Figures, webhooks and alerts are {late} late. They catch up by themselves."
        return [Notice("Events are processed late", text, tone="warn", icon="clock")]


banners.register("events_behind", EventsBehind)
