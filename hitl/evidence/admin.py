"""The page of evidence: exports of periods, and what an auditor needs to verify them."""

from datetime import datetime, time, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import APPROVALS, Nav
from console.templatetags.console_ui import chip, exact
from console.time_zones import organisation_zone
from console.viewers import viewer_of
from core.clock import now
from core.privacy import signing
from hitl.domain.permissions import EXPORT
from hitl.evidence import page
from hitl.evidence.export import TYPES, File
from hitl.evidence.periods import MOST, export_period, read_period, read_register, stop_export
from hitl.evidence.views import download, packed
from hitl.models import EvidenceExport

State = EvidenceExport.State
REFRESH_SECONDS: Final = 3
CHIPS: Final = {
    State.RUNNING: ("info", "bolt"),
    State.DONE: ("good", "check"),
    State.STOPPED: ("neutral", "ban"),
    State.REMOVED: ("neutral", "clock"),
}
_DAY: Final = {"type": "date"}


class PeriodForm(ConsoleForm):
    since = forms.DateField(label="First day", widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))
    until = forms.DateField(label="Last day", widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"))

    def moments(self) -> dict[str, datetime]:
        """Return the beginning of the first day and the end of the last, in the organisation's time zone."""
        zone, days = organisation_zone(), self.cleaned_data
        return {
            "since": datetime.combine(days["since"], time.min, tzinfo=zone),
            "until": datetime.combine(days["until"] + timedelta(days=1), time.min, tzinfo=zone),
        }


@admin.register(EvidenceExport)
class EvidenceExportAdmin(ServiceAdmin):
    view_permission = EXPORT
    nav = Nav("Evidence", "flag", APPROVALS, order=50)
    intro = (
        "Signed files that an auditor verifies alone. Export one request from its own page, or all requests of a "
        "period here. Personal data is masked."
    )
    empty_title = "No period was exported yet"
    empty_text = "Export a period to give an auditor all its requests in one file."
    list_display = ("period", "standing", "progress", "by", "created_at")
    list_filter: ClassVar = [choose("state", "State", State.choices)]
    ordering = ("-id",)
    detail_fields = ("period", "standing", "progress", "problems", "by", "created_at", "finished_at", "kept", "key")

    def prepare_rows(self, request: HttpRequest, rows: list[EvidenceExport]) -> None:
        names = names_of(row.requested_by_id for row in rows)
        for row in rows:
            row.exporter = name_in(names, row.requested_by_id, otherwise="An API key")  # type: ignore[attr-defined]

    def detail_view(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Show one export; the page refreshes while it is written."""
        response = super().detail_view(request, object_id)
        export = getattr(response, "context_data", {}).get("obj")
        if isinstance(export, EvidenceExport) and export.state == State.RUNNING:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if obj is None:
            return ""
        if action.path == "stop":
            return "" if obj.state == State.RUNNING else "It isn't being written any more."
        return "" if obj.state == State.DONE else "The file isn't ready, or it was removed."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        first = now().astimezone(organisation_zone()).date().replace(day=1)
        last = first - timedelta(days=1)
        return {"since": last.replace(day=1), "until": last} if obj is None else {}

    @service_action(
        title="Export a period",
        permission=EXPORT,
        form=PeriodForm,
        submit="Export",
        tone="primary",
        on_list=True,
        explain=f"All requests made in this period, at most {MOST:,}. The file is kept for seven days.",
    )
    def new(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        assert isinstance(form, PeriodForm)  # noqa: S101  (for the type checker)
        export_period(actor=viewer_of(request), **form.moments())
        return "The export is being written. Open it to see how far it is."

    stop = deletes(stop_export, "export_id", EXPORT, title="Stop", tone="neutral",
                   explain="What is written so far is removed.", done="The export was stopped.")  # fmt: skip

    @service_action(
        title="Download to verify",
        permission=EXPORT,
        form=ConfirmForm,
        submit="Download",
        tone="primary",
        explain="A packed file with one signed line for each request. The download is in the audit log.",
    )
    def file(self, request: HttpRequest, obj: EvidenceExport, form: ConsoleForm) -> StreamingHttpResponse:
        return packed(request, obj, read_period(actor=viewer_of(request), export_id=obj.pk))

    @service_action(
        title="Download to read",
        permission=EXPORT,
        form=ConfirmForm,
        submit="Download",
        explain="A page to read and print: every request of the period with its outcome and its SHA-256.",
    )
    def register(self, request: HttpRequest, obj: EvidenceExport, form: ConsoleForm) -> HttpResponse:
        evidence, digest = read_register(actor=viewer_of(request), export_id=obj.pk)
        return download(File("walker-evidence.html", page.render(evidence, digest).encode(), TYPES["html"]))

    def object_title(self, export: EvidenceExport) -> str:
        return f"Evidence, {self.period(export)}"

    @admin.display(description="Period")
    def period(self, export: EvidenceExport) -> str:
        zone = organisation_zone()
        last = export.until.astimezone(zone) - timedelta(microseconds=1)
        return f"{export.since.astimezone(zone):%-d %b %Y} to {last:%-d %b %Y}"

    standing = Column[EvidenceExport](
        "Status", lambda export: chip(export.get_state_display(), *CHIPS[State(export.state)])
    )
    progress = Column[EvidenceExport]("Requests", lambda export: f"{export.written:,} of {export.total:,}")
    problems = Column[EvidenceExport](
        "Requests with problems", lambda export: f"{export.wrong:,}" if export.wrong else "None found"
    )
    by = Column[EvidenceExport]("Exported by", lambda export: getattr(export, "exporter", "–"))
    kept = Column[EvidenceExport](
        "File kept until", lambda export: exact(export.kept_until) if export.state == State.DONE else "–"
    )
    key = Column[EvidenceExport](
        "To verify",
        lambda _export: format_html(
            'Fingerprint of the key: <code class="wk-digest">{}</code><br><a href="{}">Download the verifier</a>',
            signing.public_key().fingerprint,
            reverse("evidence_verifier"),
        ),
    )
