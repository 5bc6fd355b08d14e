"""The console's pages of compliance flags."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip
from hitl.models import ComplianceFlag
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.limits.flags import create_flag, retire_flag, revise_flag

CONDITION_HELP = (
    "Every new or changed request that meets it gets the flag, for example: "
    "cost > 1000 and kind == “send_audience_message”. "
    "Leave it empty if only people set the flag."
)


class FlagChange(VersionedForm):
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
    nav = Nav("Compliance flags", "flag", SETTINGS, APPROVAL_RULES, order=60)
    intro = "Marks for requests that need a closer look. A condition sets a flag by itself; people set and clear flags."
    empty_title = "No compliance flags"
    empty_text = "Emergency approvals are flagged anyway."
    list_display = ("label", "name", "rule", "standing")
    ordering = ("-is_active", "label")
    detail_fields = ("label", "name", "rule", "standing", "version")

    rule = Column[ComplianceFlag](
        "Set by", lambda flag: f"People, or if {flag.condition}" if flag.condition else "People"
    )
    standing = Column[ComplianceFlag](
        "State", lambda flag: chip("In use", "good", "check") if flag.is_active else chip("Retired", "neutral", "ban")
    )

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        return "" if obj is None or obj.is_active else "This flag was retired."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return {} if obj is None else {"label": obj.label, "condition": obj.condition, "version": obj.version}

    create = creates(create_flag, MANAGE, NewFlag, title="New flag", done="{} was created.")
    edit = edits(revise_flag, "flag_id", MANAGE, FlagChange, title="Label and condition", tone="good",
                 done="{} was saved.")  # fmt: skip
    retire = deletes(retire_flag, "flag_id", MANAGE, title="Retire", form=VersionedForm,
                     explain="It is set no more. Requests that have it keep it until someone clears it.",
                     done="{} was retired.")  # fmt: skip
