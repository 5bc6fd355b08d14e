"""The console's pages of risk scoring."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from console.base.actions import ServiceAction, service_action
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.viewers import viewer_of
from hitl.actions import registry
from hitl.display import FACTORS
from hitl.domain import risk
from hitl.models import RiskPolicy
from hitl.policy.admin.base import MANAGE, VersionAdmin
from hitl.policy.limits.risk_weights import set_risk_policy
from hitl.policy.workflows.definitions import risk_policy
from hitl.policy.workflows.labels import labels
from hitl.simulation.admin import TRY, days_field, try_on_history


class WeightsForm(VersionedForm):
    """The weight of each risk factor, and points for each action."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in risk.FACTORS:
            self.fields[f"weight_{name}"] = _whole(f"{FACTORS[name]} (0 to {risk.WEIGHT_MAX} times)", risk.WEIGHT_MAX)
        for kind, title in registry.titles():
            self.fields[f"points_{kind}"] = _whole(f"Points added for “{title}”", risk.KIND_POINTS_MAX)
        self.fields["reason"] = forms.CharField(
            label="Reason (optional)",
            max_length=300,
            required=False,
            widget=forms.TextInput(attrs={"class": "wk-input"}),
        )


def _whole(label: str, most: int) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "wk-input"})
    return forms.IntegerField(label=label, min_value=0, max_value=most, required=False, widget=widget)


class TryWeightsForm(WeightsForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[TRY] = days_field()


def weights_in(form: WeightsForm) -> tuple[dict[str, int], dict[str, int]]:
    said = form.cleaned_data
    weights = {name: said[f"weight_{name}"] for name in risk.FACTORS if said[f"weight_{name}"] is not None}
    points = {key.removeprefix("points_"): value for key, value in said.items() if key.startswith("points_") and value}
    return weights, points


@admin.register(RiskPolicy)
class RiskPolicyAdmin(VersionAdmin):
    nav = Nav("Risk scoring", "scale", SETTINGS, APPROVAL_RULES, order=50)
    intro = "How much each risk factor counts. New requests use the newest version; each request names its own."
    empty_title = "Every factor counts once"
    empty_text = "Change weights or add points for an action, for example to require more approvals."
    list_display = ("version", "weighs", "adds", "reason", "by", "since")
    detail_fields = ("version", "weighs", "adds", "reason", "by", "since")

    def prepare_rows(self, request: HttpRequest, rows: list[RiskPolicy]) -> None:
        super().prepare_rows(request, rows)
        label = labels()
        for policy in rows:
            added = [f"{label('kind', kind)}: +{points}" for kind, points in policy.kind_points.items()]
            policy.added_words = "; ".join(added)  # type: ignore[attr-defined]

    @admin.display(description="Weights")
    def weighs(self, policy: RiskPolicy) -> str:
        changed = [f"{FACTORS.get(name, name)}: {weight}×" for name, weight in policy.weights.items() if weight != 1]
        return "; ".join(changed) or "Every factor counts once"

    adds = Column[RiskPolicy]("Extra points", lambda policy: policy.added_words or "–")  # type: ignore[attr-defined]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        policy = risk_policy()
        weights = {f"weight_{name}": policy.weights.get(name, 1) for name in risk.FACTORS}
        known = {"version": policy.version, **weights}
        days = {TRY: 30} if action.path == "try" else {}
        return {**known, **{f"points_{kind}": points for kind, points in policy.kind_points.items()}, **days}

    @service_action(title="Edit risk scoring", permission=MANAGE, form=WeightsForm, submit="Save",
                    tone="good", on_list=True, explain="1 counts a factor normally, 2 counts it twice, 0 ignores "
                    "it. Points are added to every request for that action.")  # fmt: skip
    def weigh(self, request: HttpRequest, obj: None, form: WeightsForm) -> str:
        weights, points = weights_in(form)
        made = set_risk_policy(
            actor=viewer_of(request),
            weights=weights,
            kind_points=points,
            reason=form.cleaned_data["reason"],
            seen_version=form.seen_version(),
        )
        return f"{made} is now in use."

    @service_action(path="try", title="Try risk scoring", permission=MANAGE, form=TryWeightsForm, submit="Try",
                    on_list=True, explain="Find out which past requests another scoring would have "
                    "changed.")  # fmt: skip
    def try_weights(self, request: HttpRequest, obj: None, form: WeightsForm) -> HttpResponse:
        weights, points = weights_in(form)
        draft = {"weights": weights, "kind_points": points}
        return try_on_history(viewer_of(request), "risk", draft, form.cleaned_data[TRY])
