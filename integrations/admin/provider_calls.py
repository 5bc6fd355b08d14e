"""The console's page of calls over connections, and the switch that pauses them."""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter, choose, during
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.templatetags.console_ui import chip, exact_second
from console.viewers import viewer_of
from integrations.calls.breaker import REASON_LIMIT, pause_calls, resume_calls
from integrations.calls.rights import MANAGE, VIEW
from integrations.calls.selectors import list_calls
from integrations.connections.selectors import list_connections
from integrations.models import ProviderCall

Outcome = ProviderCall.Outcome
TONES = {
    Outcome.ANSWERED: ("good", "check"),
    Outcome.REFUSED: ("warn", "ban"),
    Outcome.LIMITED: ("warn", "clock"),
    Outcome.EXPIRED: ("danger", "key"),
    Outcome.NOT_SENT: ("warn", "x-circle"),
}
BROKEN = ("danger", "alert")


def outcome_chip(outcome: Outcome) -> str:
    """Draw how a call ended."""
    return chip(str(outcome.label), *TONES.get(outcome, BROKEN))


class SwitchForm(ConsoleForm):
    """Which connection, and why."""

    connection_id = forms.TypedChoiceField(label="Connection", coerce=UUID)
    reason = forms.CharField(
        label="Reason",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Colleagues see this on requests that wait. Don't include personal data.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["connection_id"].choices = self.initial.get("connections", [])  # type: ignore[attr-defined]


class ConnectionFilter(SelectFilter):
    title, parameter_name, field = "Connection", "connection", "connection"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        rows = list_connections(viewer=viewer_of(request)).filter(is_active=True).defer("credentials")
        return [(str(row.pk), row.name) for row in rows]


@admin.register(ProviderCall)
class ProviderCallAdmin(ServiceAdmin):
    """Calls over connections."""

    view_permission = VIEW
    nav = Nav("Outside calls", "send", SETTINGS, ORGANISATION, order=45)
    intro = (
        "Every call to an outside system in the last 30 days: how it ended and how long it took, without contents. "
        "After five failures in a row calls pause for a minute; then one call tries."
    )
    empty_title = "No calls yet"
    empty_text = "Calls appear here a few seconds after agents, approvals or the daily brief make them."
    list_display = ("called", "over", "operation", "standing", "status", "took", "attempt")
    list_filter: ClassVar = [ConnectionFilter, choose("outcome", "Outcome", Outcome.choices), during("id")]
    ordering = ("-id",)
    detail_fields = ("called", "over", "operation", "standing", "status", "took", "attempt", "idempotency_key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderCall]:
        return list_calls(viewer=viewer_of(request))

    called = Column[ProviderCall]("Called", lambda row: exact_second(row.called_at))
    over = Column[ProviderCall]("Connection", lambda row: row.connection.name)
    standing = Column[ProviderCall]("Outcome", lambda row: outcome_chip(Outcome(row.outcome)))
    took = Column[ProviderCall](
        "Time", lambda row: "–" if row.milliseconds is None else f"{row.milliseconds / 1000:.2f} s"
    )

    def form_initial(self, request: HttpRequest, action: Any, obj: Any) -> dict[str, Any]:
        """Offer the connections that are not paused, or for resuming all: failures may have paused them."""
        rows = list_connections(viewer=viewer_of(request)).filter(is_active=True).defer("credentials")
        rows = rows.filter(paused_at=None) if action.path == "pause" else rows
        return {"connections": [(str(row.pk), row.name) for row in rows]}

    pause = calls(
        pause_calls,
        title="Pause calls…",
        permission=MANAGE,
        form=SwitchForm,
        tone="danger",
        submit="Pause calls",
        explain="Nothing is read or changed over this connection until somebody resumes it. Approved requests wait; "
        "their deadlines run on.",
        done="Calls over “{.name}” are paused.",
    )
    resume = calls(
        resume_calls,
        title="Resume calls…",
        permission=MANAGE,
        form=SwitchForm,
        submit="Resume calls",
        explain="Calls are made again, also where failures paused them.",
        done="Calls over “{.name}” are made again.",
    )
