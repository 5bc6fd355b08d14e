"""The console's pages of limits and weights of risks."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.navigation import Nav
from console.templatetags.console_ui import chip, money
from console.viewers import viewer_of
from core.clock import now
from hitl import services
from hitl.actions import registry
from hitl.admin.approval.forms import VersionedForm
from hitl.admin.policy.base import MANAGE, DefinitionAdmin, VersionAdmin
from hitl.display import FACTORS
from hitl.domain import risk
from hitl.killswitch import targets
from hitl.models import Cap, RiskPolicy
from hitl.policy import caps
from hitl.policy.definitions import risk_policy
from hitl.policy.labels import labels


class CapForm(ConsoleForm):
    """A limit."""

    scope = forms.ChoiceField(label="Limits", choices=Cap.Scope.choices)
    kind = forms.ChoiceField(label="Kind of action, if one", required=False)
    agent = forms.ChoiceField(label="Agent, if one", required=False)
    amount = forms.DecimalField(label="Amount", min_value=0, decimal_places=2)
    currency = forms.CharField(label="Currency", max_length=3, help_text="Such as EUR.")
    window = forms.ChoiceField(label="Per", choices=Cap.Window.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = [(target, name) for (scope, target), name in targets.names().items() if scope == "agent"]
        self.fields["kind"].choices = [("", "–"), *registry.titles()]  # type: ignore[attr-defined]
        self.fields["agent"].choices = [("", "–"), *agents]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for what the limit is about where that is chosen."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("scope") in ("kind", "agent") and not said.get(said["scope"]) and said["scope"] not in self.errors:
            self.add_error(said["scope"], "Choose the one that is limited.")
        return said


class AmountForm(VersionedForm):
    """Another amount."""

    amount = forms.DecimalField(label="Amount", min_value=0, decimal_places=2)


@admin.register(Cap)
class CapAdmin(DefinitionAdmin):
    """How much may be carried out."""

    nav = Nav("Limits", "coin", group="Set-up", order=44)
    intro = "How much may be carried out per day or month. What does not fit is held and goes on when it fits again."
    empty_title = "No limits"
    empty_text = "Everything that is approved is carried out."
    list_display = ("covers", "limit", "taken", "standing")
    ordering = ("-is_active", "scope", "id")
    detail_fields = ("covers", "limit", "taken", "standing", "version")

    def prepare_rows(self, request: HttpRequest, rows: list[Cap]) -> None:
        """Add up what is taken of each."""
        label = labels()
        for cap in rows:
            cap.covered = "Everything" if cap.scope == "all" else label(cap.scope, cap.target)  # type: ignore[attr-defined]
            cap.used_now = caps.used(cap, now())  # type: ignore[attr-defined]

    @admin.display(description="Limits")
    def covers(self, cap: Cap) -> str:
        """Return what it limits."""
        return str(cap.covered)  # type: ignore[attr-defined]

    @admin.display(description="Amount")
    def limit(self, cap: Cap) -> str:
        """Return how much."""
        return format_html('<span class="wk-number">{} {}</span> a {}', money(cap.amount), cap.currency, cap.window)

    @admin.display(description="Taken now")
    def taken(self, cap: Cap) -> str:
        """Return what is reserved and spent in this day or month."""
        used = cap.used_now  # type: ignore[attr-defined]
        share = 100 if not cap.amount else min(100, round(100 * used / cap.amount))
        return format_html('<span class="wk-number">{} {}</span> ({} %)', money(used), cap.currency, share)

    @admin.display(description="State")
    def standing(self, cap: Cap) -> str:
        """Tell whether it is used."""
        return chip("In use", "good", "check") if cap.is_active else chip("Retired", "neutral", "ban")

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Say what is in the way."""
        return "" if obj is None or obj.is_active else "It is retired."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill the form in."""
        if obj is None:
            return {"currency": request.tenant.currency}  # type: ignore[attr-defined]
        return {"amount": obj.amount, "version": obj.version}

    @service_action(path="create", title="New limit", permission=MANAGE, form=CapForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Set a limit."""
        said = form.cleaned_data
        target = {"kind": said["kind"], "agent": said["agent"]}.get(said["scope"], "")
        made = services.create_cap(
            actor=viewer_of(request),
            scope=said["scope"],
            target=target,
            currency=said["currency"],
            amount=said["amount"],
            window=said["window"],
        )
        return f"The limit of {made} holds from now on."

    @service_action(path="edit", title="Change the amount", permission=MANAGE, form=AmountForm, submit="Save",
                    tone="primary")  # fmt: skip
    def edit(self, request: HttpRequest, obj: Cap, form: AmountForm) -> str:
        """Change the amount."""
        changed = services.revise_cap(
            actor=viewer_of(request),
            cap_id=obj.pk,
            amount=form.cleaned_data["amount"],
            seen_version=form.seen_version(),
        )
        return f"The limit is {changed} now."

    @service_action(path="retire", title="Take the limit away", permission=MANAGE, form=VersionedForm, tone="danger",
                    explain="What it holds goes on.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: Cap, form: ConsoleForm) -> str:
        """Take it away."""
        services.retire_cap(actor=viewer_of(request), cap_id=obj.pk, seen_version=form.cleaned_data["version"])
        return "The limit is taken away."


class WeightsForm(VersionedForm):
    """How much each factor weighs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in risk.FACTORS:
            self.fields[f"weight_{name}"] = _whole(f"{FACTORS[name]} (0 to {risk.WEIGHT_MAX} times)", risk.WEIGHT_MAX)
        for kind, title in registry.titles():
            self.fields[f"points_{kind}"] = _whole(f"Points added for “{title}”", risk.KIND_POINTS_MAX)
        self.fields["reason"] = forms.CharField(
            label="Why? (optional)", max_length=300, required=False, widget=forms.TextInput(attrs={"class": "wk-input"})
        )


def _whole(label: str, most: int) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "wk-input"})
    return forms.IntegerField(label=label, min_value=0, max_value=most, required=False, widget=widget)


@admin.register(RiskPolicy)
class RiskPolicyAdmin(VersionAdmin):
    """How risks are weighed, version by version."""

    nav = Nav("Weights of risks", "scale", group="Set-up", order=45)
    intro = (
        "How much each factor of a risk counts. The newest version is used; approvals name the one they were scored by."
    )
    empty_title = "Every factor counts once"
    empty_text = "Weigh factors anew, or add points for a kind of action, to have more of them signed by more people."
    list_display = ("version", "weighs", "adds", "reason", "by", "since")
    detail_fields = ("version", "weighs", "adds", "reason", "by", "since")

    def prepare_rows(self, request: HttpRequest, rows: list[RiskPolicy]) -> None:
        """Read the names at once, of the kinds too."""
        super().prepare_rows(request, rows)
        label = labels()
        for policy in rows:
            added = [f"{label('kind', kind)}: +{points}" for kind, points in policy.kind_points.items()]
            policy.added_words = "; ".join(added)  # type: ignore[attr-defined]

    @admin.display(description="Weights")
    def weighs(self, policy: RiskPolicy) -> str:
        """Return what does not count once."""
        changed = [f"{FACTORS.get(name, name)}: {weight}×" for name, weight in policy.weights.items() if weight != 1]
        return "; ".join(changed) or "Every factor counts once"

    @admin.display(description="Points for kinds")
    def adds(self, policy: RiskPolicy) -> str:
        """Return the points added."""
        return policy.added_words or "–"  # type: ignore[attr-defined]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill in what is used now."""
        policy = risk_policy()
        weights = {f"weight_{name}": policy.weights.get(name, 1) for name in risk.FACTORS}
        known = {"version": policy.version, **weights}
        return {**known, **{f"points_{kind}": points for kind, points in policy.kind_points.items()}}

    @service_action(path="weigh", title="Weigh anew", permission=MANAGE, form=WeightsForm, submit="Use these",
                    tone="good", on_list=True, explain="1 counts a factor as it is, 2 twice as much, 0 not at all. "
                    "Points are added to every request of that kind; none, when it is empty.")  # fmt: skip
    def weigh(self, request: HttpRequest, obj: None, form: WeightsForm) -> str:
        """Set a new version."""
        said = form.cleaned_data
        weights = {name: said[f"weight_{name}"] for name in risk.FACTORS if said[f"weight_{name}"] is not None}
        points = {
            key.removeprefix("points_"): value for key, value in said.items() if key.startswith("points_") and value
        }
        made = services.set_risk_policy(
            actor=viewer_of(request),
            weights=weights,
            kind_points=points,
            reason=said["reason"],
            seen_version=form.seen_version(),
        )
        return f"{made} is used from now on."
