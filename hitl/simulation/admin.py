"""Console pages of simulations: progress, what would differ, and why."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.selectors import tenant_zone
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, deletes
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.plots import Plot, by_day
from console.names import name_in, names_of
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip, exact, moment
from console.viewers import viewer_of
from core.actors import Actor
from core.errors import Invalid
from hitl.masking import mask_for
from hitl.models import Approval, Simulation
from hitl.policy.admin.base import MANAGE, DefinitionAdmin
from hitl.policy.selectors import VIEW_WORKFLOW
from hitl.simulation.compare import CATEGORIES
from hitl.simulation.runs import DAYS_MAX, save_simulated, start_simulation, stop_simulation

TRY: Final = "try_days"
"""The name of the button that tries a form instead of saving it; its value is the number of days."""
REFRESH_SECONDS: Final = 2
BARS: Final = 14
CHIPS: Final[Mapping[str, tuple[str, str]]] = {
    "queued": ("neutral", "clock"),
    "running": ("info", "bolt"),
    "done": ("good", "check"),
    "stopped": ("neutral", "ban"),
    "failed": ("danger", "x-circle"),
}
NAMES: Final[Mapping[str, tuple[str, str, str]]] = {
    "same": ("No difference", "neutral", "check"),
    "stricter": ("More approval needed", "warn", "shield"),
    "people": ("Now needs people", "warn", "users"),
    "rejected": ("Rejected by a rule", "danger", "x-circle"),
    "held": ("Held by a spending limit", "serious", "pause"),
    "weaker": ("Less approval needed", "info", "arrow"),
    "automatic": ("Approved by a rule", "info", "bolt"),
    "other_approvers": ("Other approvers", "neutral", "users"),
    "other_workflow": ("Other workflow", "neutral", "route"),
}


class DaysForm(ConsoleForm):
    days = forms.IntegerField(label="Days", min_value=1, max_value=DAYS_MAX, initial=30)


def days_field() -> forms.IntegerField:
    """Return the field for the days, for forms that try other values."""
    field = forms.IntegerField(
        label="Try on the last (days)", min_value=1, max_value=DAYS_MAX, initial=30, help_text="Nothing is saved."
    )
    field.widget.attrs["class"] = "wk-input"
    return field


def try_on_history(viewer: Actor, what: str, draft: Mapping[str, Any], days: object) -> HttpResponse:
    """Start a simulation and return the redirect to its page."""
    try:
        number = int(str(days))
    except ValueError:
        raise Invalid("Enter a number of days.") from None
    made = start_simulation(actor=viewer, what=what, draft=draft, days=number)
    return HttpResponseRedirect(reverse("admin:hitl_simulation_change", args=[made.pk]))


@admin.register(Simulation)
class SimulationAdmin(DefinitionAdmin):
    nav = Nav("Simulations", "play", SETTINGS, APPROVAL_RULES, order=70)
    intro = "Changed rules, tried on past requests before they are turned on. Each is kept for 30 days."
    empty_title = "Nothing tried yet"
    empty_text = (
        "Edit a workflow and choose “Try on last month”. Spending limits and risk scoring can be tried as well."
    )
    list_display = ("title", "kind", "standing", "range", "by", "since")
    ordering = ("-id",)
    detail_template = "console/simulation.html"
    detail_fields = ("kind", "standing", "range", "by", "since", "taken")

    def prepare_rows(self, request: HttpRequest, rows: list[Simulation]) -> None:
        names = names_of(row.made_by_id for row in rows)
        for row in rows:
            row.author = name_in(names, row.made_by_id)  # type: ignore[attr-defined]

    def detail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show one simulation; the page refreshes until it has ended."""
        response = super().detail_view(request, object_id)
        found = getattr(response, "context_data", {}).get("obj")
        if isinstance(found, Simulation) and found.is_active:
            response["Refresh"] = str(REFRESH_SECONDS)
        return response

    def detail_context(self, request: HttpRequest, obj: Simulation) -> dict[str, Any]:
        found = {**super().detail_context(request, obj)}
        found["offered"] = [offer for offer in found["offered"] if not offer["blocked"]]
        if not obj.result:
            return found
        counts = obj.result["counts"]
        return {
            **found,
            "result": obj.result,
            "since": datetime.fromisoformat(obj.result["since"]),
            "differing": sum(counts.values()) - counts["same"],
            "counts": [(*NAMES[key], counts[key]) for key in CATEGORIES if counts.get(key)],
            "chart": chart_of(obj),
            "groups": groups_of(viewer_of(request), obj),
            "waiting": [{**row, "typical": span(row["median_minutes"]), "slow": span(row["slow_minutes"])}
                        for row in obj.result["waiting"]],
        }  # fmt: skip

    kind = Column[Simulation]("What", lambda row: str(row.get_what_display()))

    @admin.display(description="State")
    def standing(self, row: Simulation) -> str:
        tone, icon = CHIPS[row.state]
        return chip(row.get_state_display(), tone, icon)

    range = Column[Simulation]("Range", lambda row: "The last day" if row.days == 1 else f"The last {row.days} days")
    by = Column[Simulation]("By", lambda row: str(row.author))  # type: ignore[attr-defined]
    since = Column[Simulation]("Started", lambda row: moment(row.created_at))
    taken = Column[Simulation]("Ended", lambda row: exact(row.ended_at))

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path == "stop":
            return "" if obj.is_active else "It has ended."
        return "Wait until it is done, or stop it." if obj.is_active else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return {"days": obj.days} if action.path == "again" else {}

    stop = deletes(stop_simulation, "simulation_id", VIEW_WORKFLOW, title="Stop",
                   explain="What was evaluated so far is lost.", done="The simulation was stopped.")  # fmt: skip

    @service_action(title="Try again", permission=VIEW_WORKFLOW, form=DaysForm, submit="Try",
                    explain="Try the same change on another range. Nothing else is saved.")  # fmt: skip
    def again(self, request: HttpRequest, obj: Simulation, form: ConsoleForm) -> HttpResponse:
        draft = {name: value for name, value in obj.draft.items() if name != "version"}
        return try_on_history(viewer_of(request), obj.what, draft, form.cleaned_data["days"])

    save = calls(save_simulated, "simulation_id", title="Save this change", permission=MANAGE,
                 submit="Save", tone="good", done="{} was saved and now applies.",
                 explain="It then applies to new requests. Refused if someone changed it meanwhile.")  # fmt: skip


def chart_of(simulation: Simulation) -> Plot:
    """Return how many requests would differ, in at most 14 bars."""
    zone = tenant_zone()
    first = datetime.fromisoformat(simulation.result["since"]).astimezone(zone).date()
    last = simulation.ends_at.astimezone(zone).date()
    step = -(-((last - first).days + 1) // BARS)
    days = [first + timedelta(days=number) for number in range(0, (last - first).days + 1, step)]
    sums: dict[str, dict[date, int]] = {"more": {}, "less": {}, "other": {}}
    for text, counts in simulation.result["days"].items():
        day = days[min(max(0, (date.fromisoformat(text) - first).days) // step, len(days) - 1)]
        for side, count in counts.items():
            sums[side][day] = sums[side].get(day, 0) + count
    steps = "by day" if step == 1 else f"in steps of {step} days"
    named = {
        "Stricter": ("warn", sums["more"]),
        "Weaker": ("info", sums["less"]),
        "Other": ("neutral", sums["other"]),
    }
    return by_day("simulation", f"Requests that would differ, {steps}", days, named)


def groups_of(viewer: Actor, simulation: Simulation) -> list[dict[str, Any]]:
    """Return the examples by category, each with its request as the viewer may read it. One query."""
    examples = simulation.result["examples"]
    shown = (
        Approval.objects.filter(pk__in=[row["approval"] for row in examples])
        if viewer.may("hitl.view_approval")
        else ()
    )
    summaries = {str(row.pk): mask_for(viewer, row, row.summary) for row in shown}
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in examples:
        known = row["approval"] in summaries
        url = reverse("admin:hitl_approval_change", args=[row["approval"]]) if known else ""
        at = datetime.fromisoformat(row["created_at"])
        groups.setdefault(row["category"], []).append(
            {**row, "url": url, "summary": summaries.get(row["approval"], ""), "at": at}
        )
    counts = simulation.result["counts"]
    return [
        {"name": NAMES[key][0], "tone": NAMES[key][1], "icon": NAMES[key][2], "rows": rows, "count": counts[key]}
        for key, rows in groups.items()
    ]


def span(minutes: int | None) -> str:
    """Return a working time in words."""
    if minutes is None:
        return "–"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
