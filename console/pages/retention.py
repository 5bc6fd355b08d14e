"""Console pages of retention: for how long each kind of data is kept, and legal holds."""

import re
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DATA, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.errors import Invalid
from core.models import LegalHold, RetentionChoice
from core.privacy.retention import holds, services
from core.privacy.retention.registry import rules

TRY: Final = "try"
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class RetentionForm(ConsoleForm):
    """A kind and its days; what goes is counted before it is saved."""

    template_name = "console/retention_form.html"
    checks_redrawn = True

    kind = forms.ChoiceField(label="What", choices=lambda: [(key, rule.title) for key, rule in rules()])
    days = forms.IntegerField(
        label="Days",
        required=False,
        min_value=1,
        help_text="Leave empty to keep it for as long as the installation does.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_redrawn = self.is_bound and TRY in self.data

    def clean(self) -> dict[str, Any]:
        """Count what would go, if that is what was asked for."""
        cleaned = super().clean() or {}
        if self.is_redrawn and not self.errors:
            try:
                self.count = services.try_retention(viewer=self.initial["viewer"], **cleaned)
            except Invalid as problem:
                self.place_errors(problem.facts["fields"])
        return cleaned

    def counted(self) -> str:
        """Return how much would go, once that was asked for."""
        count = getattr(self, "count", None)
        if count is None:
            return ""
        return f"{services.COUNTED} or more" if count >= services.COUNTED else str(count)


@admin.register(RetentionChoice)
class RetentionAdmin(ServiceAdmin):
    """For how long each kind is kept: one page, without pages of single kinds."""

    view_permission = holds.VIEW
    nav = Nav("Data retention", "clock", SETTINGS, DATA, order=35)
    intro = "For how long data is kept. Older data is deleted automatically; figures, the audit log and decisions stay."
    change_list_template = "console/retention.html"
    list_display = ("kind",)
    ordering = ("kind",)
    detail_fields = ("kind", "days", "starts_at", "changed_at")

    def object_title(self, obj: RetentionChoice) -> str:
        """Return the name of the kind."""
        return next((rule.title for key, rule in rules() if key == obj.kind), obj.kind)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return each kind with its days, and the form above them."""
        viewer = viewer_of(request)
        return {
            **super().list_context(request),
            "kinds": services.list_kept(viewer=viewer),
            "is_held": holds.find_held().everything,
        }

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return who tries it."""
        return {"viewer": viewer_of(request)}

    set_days = calls(
        services.set_retention,
        title="Change retention",
        permission=holds.MANAGE,
        form=RetentionForm,
        submit="Save",
        tone="primary",
        explain="Fewer days count in a week, and colleagues who may change them are notified. More days count at once.",
        done="Saved.",
    )


class HoldForm(ConsoleForm):
    """What to hold, by the address of its page, and for which case."""

    subject_type = forms.ChoiceField(label="What to hold", choices=LegalHold.Subject.choices)
    page = forms.CharField(
        label="Page",
        required=False,
        max_length=300,
        help_text="The address of the contact's or the conversation's page. Leave empty for everything.",
    )
    reference = forms.CharField(
        label="Case", max_length=60, help_text="The case's number. No names: it is kept for good."
    )

    def clean_page(self) -> UUID | None:
        """Return the id in the address; raises `ValidationError` for an address without one."""
        text = str(self.cleaned_data["page"]).strip().lower()
        found = _ID.search(text)
        if text and found is None:
            raise forms.ValidationError("Copy the address of the page from your browser.")
        return UUID(found[0]) if found else None


def _wanted(form: HoldForm) -> dict[str, Any]:
    said = form.cleaned_data
    return {"subject_type": said["subject_type"], "subject_id": said["page"], "reference": said["reference"]}


@admin.register(LegalHold)
class LegalHoldAdmin(ServiceAdmin):
    """Legal holds, lifted ones too."""

    view_permission = holds.VIEW
    nav = Nav("Legal holds", "scale", SETTINGS, DATA, order=36)
    intro = "What may not be deleted for now, neither by its age nor because someone asks to be erased."
    empty_title = "Nothing is on hold"
    empty_text = "When a court or an authority needs data, place a hold on a contact, a conversation or everything."
    list_display = ("what", "reference", "standing", "by", "placed_at")
    list_filter: ClassVar = [choose("subject_type", "What", LegalHold.Subject.choices)]
    ordering = ("-id",)
    detail_fields = ("what", "reference", "standing", "by", "placed_at", "lifted_at")

    def prepare_rows(self, request: HttpRequest, rows: list[LegalHold]) -> None:
        """Load who placed each hold."""
        names = names_of(row.placed_by for row in rows)
        for row in rows:
            row.placer = name_in(names, row.placed_by)  # type: ignore[attr-defined]

    def object_title(self, obj: LegalHold) -> str:
        """Return the case."""
        return obj.reference

    what = Column[LegalHold](
        "What",
        lambda row: f"{row.get_subject_type_display()} {str(row.subject_id)[-6:]}" if row.subject_id else "Everything",
    )
    standing = Column[LegalHold](
        "Status",
        lambda row: chip("Lifted", "neutral", "check") if row.lifted_at else chip("On hold", "warn", "pause"),
    )
    by = Column[LegalHold]("Placed by", lambda row: getattr(row, "placer", "–"))

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Block lifting a hold again."""
        return "It was lifted already." if action.path == "lift" and obj.lifted_at else ""

    place = calls(
        holds.place_hold,
        title="Place a hold",
        permission=holds.MANAGE,
        form=HoldForm,
        tone="primary",
        explain="Nothing on hold is deleted until you lift the hold.",
        values=_wanted,
        done="The hold is placed.",
    )
    lift = calls(
        holds.lift_hold,
        "hold_id",
        title="Lift this hold",
        permission=holds.MANAGE,
        tone="danger",
        explain="Data past its retention time is deleted within the hour, for good.",
        done="The hold is lifted.",
    )
