"""The console's pages of spending limits."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.crud import creates, deletes, edits
from console.base.forms import AmountField, ConsoleForm, VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip, money
from console.viewers import viewer_of
from core.clock import now
from hitl.actions import registry
from hitl.killswitch import targets
from hitl.models import Cap
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.limits import cap_reservations
from hitl.policy.limits.caps import create_cap, retire_cap, revise_cap
from hitl.policy.workflows.labels import labels
from hitl.simulation.admin import TRY, days_field, try_on_history


class CapForm(ConsoleForm):
    scope = forms.ChoiceField(label="Applies to", choices=Cap.Scope.choices)
    kind = forms.ChoiceField(label="Action, if one", required=False)
    agent = forms.ChoiceField(label="Agent, if one", required=False)
    amount = AmountField(label="Amount", min_value=0, decimal_places=2)
    currency = forms.CharField(label="Currency", max_length=3, help_text="Such as EUR.")
    window = forms.ChoiceField(label="Per", choices=Cap.Window.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = [(target, name) for (scope, target), name in targets.names().items() if scope == "agent"]
        self.fields["kind"].choices = [("", "–"), *registry.titles()]  # type: ignore[attr-defined]
        self.fields["agent"].choices = [("", "–"), *agents]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Require the action or agent that the limit applies to."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("scope") in ("kind", "agent") and not said.get(said["scope"]) and said["scope"] not in self.errors:
            self.add_error(said["scope"], "Choose what the limit applies to.")
        return said


class AmountForm(VersionedForm):
    amount = AmountField(label="Amount", min_value=0, decimal_places=2)


class TryCapForm(CapForm):
    """A new spending limit to try."""

    try_days = days_field()


class TryAmountForm(ConsoleForm):
    amount = AmountField(label="Amount", min_value=0, decimal_places=2)
    try_days = days_field()


def cap_in(form: ConsoleForm) -> dict[str, Any]:
    """Return the limit of a form, as the services take it."""
    said = form.cleaned_data
    limit = {name: said[name] for name in ("scope", "currency", "amount", "window")}
    return {**limit, "target": {"kind": said["kind"], "agent": said["agent"]}.get(said["scope"], "")}


@admin.register(Cap)
class CapAdmin(DefinitionAdmin):
    nav = Nav("Spending limits", "coin", SETTINGS, APPROVAL_RULES, order=40)
    intro = "How much can be spent per day or month. Approved requests beyond a limit wait until it allows them."
    empty_title = "No spending limits"
    empty_text = "Every approved request is executed."
    list_display = ("covers", "limit", "taken", "standing")
    ordering = ("-is_active", "scope", "id")
    detail_fields = ("covers", "limit", "taken", "standing", "version")

    def prepare_rows(self, request: HttpRequest, rows: list[Cap]) -> None:
        label = labels()
        for cap in rows:
            cap.covered = "Everything" if cap.scope == "all" else label(cap.scope, cap.target)  # type: ignore[attr-defined]
            cap.used_now = cap_reservations.used(cap, now())  # type: ignore[attr-defined]

    covers = Column[Cap]("Applies to", lambda cap: str(cap.covered))  # type: ignore[attr-defined]
    limit = Column[Cap](
        "Amount",
        lambda cap: format_html('<span class="wk-number">{}</span> a {}', money(cap.amount, cap.currency), cap.window),
    )

    @admin.display(description="Used")
    def taken(self, cap: Cap) -> str:
        """Return what is reserved and spent in the current period."""
        used = cap.used_now  # type: ignore[attr-defined]
        share = 100 if not cap.amount else min(100, round(100 * used / cap.amount))
        return format_html('<span class="wk-number">{}</span> ({} %)', money(used, cap.currency), share)

    standing = Column[Cap](
        "State", lambda cap: chip("In use", "good", "check") if cap.is_active else chip("Removed", "neutral", "ban")
    )

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        return "" if obj is None or obj.is_active else "This limit was removed."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            return {"currency": request.tenant.currency}  # type: ignore[attr-defined]
        return {"amount": obj.amount, "version": obj.version}

    create = creates(create_cap, MANAGE, CapForm, title="New limit", values=cap_in, done="The limit of {} now applies.")
    edit = edits(revise_cap, "cap_id", MANAGE, AmountForm, title="Change amount", tone="primary",
                 done="The limit is now {}.")  # fmt: skip
    retire = deletes(retire_cap, "cap_id", MANAGE, title="Remove limit", form=VersionedForm,
                     explain="Requests that it holds back will continue.", done="The limit was removed.")  # fmt: skip

    @service_action(title="Try a limit", permission=MANAGE, form=TryCapForm, submit="Try",
                    on_list=True, explain="Find out which past requests a new limit would have held.")  # fmt: skip
    def try_new(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        return try_on_history(viewer_of(request), "cap", cap_in(form), form.cleaned_data[TRY])

    @service_action(path="try", title="Try another amount", permission=MANAGE, form=TryAmountForm, submit="Try",
                    explain="Find out which past requests another amount would have held.")  # fmt: skip
    def try_amount(self, request: HttpRequest, obj: Cap, form: ConsoleForm) -> HttpResponse:
        said = form.cleaned_data
        draft = {"cap": obj.pk, "amount": said["amount"]}
        return try_on_history(viewer_of(request), "cap", draft, said[TRY])
