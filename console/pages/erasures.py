"""Who was erased, and how far each erasure is."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from console.base.lists import choose
from console.base.model_admin import ReadOnlyAdmin
from console.names import name_in, names_of
from console.navigation import Nav
from console.templatetags.console_ui import chip
from core.models import Erasure
from core.privacy.erasure.registry import steps

CHIPS: Final[Mapping[str, tuple[str, str]]] = {
    "asked": ("neutral", "clock"),
    "working": ("info", "bolt"),
    "done": ("good", "check"),
    "parked": ("danger", "ban"),
}
WAITS: Final[Mapping[str, str]] = {
    "message_on_its_way": "a message that is on its way",
    "agent_at_work": "an agent that is at work",
    "mail_on_its_way": "mail that is being handed over",
    "mail_events_not_worked": "news about mail that is not worked yet",
    "brief_in_the_making": "a daily brief that is being put together",
}
REFRESH_SECONDS: Final = 3
GOING_ON: Final = (Erasure.State.ASKED, Erasure.State.WORKING)


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Erasures by the person's id: a name is what is gone."""

    view_permission = "core.view_erasures"
    nav = Nav("Erasures", "eraser", group="Oversight", order=75)
    intro = "People who were erased for good. Open a contact or a person to erase somebody."
    empty_title = "Nobody was erased"
    empty_text = "Whoever asks to be forgotten is erased from the page of the contact or the person."
    masked_fields = ("traces",)
    list_display = ("person", "standing", "why", "asked_at", "finished_at")
    list_filter: ClassVar = [
        choose("state", "State", Erasure.State.choices),
        choose("subject_type", "Who", Erasure.Subject.choices, parameter="who"),
    ]
    ordering = ("-id",)
    detail_fields = (
        "person",
        "standing",
        "waits",
        "why",
        "by",
        "asked_at",
        "finished_at",
        "done_so_far",
        "look_at",
        "stays",
    )

    def prepare_rows(self, request: HttpRequest, rows: list[Erasure]) -> None:
        """Read who asked, for all rows at once."""
        names = names_of(row.asked_by for row in rows)
        for row in rows:
            row.asker = name_in(names, row.asked_by, otherwise="–")  # type: ignore[attr-defined]

    def detail_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Show one, again and again until it is done."""
        answer = super().detail_view(request, object_id)
        found = getattr(answer, "context_data", {}).get("obj")
        if isinstance(found, Erasure) and found.state in GOING_ON:
            answer["Refresh"] = str(REFRESH_SECONDS)
        return answer

    def object_title(self, erasure: Erasure) -> str:
        """Return who, by the end of the id."""
        return self.person(erasure)

    @admin.display(description="Person")
    def person(self, erasure: Erasure) -> str:
        """Return the kind and the end of the id."""
        kind = "Contact" if erasure.subject_type == Erasure.Subject.CONTACT else "Member"
        return f"{kind} {str(erasure.subject_id)[-6:]}"

    @admin.display(description="State")
    def standing(self, erasure: Erasure) -> str:
        """Return how far it is."""
        return chip(erasure.get_state_display(), *CHIPS[erasure.state])

    @admin.display(description="Waits for")
    def waits(self, erasure: Erasure) -> str:
        """Return what has to end first, in words."""
        return ", ".join(WAITS.get(what, what) for what in erasure.waits_for) or "–"

    @admin.display(description="Reason")
    def why(self, erasure: Erasure) -> str:
        """Return the reason."""
        return erasure.get_reason_display()

    @admin.display(description="Asked by")
    def by(self, erasure: Erasure) -> str:
        """Return who asked for it."""
        return getattr(erasure, "asker", "–")

    @admin.display(description="Erased so far")
    def done_so_far(self, erasure: Erasure) -> str:
        """Return what was erased, as a list with numbers."""
        told = [(step.title, erasure.counts[step.key]) for step in steps() if erasure.counts.get(step.key)]
        if not told and erasure.state in GOING_ON:
            return "Nothing yet. This page looks again every few seconds."
        if not told:
            return "There was nothing besides the name"
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", told))

    @admin.display(description="Look at these")
    def look_at(self, erasure: Erasure) -> str:
        """Return links to the requests of others that hold the name: a person tells whether he is meant."""
        if not erasure.still_named:
            return "–"
        links = ((reverse("admin:hitl_approval_change", args=[key]), key[-6:]) for key in erasure.still_named)
        said = "These requests still name the person; look at them:"
        return format_html("{}<ul>{}</ul>", said, format_html_join("", '<li><a href="{}">Request {}</a></li>', links))

    @admin.display(description="What stays")
    def stays(self, erasure: Erasure) -> str:
        """Say what is kept."""
        if erasure.subject_type == Erasure.Subject.CONTACT:
            return "That there were conversations and requests, when, and how each was decided: without words or names."
        return "What was decided, when and how, under an id that means nobody; words of others."
