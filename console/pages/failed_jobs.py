"""Parked failures, and starting their work again."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from console.badges import Badge, badges
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.lists import SelectFilter, since
from console.base.model_admin import ServiceAdmin
from console.navigation import Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.actors import Actor
from core.jobs import dead_letters
from core.models import DeadLetter


class StateFilter(SelectFilter):
    """By state; without a choice what is still parked."""

    title, parameter_name, any_label = "State", "state", "Parked"
    options = (("replayed", "Replayed"), ("discarded", "Discarded"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the chosen state."""
        return queryset.filter(state=self.chosen() or DeadLetter.State.PARKED)


class ParkedBadge(Badge):
    """Failures that wait for somebody to look at them."""

    label, tone, permission = "parked failures", "warn", "core.view_deadletter"

    def count(self, viewer: Actor) -> int:
        """Count what is parked, capped."""
        return int(DeadLetter.objects.filter(state=DeadLetter.State.PARKED)[:100].count())


@admin.register(DeadLetter)
class DeadLetterAdmin(ServiceAdmin):
    """Work that failed for good."""

    view_permission = "core.view_deadletter"
    nav = Nav("Dead letters", "dead", group="Oversight", order=80, badges=("core.parked",))
    intro = "Work that failed for good. Replay it once the cause is mended, or put it aside."
    empty_title = "Nothing is parked"
    empty_text = "Work that keeps failing is put here instead of being lost."
    list_display = ("work", "trouble", "times", "parked_at", "standing")
    list_filter: ClassVar = [StateFilter, since("parked_at")]
    ordering = ("-parked_at", "-id")
    detail_fields = ("work", "about", "trouble", "times", "parked_at", "standing", "closed_at", "ref")

    def object_title(self, letter: DeadLetter) -> str:
        """Return the kind of work."""
        return str(self.work(letter))

    @admin.display(description="Work")
    def work(self, letter: DeadLetter) -> str:
        """Return what failed, in words."""
        return dead_letters.words_of(letter.kind).title

    @admin.display(description="Error")
    def trouble(self, letter: DeadLetter) -> str:
        """Return the error in words."""
        return dead_letters.words_of(letter.kind).error(letter.error)

    @admin.display(description="About")
    def about(self, letter: DeadLetter) -> str:
        """Return the way to the row whose work failed, where it has a page."""
        page = dead_letters.words_of(letter.kind).page
        if not page:
            return "–"
        url = reverse(f"admin:{page.replace('.', '_')}_change", args=[letter.ref])
        return format_html('<a href="{}">Look at it</a>', url)

    @admin.display(description="State")
    def standing(self, letter: DeadLetter) -> str:
        """Return whether it still waits."""
        is_parked = letter.state == DeadLetter.State.PARKED
        return chip(letter.state.capitalize(), "warn" if is_parked else "neutral", "pause" if is_parked else "check")

    def why_not(self, request: HttpRequest, action: ServiceAction, letter: DeadLetter) -> str:
        """What is closed stays closed."""
        return "" if letter.state == DeadLetter.State.PARKED else f"It is {letter.state} already."

    @service_action(
        path="replay",
        title="Replay",
        permission="core.replay_deadletter",
        tone="primary",
        explain="The work is queued again. It does nothing twice.",
    )
    def replay(self, request: HttpRequest, letter: DeadLetter, form: ConsoleForm) -> str:
        """Queue the work again."""
        dead_letters.replay(actor=viewer_of(request), dead_letter_id=letter.pk)
        return "The work is queued again."

    @service_action(
        path="discard",
        title="Put aside",
        permission="core.replay_deadletter",
        tone="danger",
        explain="The work is not done. This cannot be undone.",
    )
    def discard(self, request: HttpRequest, letter: DeadLetter, form: ConsoleForm) -> str:
        """Close it without doing the work."""
        dead_letters.discard(actor=viewer_of(request), dead_letter_id=letter.pk)
        return "It is put aside."


badges.register("core.parked", ParkedBadge)
