"""The console's pages of approver groups, business calendars, limits and weights of risks."""

import re
from itertools import groupby
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from accounts.selectors import list_members
from console.actions import ServiceAction, service_action
from console.bases import ServiceAdmin
from console.forms import ConfirmForm, ConsoleForm
from console.navigation import Nav
from console.people import name_in, names_of
from console.templatetags.console_ui import chip, moment, money
from console.viewers import viewer_of
from console.zones import zone_choices
from core.actors import Actor
from core.clock import now
from core.errors import Invalid
from hitl import caps, registry, risk, services
from hitl.admin_forms import VersionedForm
from hitl.assessing import risk_policy
from hitl.labels import labels
from hitl.models import ApproverGroup, BusinessCalendar, Cap, RiskPolicy
from hitl.seating import DECIDE
from hitl.sla import DAYS
from hitl.strays import chosen_in, signers_lost, strays_among, uuid_in
from hitl.summary import DAY_NAMES

__all__ = ["CalendarAdmin", "CapAdmin", "GroupAdmin", "RiskPolicyAdmin"]
MANAGE: Final = "hitl.manage_workflow"
VIEW: Final = "hitl.view_approvalworkflow"
FACTOR_NAMES: Final = {
    "cost": "What it costs", "share": "How much it changes", "reach": "How many people it reaches",
    "history": "The requester's history", "time": "The hour",
}  # fmt: skip


class _PolicyAdmin(ServiceAdmin):
    """A page of definitions: those who may see workflows see it, those who may change them change it."""

    view_permission = VIEW

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Go to the list after a deletion: the page is gone."""
        return self.list_url() if action.path == "delete" else super().after_action_url(request, action, obj)


class GroupForm(VersionedForm):
    """Name and people of a group."""

    name = forms.CharField(label="Name", max_length=80, help_text="Such as “Marketing Leads”.")
    people = forms.MultipleChoiceField(label="People", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = {str(m.user_id): m.user.get_full_name() for m in list_members(permission=DECIDE)}
        # Whoever lost the right stays in sight: saving a name must not put anybody out of the group unseen.
        lost = signers_lost(f"user:{each}" for each in strays_among(chosen_in(self, "people"), people))
        people |= {who.removeprefix("user:"): f"{name} (can no longer sign)" for who, name in lost.items()}
        self.fields["people"].choices = sorted(people.items(), key=lambda row: row[1])  # type: ignore[attr-defined]


@admin.register(ApproverGroup)
class GroupAdmin(_PolicyAdmin):
    """People who may be asked together."""

    nav = Nav("Approver groups", "users", group="Set-up", order=42)
    intro = "People who may be asked together. Who is in a group counts at once, also for requests that wait."
    empty_title = "No groups yet"
    list_display = ("name", "people")
    ordering = ("name",)
    detail_fields = ("name", "people")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApproverGroup]:
        """Read the members with the groups."""
        return super().get_queryset(request).prefetch_related("members")

    def prepare_rows(self, request: HttpRequest, rows: list[ApproverGroup]) -> None:
        """Read all names at once."""
        names = names_of(member.user_id for group in rows for member in group.members.all())
        for group in rows:
            found = sorted(name_in(names, member.user_id) for member in group.members.all())
            group.people_names = ", ".join(found)  # type: ignore[attr-defined]

    @admin.display(description="People")
    def people(self, group: ApproverGroup) -> str:
        """Return who is in it."""
        return group.people_names or "Nobody"  # type: ignore[attr-defined]

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill the form in."""
        if action.path != "edit":
            return {}
        return {
            "name": obj.name,
            "version": obj.version,
            "people": [str(member.user_id) for member in obj.members.all()],
        }

    @service_action(path="create", title="New group", permission=MANAGE, form=GroupForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Name a group."""
        return f"{services.create_group(actor=viewer_of(request), **_group(form))} is made."

    @service_action(path="edit", title="Name and people", permission=MANAGE, form=GroupForm, submit="Save", tone="good")
    def edit(self, request: HttpRequest, obj: ApproverGroup, form: GroupForm) -> str:
        """Say who is in it."""
        return f"{_revised(viewer_of(request), obj, form)} is changed."

    @service_action(path="delete", title="Delete", permission=MANAGE, form=ConfirmForm, tone="danger",
                    explain="Only a group that no workflow asks can be deleted.")  # fmt: skip
    def delete(self, request: HttpRequest, obj: ApproverGroup, form: ConsoleForm) -> str:
        """Remove it."""
        services.delete_group(actor=viewer_of(request), group_id=obj.pk)
        return f"{obj} is deleted."


def _revised(actor: Actor, group: ApproverGroup, form: GroupForm) -> ApproverGroup:
    return services.revise_group(actor=actor, group_id=group.pk, seen_version=form.seen_version(), **_group(form))


def _group(form: ConsoleForm) -> dict[str, Any]:
    return {
        "name": form.cleaned_data["name"],
        "people": [key for person in form.cleaned_data["people"] if (key := uuid_in(person))],
    }


class CalendarForm(VersionedForm):
    """Working time as one writes it down."""

    name = forms.CharField(label="Name", max_length=60, help_text="Such as “Office Madrid”.")
    zone = forms.ChoiceField(label="Time zone", help_text="Type the name of a city to find it.")
    holidays = forms.CharField(
        label="Holidays",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="One a line, such as 2026-12-25 Christmas Day.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = zone_choices(self.initial.get("zone", ""))  # type: ignore[attr-defined]
        for day in DAYS:
            self.fields[day] = forms.CharField(
                label=DAY_NAMES[day],
                required=False,
                max_length=80,
                help_text="Such as 09:00-13:00, 14:00-18:00; empty: no work." if day == "mon" else "",
                widget=forms.TextInput(attrs={"class": "wk-input"}),
            )
        self.order_fields(["name", "zone", *DAYS, "holidays"])

    def definition(self) -> dict[str, Any]:
        """Return what the services take."""
        said = self.cleaned_data
        week = {day: _shifts(said[day]) for day in DAYS if said[day].strip()}
        lines = [line.strip().partition(" ") for line in said["holidays"].splitlines() if line.strip()]
        days = [{"day": day, "name": name.strip()} for day, _, name in lines]
        return {"name": said["name"], "zone": said["zone"], "week": week, "holidays": days}


def _shifts(text: str) -> list[list[str]]:
    return [re.split(r"\s*[-–]\s*", part.strip(), maxsplit=1) for part in text.split(",") if part.strip()]


def _hours(shifts: list[list[str]]) -> str:
    return ", ".join("-".join(shift) for shift in shifts)


def _days_alike(week: dict[str, list[list[str]]]) -> list[str]:
    """Return a week as one writes it on a door: "Mon to Fri 09:00-17:00"."""
    texts = []
    for hours, group in groupby(DAYS, key=lambda day: _hours(week.get(day) or [])):
        days = [day.title() for day in group]
        if hours:
            texts.append(f"{days[0]}{f' to {days[-1]}' if len(days) > 1 else ''} {hours}")
    return texts


@admin.register(BusinessCalendar)
class CalendarAdmin(_PolicyAdmin):
    """Which hours count towards a due time."""

    nav = Nav("Business calendars", "clock", group="Set-up", order=43)
    intro = "Which hours count towards an answer's due time. Promised due times stay when a calendar changes."
    empty_title = "No calendars yet"
    empty_text = "Without one, every hour counts."
    list_display = ("name", "place", "hours", "days_off", "use")
    ordering = ("name",)
    detail_fields = ("name", "place", "hours", "off", "use", "version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BusinessCalendar]:
        """Count the levels with the calendars."""
        rows: QuerySet[BusinessCalendar] = super().get_queryset(request).annotate(level_count=Count("levels"))
        return rows

    @admin.display(description="Time zone")
    def place(self, calendar: BusinessCalendar) -> str:
        """Return the zone."""
        return calendar.zone.replace("_", " ")

    @admin.display(description="Hours")
    def hours(self, calendar: BusinessCalendar) -> str:
        """Return the week in words: days of the same hours together."""
        return "; ".join(_days_alike(calendar.week)) or "No work"

    @admin.display(description="Holidays")
    def days_off(self, calendar: BusinessCalendar) -> int:
        """Return how many days are kept."""
        return len(calendar.holidays)

    @admin.display(description="Holidays")
    def off(self, calendar: BusinessCalendar) -> str:
        """Return the days."""
        return "; ".join(f"{row['day']} {row['name']}".strip() for row in calendar.holidays)

    @admin.display(description="Used by")
    def use(self, calendar: BusinessCalendar) -> str:
        """Return how many levels count by it."""
        count = calendar.level_count  # type: ignore[attr-defined]
        return f"{count} level{'' if count == 1 else 's'}"

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill the form in; a new one works from Monday to Friday."""
        if action.path == "create":
            return {"zone": request.tenant.timezone, **dict.fromkeys(DAYS[:5], "09:00-17:00")}  # type: ignore[attr-defined]
        if action.path != "edit":
            return {}
        days = "\n".join(f"{row['day']} {row['name']}".strip() for row in obj.holidays)
        hours = {day: _hours(obj.week.get(day, [])) for day in DAYS}
        return {"name": obj.name, "zone": obj.zone, "holidays": days, "version": obj.version, **hours}

    @service_action(path="create", title="New calendar", permission=MANAGE, form=CalendarForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: CalendarForm) -> str:
        """Define working time."""
        with _named_for_the_form():
            made = services.create_calendar(actor=viewer_of(request), **form.definition())
        return f"{made} is made. Choose it at the levels of a workflow."

    @service_action(path="edit", title="Hours and holidays", permission=MANAGE, form=CalendarForm, submit="Save",
                    tone="good")  # fmt: skip
    def edit(self, request: HttpRequest, obj: BusinessCalendar, form: CalendarForm) -> str:
        """Change working time."""
        with _named_for_the_form():
            services.revise_calendar(
                actor=viewer_of(request), calendar_id=obj.pk, seen_version=form.seen_version(), **form.definition()
            )
        return f"{obj} is changed for what is asked from now on."

    @service_action(path="delete", title="Delete", permission=MANAGE, form=ConfirmForm, tone="danger",
                    explain="Only a calendar that no level counts by can be deleted.")  # fmt: skip
    def delete(self, request: HttpRequest, obj: BusinessCalendar, form: ConsoleForm) -> str:
        """Remove it."""
        services.delete_calendar(actor=viewer_of(request), calendar_id=obj.pk)
        return f"{obj} is deleted."


class _named_for_the_form:  # noqa: N801  (reads as a statement)
    """Puts what is wrong with the week under its first day."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, Invalid) and "week" in (error.facts.get("fields") or {}):
            fields = dict(error.facts["fields"])
            raise Invalid(error.detail, fields={**fields, "mon": fields.pop("week")}) from error


class CapForm(ConsoleForm):
    """A limit."""

    scope = forms.ChoiceField(label="Limits", choices=Cap.Scope.choices)
    kind = forms.ChoiceField(label="Kind of action, if one", required=False)
    agent = forms.CharField(label="Agent's id, if one", max_length=36, required=False)
    amount = forms.DecimalField(label="Amount", min_value=0, decimal_places=2)
    currency = forms.CharField(label="Currency", max_length=3, help_text="Such as EUR.")
    window = forms.ChoiceField(label="Per", choices=Cap.Window.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [(key, registry.get(key).title) for key in registry.keys()]  # noqa: SIM118  (no dict)
        self.fields["kind"].choices = [("", "–"), *kinds]  # type: ignore[attr-defined]


class AmountForm(VersionedForm):
    """Another amount."""

    amount = forms.DecimalField(label="Amount", min_value=0, decimal_places=2)


@admin.register(Cap)
class CapAdmin(_PolicyAdmin):
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
        return chip("Used", "good", "check") if cap.is_active else chip("Retired", "neutral", "ban")

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Say what is in the way."""
        return "" if obj is None or obj.is_active else "It is retired."

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill the form in."""
        return {"amount": obj.amount, "version": obj.version} if action.path == "edit" else {}

    @service_action(path="create", title="New limit", permission=MANAGE, form=CapForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Set a limit."""
        said = form.cleaned_data
        target = {"kind": said["kind"], "agent": said["agent"].strip()}.get(said["scope"], "")
        made = services.create_cap(
            actor=viewer_of(request),
            scope=said["scope"],
            target=target,
            currency=said["currency"],
            amount=said["amount"],
            window=said["window"],
        )
        return f"The limit of {made} holds from now on."

    @service_action(path="edit", title="Change the amount", permission=MANAGE, form=AmountForm, submit="Save")
    def edit(self, request: HttpRequest, obj: Cap, form: AmountForm) -> str:
        """Change the amount."""
        changed = services.revise_cap(
            actor=viewer_of(request),
            cap_id=obj.pk,
            amount=form.cleaned_data["amount"],
            seen_version=form.seen_version(),
        )
        return f"The limit is {changed} now."

    @service_action(path="retire", title="Take the limit away", permission=MANAGE, tone="danger",
                    explain="What it holds goes on.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: Cap, form: ConsoleForm) -> str:
        """Take it away."""
        services.retire_cap(actor=viewer_of(request), cap_id=obj.pk)
        return "The limit is taken away."


class WeightsForm(VersionedForm):
    """How much each factor weighs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in FACTOR_NAMES.items():
            self.fields[f"weight_{name}"] = _whole(f"{text} (0 to {risk.WEIGHT_MAX} times)", risk.WEIGHT_MAX)
        for kind in registry.keys():  # noqa: SIM118  (no dict)
            title = f"Points added for “{registry.get(kind).title}”"
            self.fields[f"points_{kind}"] = _whole(title, risk.KIND_POINTS_MAX)
        self.fields["reason"] = forms.CharField(
            label="Why", max_length=300, required=False, widget=forms.TextInput(attrs={"class": "wk-input"})
        )


def _whole(label: str, most: int) -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "wk-input"})
    return forms.IntegerField(label=label, min_value=0, max_value=most, required=False, widget=widget)


@admin.register(RiskPolicy)
class RiskPolicyAdmin(_PolicyAdmin):
    """How risks are weighed, version by version."""

    nav = Nav("Weights of risks", "shield", group="Set-up", order=45)
    intro = (
        "How much each factor of a risk counts. The newest version is used; approvals name the one they were scored by."
    )
    empty_title = "Every factor counts once"
    empty_text = "Weigh factors anew, or add points for a kind of action, to have more of them signed by more people."
    list_display = ("version", "weighs", "adds", "reason", "by", "since")
    ordering = ("-version",)
    detail_fields = ("version", "weighs", "adds", "reason", "by", "since")

    def prepare_rows(self, request: HttpRequest, rows: list[RiskPolicy]) -> None:
        """Read the names at once."""
        names, label = names_of(policy.made_by_id for policy in rows), labels()
        for policy in rows:
            policy.author = name_in(names, policy.made_by_id, otherwise="The system")  # type: ignore[attr-defined]
            added = [f"{label('kind', kind)}: +{points}" for kind, points in policy.kind_points.items()]
            policy.added_words = "; ".join(added)  # type: ignore[attr-defined]

    @admin.display(description="Weights")
    def weighs(self, policy: RiskPolicy) -> str:
        """Return what does not count once."""
        changed = [
            f"{FACTOR_NAMES.get(name, name)}: {weight}×" for name, weight in policy.weights.items() if weight != 1
        ]
        return "; ".join(changed) or "Every factor counts once"

    @admin.display(description="Points for kinds")
    def adds(self, policy: RiskPolicy) -> str:
        """Return the points added."""
        return policy.added_words or "–"  # type: ignore[attr-defined]

    @admin.display(description="By")
    def by(self, policy: RiskPolicy) -> str:
        """Return who set it."""
        return str(policy.author)  # type: ignore[attr-defined]

    @admin.display(description="Since")
    def since(self, policy: RiskPolicy) -> str:
        """Return when."""
        return moment(policy.created_at)

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill in what is used now."""
        policy = risk_policy()
        weights = {f"weight_{name}": policy.weights.get(name, 1) for name in risk.FACTORS}
        known = {"version": policy.version, **weights}
        return {**known, **{f"points_{kind}": points for kind, points in policy.kind_points.items()}}

    @service_action(path="weigh", title="Weigh anew", permission=MANAGE, form=WeightsForm, submit="Use these",
                    tone="good", on_list=True)  # fmt: skip
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
