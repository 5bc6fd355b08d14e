"""The console's list of what customers said about their conversations."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.base.lists import Column, SelectFilter, during, since
from console.base.model_admin import ReadOnlyAdmin
from console.names import name_in, names_of
from console.navigation import FIGURES, Nav
from console.templatetags.console_ui import moment
from console.viewers import viewer_of
from conversations.inbox.admin.approval_panel import customer_name
from conversations.inbox.teams import selectors
from conversations.models import Survey, Team
from conversations.surveys.selectors import marks_of, query_surveys, survey_of
from conversations.surveys.surveys import MARKS
from core.actors import Actor

REPLY: Final = "conversations.reply_conversation"
SKIPPED: Final = {
    "no_address": "there is no address to write to",
    "window_closed": "WhatsApp's 24-hour window was over and no template is chosen for surveys",
    "opted_out": "the customer opted out",
    "blocked": "the contact is blocked",
    "automatic": "the last message was written by a program",
}


class MarkFilter(SelectFilter):
    title, parameter_name = "Rating", "rating"
    options = (("low", "1 or 2"), *((str(mark), f"{mark} of 5") for mark in (1, 2, 3, 4, 5)))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        if chosen == "low":
            return queryset.filter(rating__lte=2)
        return queryset.filter(rating=int(chosen)) if chosen else queryset


class TeamFilter(SelectFilter):
    """Filter by team."""

    title, parameter_name, field = "Team", "team", "team"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        """Return the teams by name."""
        return [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    view_permission = REPLY
    nav = Nav("Ratings", "flag", FIGURES, order=20)
    intro = "What customers said once their conversation was closed. Each team decides when they are asked."
    empty_title = "No ratings yet"
    empty_text = "Turn surveys on in a team's settings. Customers are asked when their conversation is closed."
    change_list_template = "console/surveys.html"
    masked_fields = ("comment", "masked_comment")
    list_display = ("customer", "mark", "said", "team_name", "answered_by", "when")
    detail_fields = ("customer", "mark", "said", "team_name", "answered_by", "when")
    list_filter: ClassVar = [MarkFilter, TeamFilter, since("answered_at"), during("answered_at")]
    ordering = ("-answered_at", "-id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Survey]:
        """Return the answered surveys without clear text."""
        rows = query_surveys(viewer=viewer_of(request)).select_related(
            "team", "conversation__contact__user", "conversation__origin__user", "conversation__channel_account"
        )
        return rows.defer(
            "comment",
            "conversation__contact__display_name",
            "conversation__origin__display_name",
            "conversation__channel_account__credentials",
        )

    def prepare_rows(self, request: HttpRequest, rows: list[Survey]) -> None:
        """Read all names at once."""
        names = names_of(row.person_id for row in rows)
        for row in rows:
            row.person_name = name_in(names, row.person_id, otherwise="The agent")  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return the marks of the last thirty days, for those who may see figures."""
        if not selectors.figure_scope(viewer=viewer_of(request)):
            return {}
        found = marks_of(viewer=viewer_of(request))
        most = max(found.counts.values(), default=0)
        bars = [(mark, MARKS[mark], count, 200 * count // most if most else 0) for mark, count in found.counts.items()]
        return {"marks": found, "bars": bars}

    def object_title(self, survey: Survey) -> str:
        """Return the customer's name, masked."""
        return customer_name(survey.conversation)

    def object_url(self, obj: Any) -> str:
        return reverse("admin:conversations_conversation_change", args=[obj.conversation_id])

    customer = Column[Survey]("Customer", lambda survey: customer_name(survey.conversation))
    mark = Column[Survey]("Rating", lambda survey: stars(survey.rating or 0))

    @admin.display(description="Comment")
    def said(self, survey: Survey) -> str:
        text = survey.masked_comment
        return f"{text[:140].rpartition(' ')[0] or text[:140]} …" if len(text) > 142 else text or "–"

    team_name = Column[Survey]("Team", lambda survey: survey.team.name if survey.team else "–")
    answered_by = Column[Any]("Answered by", lambda survey: survey.person_name)
    when = Column[Survey]("Rated", lambda survey: moment(survey.answered_at))


def stars(rating: int) -> SafeString:
    """Draw a mark as stars, which screen readers hear as a number."""
    return format_html(
        '<span class="wk-stars" aria-hidden="true">{}<span class="wk-quiet">{}</span></span>'
        '<span class="wk-hidden">{} of 5</span>',
        "★" * rating,
        "☆" * (5 - rating),
        rating,
    )


def rating_of(viewer: Actor, conversation_id: Any, *, clear: bool) -> dict[str, Any]:
    """Return what a conversation's page shows of its survey; empty where nobody was asked. One query."""
    survey = survey_of(viewer=viewer, conversation_id=conversation_id)
    if survey is None:
        return {}
    return {
        "stars": stars(survey.rating) if survey.rating else "",
        "comment": survey.comment if clear else survey.masked_comment,
        "asked_at": survey.asked_at,
        "answered_at": survey.answered_at,
        "way": survey.get_way_display(),
        "skipped": SKIPPED.get(survey.skipped, "they can't be written to") if survey.skipped else "",
    }
