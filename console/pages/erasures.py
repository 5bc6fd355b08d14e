"""Console pages of erasures and their progress."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from console.base.lists import Column, choose
from console.base.model_admin import ReadOnlyAdmin
from console.names import name_in, names_of
from console.navigation import DATA, SETTINGS, Nav
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
    "message_on_its_way": "a message being sent",
    "agent_at_work": "a running agent",
    "kept_by_crm": "a CRM, which has not erased the person yet",
    "kept_by_langflow": "Langflow, which has not confirmed that it has erased the conversation",
    "request_under_way": "a request to the API that is being answered",
    "mail_on_its_way": "an email being sent",
    "mail_events_not_worked": "unprocessed email events",
    "brief_in_the_making": "a daily brief being prepared",
}
REFRESH_SECONDS: Final = 3
GOING_ON: Final = (Erasure.State.ASKED, Erasure.State.WORKING)


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Erasures, listed by the person's id because names are gone."""

    view_permission = "core.view_erasures"
    nav = Nav("Data deletion", "eraser", SETTINGS, DATA, order=30)
    intro = "People who were permanently erased. To erase someone, open their contact or their page under People."
    empty_title = "Nobody has been erased"
    empty_text = "When someone asks to be forgotten, erase them from their contact or their page under People."
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
        """Load who requested each erasure."""
        names = names_of(row.asked_by for row in rows)
        for row in rows:
            row.asker = name_in(names, row.asked_by, otherwise="–")  # type: ignore[attr-defined]

    def detail_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Show one erasure; the page refreshes until it is done."""
        response = super().detail_view(request, object_id)
        erasure = getattr(response, "context_data", {}).get("obj")
        if isinstance(erasure, Erasure) and erasure.state in GOING_ON:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def object_title(self, erasure: Erasure) -> str:
        """Return the kind of person and the end of the id."""
        return self.person(erasure)

    @admin.display(description="Person")
    def person(self, erasure: Erasure) -> str:
        """Return the kind and the end of the id."""
        kind = "Contact" if erasure.subject_type == Erasure.Subject.CONTACT else "Member"
        return f"{kind} {str(erasure.subject_id)[-6:]}"

    standing = Column[Erasure]("Status", lambda erasure: chip(erasure.get_state_display(), *CHIPS[erasure.state]))
    waits = Column[Erasure](
        "Waiting for", lambda erasure: ", ".join(WAITS.get(what, what) for what in erasure.waits_for) or "–"
    )

    why = Column[Erasure]("Reason", lambda erasure: erasure.get_reason_display())
    by = Column[Erasure]("Requested by", lambda erasure: getattr(erasure, "asker", "–"))

    @admin.display(description="Erased so far")
    def done_so_far(self, erasure: Erasure) -> str:
        """Return what was erased, as a list with numbers."""
        counts = [
            (step.title, erasure.counts[step.key])
            for step in steps()
            if not step.only_looks and erasure.counts.get(step.key)
        ]
        if not counts and erasure.state in GOING_ON:
            return "Nothing yet. This page refreshes every few seconds."
        if not counts:
            return "There was nothing besides the name"
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}: {}</li>", counts))

    @admin.display(description="To review")
    def look_at(self, erasure: Erasure) -> str:
        """Return links to other people's requests that contain the name, and how much else does until it is deleted."""
        counts = [(step.title, erasure.counts.get(step.key, 0)) for step in steps() if step.only_looks]
        kept = [f"{title}: {count}" for title, count in counts if count]
        for_now = f"Deleted when their retention ends: {', '.join(kept)}." if kept else ""
        if not erasure.still_named:
            return for_now or "–"
        links = ((reverse("admin:hitl_approval_change", args=[key]), key[-6:]) for key in erasure.still_named)
        text = "These requests still contain the name. Check whether they mean this person:"
        shown = format_html_join("", '<li><a href="{}">Request {}</a></li>', links)
        return format_html("{}<ul>{}</ul>{}", text, shown, for_now)

    @admin.display(description="What is kept")
    def stays(self, erasure: Erasure) -> str:
        """Return what is kept."""
        if erasure.subject_type == Erasure.Subject.CONTACT:
            return "That conversations and requests took place, when, and how each was decided. No texts or names."
        return "What was decided, when and how, under an anonymous id; other people's texts."
