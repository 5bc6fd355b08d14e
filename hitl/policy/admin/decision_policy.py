"""The console's page of the settings for deciding in the console."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.base.crud import given
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.viewers import viewer_of
from hitl.approvals.admin.forms import reason_field
from hitl.models import DecisionPolicy
from hitl.policy import decision_policy
from hitl.policy.admin.base import MANAGE, VersionAdmin
from hitl.policy.decision_policy import set_decision_policy
from hitl.policy.models.policies import BATCH_RISKS


class DecisionPolicyForm(VersionedForm):
    undo_seconds = forms.IntegerField(
        label="Seconds to undo an approval",
        min_value=0,
        max_value=decision_policy.UNDO_SECONDS_MAX,
        help_text="An approval given in the console is executed after these seconds. With 0 it is executed at once.",
    )
    batch_risk = forms.ChoiceField(
        label="Highest risk to approve many at once",
        choices=BATCH_RISKS,
        help_text="Riskier requests are approved one by one, and critical ones always are.",
    )
    reason = reason_field()


@admin.register(DecisionPolicy)
class DecisionPolicyAdmin(VersionAdmin):
    nav = Nav("Decision settings", "check-circle", SETTINGS, APPROVAL_RULES, order=80)
    intro = "How long an approval given in the console can be undone, and which requests can be approved many at once."
    empty_title = "Undo for 10 seconds, many at once up to medium risk"
    empty_text = "These are the defaults. Nobody has changed them yet."
    list_display = ("version", "undo", "batches", "reason", "by", "since")
    detail_fields = ("version", "undo", "batches", "reason", "by", "since")

    undo = Column[DecisionPolicy](
        "Time to undo",
        lambda policy: f"{policy.undo_seconds} seconds" if policy.undo_seconds else "None: executed at once",
    )

    @admin.display(description="Approve many at once")
    def batches(self, policy: DecisionPolicy) -> str:
        risk = policy.get_batch_risk_display()
        return "Never" if policy.batch_risk == "none" else f"Up to {risk.lower()} risk"

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        policy = decision_policy.current()
        return {"version": policy.version, "undo_seconds": policy.undo_seconds, "batch_risk": policy.batch_risk}

    @service_action(title="Change settings", permission=MANAGE, form=DecisionPolicyForm,
                    submit="Save", tone="good", on_list=True, explain="Approvals given before keep their time to "
                    "undo. Over the API and by links in mails, approvals are always executed at once.")  # fmt: skip
    def change_settings(self, request: HttpRequest, obj: None, form: DecisionPolicyForm) -> str:
        made = set_decision_policy(actor=viewer_of(request), seen_version=form.seen_version(), **given(form))
        if not made.undo_seconds:
            return "Saved. Approvals are executed at once."
        return f"Saved. Approvals can be undone for {made.undo_seconds} seconds."
