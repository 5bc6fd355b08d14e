"""The console's pages of security systems: where the audit log goes, how far it has got, and trying it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from console.base.actions import ServiceAction
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core.audit.selectors import VIEW
from integrations.siem import selectors, services
from integrations.siem.errors import describe
from integrations.siem.models import NAME_LIMIT, AuditDestination
from integrations.siem.senders import URL_LIMIT, target_of
from integrations.siem.services import AUTHORITY_LIMIT, MANAGE, TOKEN_LIMIT, DestinationSettings


class DestinationForm(VersionedForm):
    """Where the audit log goes, and how."""

    name = forms.CharField(label="Name", max_length=NAME_LIMIT, help_text="Such as “Splunk”.")
    kind = forms.ChoiceField(label="Sent as", choices=AuditDestination.Kind.choices)
    address = forms.CharField(
        label="Address",
        max_length=URL_LIMIT,
        help_text="For syslog siem.example.com:6514, else an address that begins with https://.",
    )
    token = forms.CharField(
        label="Token",
        required=False,
        max_length=TOKEN_LIMIT,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Not for syslog. Encrypted and never shown again. Leave empty to keep the current one.",
    )
    authority = forms.CharField(
        label="CA certificate",
        required=False,
        max_length=AUTHORITY_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="In PEM form, if your security system has a certificate from a CA of your own.",
    )

    def values(self) -> dict[str, Any]:
        """Return what the services take."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        starts = {"sends_all": said.pop("start") == "all"} if "start" in said else {}
        return {"wanted": DestinationSettings(**said), **starts}


class NewDestinationForm(DestinationForm):
    """A new destination, and what it begins with."""

    start = forms.ChoiceField(
        label="Begin with", choices=[("now", "New entries only"), ("all", "The whole audit log, oldest entry first")]
    )


@admin.register(AuditDestination)
class AuditDestinationAdmin(ServiceAdmin):
    """Where the audit log goes, and how far it has got there."""

    view_permission = VIEW
    nav = Nav("Security systems", "shield", SETTINGS, DATA, order=15)
    intro = (
        "Your security system (SIEM) gets the audit log, entry by entry and in order. "
        "What it can't take waits in the log, and nothing is lost."
    )
    empty_title = "The audit log goes nowhere yet"
    empty_text = "Add your security system to keep a copy of the audit log where Walker can't change it."
    masked_fields = ("address", "token")
    list_display = ("name", "kind", "host", "standing", "sent", "backlog")
    ordering = ("name", "id")
    detail_fields = ("kind", "where", "token_state", "authority_state", "standing", "sent", "last_sent", "backlog",
                     "trouble", "failing_since", "version", "created_at")  # fmt: skip
    to_list = ("remove",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditDestination]:
        return selectors.list_destinations(viewer=viewer_of(request))

    def prepare_rows(self, request: HttpRequest, rows: list[AuditDestination]) -> None:
        """Note whether the viewer may see whole addresses."""
        for row in rows:
            row.shows_address = viewer_of(request).may(MANAGE)  # type: ignore[attr-defined]

    # Only the host: the rest of an address may hold a secret.
    host = Column[AuditDestination]("Host", lambda row: target_of(row.kind, row.address)[0])
    token_state = Column[AuditDestination]("Token", lambda row: "Kept, encrypted" if row.token else "None")
    authority_state = Column[AuditDestination](
        "Certificate from", lambda row: "A CA of your own" if row.authority else "A public CA"
    )
    sent = Column[AuditDestination]("Last entry sent", lambda row: f"#{row.sent_seq:,}" if row.sent_seq else "None")
    last_sent = Column[AuditDestination]("Sent", lambda row: moment(row.sent_at, "Never"))
    trouble = Column[AuditDestination]("Last error", lambda row: describe(row.last_error) or "–")

    @admin.display(description="Address")
    def where(self, row: AuditDestination) -> str:
        """Return the address, in full for those who may change it."""
        return str(row.address if row.shows_address else self.host(row))  # type: ignore[attr-defined]

    @admin.display(description="State")
    def standing(self, row: AuditDestination) -> str:
        if row.paused_at is not None:
            return chip("Paused", "warn", "pause")
        return chip("Failing", "danger", "alert") if row.failures else chip("On", "good", "check")

    @admin.display(description="Behind")
    def backlog(self, row: AuditDestination) -> str:
        """Return how many entries wait, and since when."""
        behind = row.behind  # type: ignore[attr-defined]
        if behind <= 0:
            return "Nothing waits"
        since = moment(row.waits_since)  # type: ignore[attr-defined]
        return format_html("{} {} since {}", f"{behind:,}", "entry" if behind == 1 else "entries", since)

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why an action does not apply now."""
        if obj is None or action.path not in ("pause", "resume") or (obj.paused_at is None) == (action.path == "pause"):
            return ""
        return "This destination is paused." if obj.paused_at else "This destination is on."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with; never the token."""
        if obj is None:
            return {"version": 0}
        return {name: getattr(obj, name) for name in ("version", "name", "kind", "address", "authority")}

    create = creates(services.add_destination, MANAGE, NewDestinationForm, title="Add destination", submit="Add",
                     values=NewDestinationForm.values, done="“{}” was added. Send a test entry on its page.",
                     explain="From then on your security system gets each entry within seconds. "
                             "Others who may read the audit log get a notice.")  # fmt: skip
    edit = edits(services.revise_destination, "destination_id", MANAGE, DestinationForm, values=DestinationForm.values,
                 tone="primary", done="“{}” was saved.",
                 explain="It goes on after the last entry that was sent. "
                         "Others who may read the audit log get a notice of all but a new name.")  # fmt: skip
    test = calls(
        services.send_test,
        "destination_id",
        title="Send a test entry",
        permission=MANAGE,
        submit="Send",
        explain="Sends one line that is no entry, and waits until it has arrived.",
        done="The test entry has arrived.",
    )
    pause = calls(services.pause_destination, "destination_id", title="Pause", permission=MANAGE,
                  explain="Entries wait in the audit log. Others who may read it get a notice.",
                  done="“{}” is paused.")  # fmt: skip
    resume = calls(services.resume_destination, "destination_id", title="Resume", permission=MANAGE,
                   explain="Sends what has waited, then new entries.", done="“{}” is on.")  # fmt: skip
    remove = deletes(services.remove_destination, "destination_id", MANAGE, title="Remove", form=VersionedForm,
                     explain="Nothing more is sent there. Others who may read the audit log get a notice.",
                     done="“{}” was removed.")  # fmt: skip
