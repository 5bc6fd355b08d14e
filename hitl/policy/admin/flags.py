"""The console's pages of compliance flags."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.base.crud import edits
from console.base.forms import ConsoleForm, VersionedForm
from console.navigation import Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from hitl.models import ComplianceFlag
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.limits.flags import create_flag, retire_flag, revise_flag

CONDITION_HELP = (
    "Every new or changed request that meets it gets the flag, for example: "
    "cost > 1000 and kind == “send_audience_message”. "
    "Leave it empty if only people set the flag."
)


class FlagChange(VersionedForm):
    """Label and condition of a flag."""

    label = forms.CharField(
        label="Label", max_length=60, help_text="As people read it, such as “Political advertising”."
    )
    condition = forms.CharField(label="Set by this condition (optional)", max_length=500, required=False,
                                help_text=CONDITION_HELP)  # fmt: skip


class NewFlag(FlagChange):
    """A new flag."""

    name = forms.CharField(
        label="Name", max_length=40, help_text="For the API and exports: small letters, digits and underscores."
    )
    field_order = ("label", "name", "condition")


@admin.register(ComplianceFlag)
class FlagAdmin(DefinitionAdmin):
    """The marks that rules and people put on requests."""

    nav = Nav("Compliance flags", "flag", group="Set-up", order=46)
    intro = "Marks for requests that need a closer look. A condition sets a flag by itself; people set and clear flags."
    empty_title = "No compliance flags"
    empty_text = "Emergency approvals are flagged anyway."
    list_display = ("label", "name", "rule", "standing")
    ordering = ("-is_active", "label")
    detail_fields = ("label", "name", "rule", "standing", "version")

    @admin.display(description="Set by")
    def rule(self, flag: ComplianceFlag) -> str:
        """Return the condition that sets it."""
        return f"People, or if {flag.condition}" if flag.condition else "People"

    @admin.display(description="State")
    def standing(self, flag: ComplianceFlag) -> str:
        """Return whether it is in use."""
        return chip("In use", "good", "check") if flag.is_active else chip("Retired", "neutral", "ban")

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why the action can't be used now."""
        return "" if obj is None or obj.is_active else "This flag was retired."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with."""
        return {} if obj is None else {"label": obj.label, "condition": obj.condition, "version": obj.version}

    @service_action(path="create", title="New flag", permission=MANAGE, form=NewFlag, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Create a flag."""
        said = {name: form.cleaned_data[name] for name in ("name", "label", "condition")}
        return f"{create_flag(actor=viewer_of(request), **said)} was created."

    edit = edits(revise_flag, "flag_id", MANAGE, FlagChange, title="Label and condition", tone="good",
                 values=lambda form: {name: form.cleaned_data[name] for name in ("label", "condition")},
                 done="{} was saved.")  # fmt: skip

    @service_action(path="retire", title="Retire", permission=MANAGE, form=VersionedForm, tone="danger",
                    explain="It is set no more. Requests that have it keep it until someone clears it.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: ComplianceFlag, form: ConsoleForm) -> str:
        """Retire the flag."""
        retire_flag(actor=viewer_of(request), flag_id=obj.pk, seen_version=form.cleaned_data["version"])
        return f"{obj} was retired."
