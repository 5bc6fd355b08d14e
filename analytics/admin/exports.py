"""Console pages of exports: the list with progress, one export with its decisions, and those that repeat."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html

from analytics.admin.export_forms import (
    ApprovalsForm,
    ClearDecisionForm,
    ConversationsForm,
    EventsForm,
    ExportForm,
    FiguresForm,
    ScheduleForm,
)
from analytics.exports import downloads, jobs, schedules
from analytics.exports.jobs import CLEAR, UNFINISHED, USE, State
from analytics.exports.sources import PEOPLE, SOURCES, PersonSource, Source, source_of
from analytics.models import Export, ExportSchedule
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, creates, deletes
from console.base.forms import ConfirmForm, ConsoleForm, VersionedForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import FIGURES, Nav
from console.templatetags.console_ui import chip, exact
from console.time_zones import organisation_zone
from console.viewers import viewer_of
from core.clock import now
from core.errors import NotFound
from core.rest.downloads import streamed

REFRESH_SECONDS: Final = 3
CHIPS: Final = {
    State.WAITING: ("warn", "eye"),
    State.QUEUED: ("info", "clock"),
    State.RUNNING: ("info", "bolt"),
    State.DONE: ("good", "check"),
    State.FAILED: ("danger", "x-circle"),
    State.CANCELLED: ("neutral", "ban"),
    State.REFUSED: ("neutral", "ban"),
    State.EXPIRED: ("neutral", "clock"),
}
ERRORS: Final = {
    "not_allowed": "Your role no longer allows this export.",
    "not_granted": "It was changed outside Walker: the audit log has no second person who allowed it.",
    "too_many_rows": "There were more rows than one export may have. Choose a shorter period.",
    "no_parquet": "Parquet isn't installed here. Choose another format.",
    "store": "The file store didn't take the file. Try again later.",
    "interrupted": "It was interrupted three times. Try again, or choose a shorter period.",
    "unanswered": "Nobody decided on it within a day. Ask a colleague, then request it again.",
    "erased": "The person was erased before the file was written. Nothing of them is left to export.",
    "merged": "The contact was merged, or a merge undone, while the file was written. Request it again.",
}
TROUBLES: Final = {
    "not_allowed": "The owner's role no longer allows it.",
    "too_many_rows": "There are too many rows. Choose filters.",
    "format_unavailable": "The format isn't available here.",
}


def _exports(form: type[ExportForm], title: str, explain: str, tone: str = "neutral") -> ServiceAction:
    """Return the action that exports the list of a form."""

    def export(self: Any, request: HttpRequest, obj: None, form: ExportForm) -> str:
        if jobs.request_export(actor=viewer_of(request), wanted=form.wanted()).state == State.WAITING:
            return "A second person was asked. The export starts once they agree."
        return "The export is being written. Open it to see how far it is."

    return service_action(
        path=form.source, title=title, permission=USE, form=form, submit="Export", tone=tone,
        on_list=True, explain=explain,
    )(export)  # fmt: skip


def _source_of(row: Export | ExportSchedule) -> type[Source] | None:
    try:
        return source_of(row.source)
    except NotFound:
        return None


def _list_of(row: Export | ExportSchedule) -> str:
    source = _source_of(row)
    return row.source if source is None else source.label


@admin.register(Export)
class ExportAdmin(ServiceAdmin):
    view_permission = USE
    nav = Nav("Exports", "record", FIGURES, order=40)
    intro = (
        "Lists taken away as files. Personal data is masked, files are kept for seven days, and downloads are audited."
    )
    empty_title = "Nothing was exported yet"
    empty_text = "Choose a list above. The file is written in the background."
    list_display = ("listed", "span", "standing", "progress", "by", "created_at")
    list_filter: ClassVar = [
        choose("state", "State", State.choices),
        choose("source", "List", [(key, kind.label) for kinds in (SOURCES, PEOPLE) for key, kind in kinds.items()]),
    ]
    ordering = ("-id",)
    detail_fields = (
        *("listed", "span", "narrowed", "standing", "progress", "trouble", "file_size", "by", "why", "decision"),
        *("created_at", "finished_at", "kept", "digest"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Export]:
        viewer = viewer_of(request)
        return jobs.query_exports(viewer=viewer) if viewer.may(USE) else Export.objects.none()

    def prepare_rows(self, request: HttpRequest, rows: list[Export]) -> None:
        names = names_of(key for row in rows for key in (row.requested_by_id, row.decided_by_id))
        may_decide = viewer_of(request).may(CLEAR)
        for row in rows:
            row.asker = name_in(names, row.requested_by_id)  # type: ignore[attr-defined]
            row.decider = name_in(names, row.decided_by_id, otherwise="")  # type: ignore[attr-defined]
            row.shows_reason = may_decide  # type: ignore[attr-defined]

    def detail_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Show one export; the page refreshes while it is written."""
        response = super().detail_view(request, object_id)
        export = getattr(response, "context_data", {}).get("obj")
        if isinstance(export, Export) and export.state in (State.QUEUED, State.RUNNING):
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if obj is None:
            return ""
        viewer = viewer_of(request)
        is_own = obj.requested_by_id == viewer.user_id
        if action.path == "cancel":
            if not is_own:
                return "Only the person who requested it can cancel it."
            return "" if obj.state in UNFINISHED else "It's finished already."
        if action.path == "file":
            if not jobs.may_read(viewer, obj):
                return "Only the person who requested this export can download it."
            return "" if obj.state == State.DONE else downloads.WHY_NOT[State(obj.state)]
        if obj.state != State.WAITING:
            return "It doesn't wait for a decision."
        source = _source_of(obj)
        if source is None or not viewer.may(source.permission):
            return "Your role can't decide on it: it can't export this itself."
        return "You can't decide on your own export. A second person must do it." if is_own else ""

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Leave out what can't be done with an export, but for its download, which says why not."""
        offered = super().offered(request, obj, on_list=on_list)
        return [offer for offer in offered if not offer["blocked"] or offer["action"].path == "file"]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        today = now().astimezone(organisation_zone()).date()
        return {"since": today.replace(day=1), "until": today} if obj is None else {}

    conversations = _exports(
        ConversationsForm, "Export conversations",
        "Conversations that began in the period, with their times, team and outcome.", tone="primary",
    )  # fmt: skip
    approvals = _exports(
        ApprovalsForm, "Export approvals", "Requests that were made in the period, with their outcome."
    )  # fmt: skip
    figures = _exports(FiguresForm, "Export figures", "What was counted on each day, split by one thing at a time.")
    events = _exports(EventsForm, "Export events", "What happened, in ids, states and numbers, for programs.")

    @service_action(title="Download", permission=USE, form=ConfirmForm, tone="primary",
                    explain="The download is recorded in the audit log.")  # fmt: skip
    def file(self, request: HttpRequest, obj: Export, form: ConsoleForm) -> StreamingHttpResponse:
        file = downloads.download_export(actor=viewer_of(request), list_export_id=obj.pk)
        return streamed(request, file.parts, file.content_type, file.name)

    grant = calls(jobs.grant_export, "list_export_id", title="Allow in clear", permission=CLEAR,
                  form=ClearDecisionForm, submit="Allow", tone="good",
                  explain="The file will show personal data to its requester.",
                  done="The export was allowed, and is being written.")  # fmt: skip
    refuse = calls(jobs.refuse_export, "list_export_id", title="Refuse", permission=CLEAR, form=ClearDecisionForm,
                   tone="danger", done="The export was refused.")  # fmt: skip
    cancel = calls(jobs.cancel_export, "list_export_id", title="Cancel export", permission=USE,
                   explain="What is written so far is removed.", done="The export was cancelled.")  # fmt: skip

    def object_title(self, obj: Export) -> str:
        return f"{self.listed(obj)}, {self.span(obj)}"

    listed = Column[Export](
        "List", lambda export: f"{_list_of(export)} ({export.format.upper()}{', in clear' if export.in_clear else ''})"
    )

    @admin.display(description="Period")
    def span(self, export: Export) -> str:
        zone = organisation_zone()
        return f"{export.since.astimezone(zone):%-d %b %Y} to {export.until.astimezone(zone):%-d %b %Y}"

    @admin.display(description="Filters")
    def narrowed(self, export: Export) -> str:
        source = _source_of(export)
        if source is None:
            return "–"
        if issubclass(source, PersonSource):
            name, url = source.page_of(UUID(export.filters[source.subject]))
            return format_html('Of <a href="{}">{}</a>', url, name)
        choices = {choice.name: choice for choice in source.choices()}
        known = [(choices[name], value) for name, value in export.filters.items() if name in choices]
        found = [f"{choice.label}: {dict(choice.options).get(value, value)}" for choice, value in known]
        return ", ".join(found) or "None"

    standing = Column[Export]("Status", lambda export: chip(export.get_state_display(), *CHIPS[State(export.state)]))

    @admin.display(description="Rows")
    def progress(self, export: Export) -> str:
        """Return how many rows are written, with a bar while it is at it."""
        if export.state != State.RUNNING:
            return f"{export.written or export.total:,}"
        bar = '<progress class="wk-progress" max="{}" value="{}" aria-label="Rows written"></progress>{}'
        so_far = f"{export.written:,} of {export.total:,}" if export.total else f"{export.written:,}"
        return format_html(bar, max(export.total, export.written, 1), export.written, so_far)

    trouble = Column[Export]("Problem", lambda export: ERRORS.get(export.error, export.error) or "–")
    file_size = Column[Export]("File size", lambda export: filesizeformat(export.size) if export.size else "–")
    by = Column[Export]("Requested by", lambda export: getattr(export, "asker", "–"))
    # Only for people who may decide on it.
    why = Column[Export](
        "Reason for personal data",
        lambda export: (export.reason if getattr(export, "shows_reason", False) else "") or "–",
    )

    @admin.display(description="Decided by")
    def decision(self, export: Export) -> str:
        if export.decided_by_id is None:
            return "–"
        reason = export.decision_reason if getattr(export, "shows_reason", False) else ""
        return f"{getattr(export, 'decider', '')}{f': {reason}' if reason else ''}"

    kept = Column[Export](
        "File kept until", lambda export: exact(export.expires_at) if export.state == State.DONE else "–"
    )
    digest = Column[Export](
        "SHA-256",
        lambda export: format_html('<code class="wk-digest">{}</code>', export.sha256) if export.sha256 else "–",
    )


@admin.register(ExportSchedule)
class ExportScheduleAdmin(ServiceAdmin):
    view_permission = USE
    nav = Nav("Scheduled exports", "calendar", FIGURES, order=50)
    intro = "Exports that repeat every week or month. Recipients get a link by email, and sign in to download the file."
    empty_title = "No scheduled exports yet"
    empty_text = "Schedule one, such as last month's conversations on the first of each month."
    list_display = ("name", "standing", "listed", "when", "next_run_at", "owned_by")
    ordering = ("-id",)
    to_list = ("delete",)
    detail_fields = ("standing", "problem", "listed", "when", "sent_to", "next_run_at", "owned_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExportSchedule]:
        viewer = viewer_of(request)
        return schedules.query_schedules(viewer=viewer) if viewer.may(USE) else ExportSchedule.objects.none()

    def prepare_rows(self, request: HttpRequest, rows: list[ExportSchedule]) -> None:
        names = names_of(key for row in rows for key in (row.owner_id, *row.recipients))
        for row in rows:
            row.owner_name = name_in(names, row.owner_id)  # type: ignore[attr-defined]
            row.people = ", ".join(name_in(names, key) for key in row.recipients)  # type: ignore[attr-defined]

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if obj is None or obj.owner_id == viewer_of(request).user_id:
            return ""
        return "Only the person who made this scheduled export can change it."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            own = [viewer_of(request).user_id]
            return {"zone": organisation_zone().key, "day": 1, "at": "07:00", "recipients": own}
        values = {name: getattr(obj, name) for name in (*ScheduleForm.base_fields, "version")}
        return {**values, "recipients": [str(key) for key in obj.recipients]}

    create = creates(schedules.create_schedule, USE, ScheduleForm, title="Schedule an export", submit="Schedule",
                     tone="primary", explain="Personal data is always masked.",
                     values=lambda form: {"settings": form.settings({})}, done="“{}” was scheduled.")  # fmt: skip

    @service_action(title="Edit", permission=USE, form=ScheduleForm, submit="Save", tone="primary")
    def edit(self, request: HttpRequest, obj: ExportSchedule, form: ScheduleForm) -> str:
        """Change the scheduled export; its filters stay with their list."""
        kept = obj.filters if form.cleaned_data["source"] == obj.source else {}
        saved = schedules.revise_schedule(
            actor=viewer_of(request), schedule_id=obj.pk, settings=form.settings(kept), seen_version=form.seen_version()
        )
        return f"“{saved}” was saved."

    delete = deletes(schedules.delete_schedule, "schedule_id", USE, form=VersionedForm, done="“{}” was deleted.",
                     explain="Files that it made stay until they expire.")  # fmt: skip

    standing = Column[ExportSchedule](
        "State", lambda row: chip("On", "good", "check") if row.is_on else chip("Off", "neutral", "pause")
    )
    problem = Column[ExportSchedule]("Why it's off", lambda row: TROUBLES.get(row.trouble, row.trouble) or "–")
    listed = Column[ExportSchedule]("List", lambda row: f"{_list_of(row)} ({row.format.upper()})")

    @admin.display(description="When")
    def when(self, row: ExportSchedule) -> str:
        days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        is_week = row.every == ExportSchedule.Every.WEEK
        day = f"Every {days[row.day - 1]}" if is_week else f"Day {row.day} of each month"
        return f"{day}, {row.at:%H:%M} ({row.zone.replace('_', ' ')})"

    sent_to = Column[ExportSchedule]("Recipients", lambda row: getattr(row, "people", "") or "–")
    owned_by = Column[ExportSchedule]("Owner", lambda row: getattr(row, "owner_name", "–"))
