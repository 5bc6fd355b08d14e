"""The workflow form: which requests it covers, who approves them, and what happens without an answer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms

from accounts.models import Tenant
from accounts.permissions.roles import roles_here
from accounts.selectors import list_members
from console.base.forms import VersionedForm
from console.conditions.builder import PREFIX as CONDITION
from console.conditions.builder import join_field, rows_shown, way_field
from console.conditions.row_forms import ADD, REMOVE, RowFormSet, lay_out, with_changed_rows
from core.reach import channels
from core.working_time import DAYS
from hitl import notification_channels
from hitl.actions import registry
from hitl.domain.permissions import DECIDE
from hitl.killswitch import targets
from hitl.models import ApprovalWorkflow, ApproverGroup, BusinessCalendar
from hitl.policy.admin.workflow_form.conditions import ROWS, ConditionFormSet, WorkflowRows, types_of_facts
from hitl.policy.admin.workflow_form.escalation import EscalationFormSet
from hitl.policy.admin.workflow_form.fields import checkboxes, money, number, split, text
from hitl.policy.admin.workflow_form.layout import Choices, Section
from hitl.policy.admin.workflow_form.levels import LevelFormSet
from hitl.policy.admin.workflow_form.rules import RuleFormSet
from hitl.policy.admin.workflow_form.stale_choices import (
    chosen_in,
    keep_unknown,
    posted_in,
    stale_among,
    stale_approvers,
    with_stale,
)
from hitl.policy.workflows.describe import DAY_NAMES, sentence
from hitl.policy.workflows.labels import ROLE_NAMES, labels
from hitl.policy.workflows.workflows import OWN, conditions_of, levels_of

MAIL: Final = "email"
EDITS: Final = ("editor_may_vote", "fall_allows_fewer")
RISKS: Final = [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")]
FORMSETS: Final[dict[str, type[RowFormSet]]] = {
    "levels": LevelFormSet,
    "escalation": EscalationFormSet,
    "auto_rules": RuleFormSet,
}
"""The formsets by their prefix, which is what the services call their rows."""
SECTIONS: Final[dict[str, str]] = {
    "matches": "Conditions",
    "levels": "Approvers",
    "clock": "Deadlines and escalation",
    "alone": "Automatic decisions",
}
FIELDS_OF: Final[dict[str, frozenset[str]]] = {
    "levels": frozenset({"by_mail", "notify_also", "distinct_approvers", "levels"}),
    "clock": frozenset({"reminder_every_hours", "reminder_max", "expire_hours", "execute_within_hours", "escalation"}),
    "alone": frozenset({"allow_override", "editor_may_vote", "fall_allows_fewer", "open_per_agent", "auto_rules"}),
}
"""The fields and formsets of each section; the first section has all others."""
SHOWN_AT: Final = {"time_window": "from_time", "edit_policy": "editor_may_vote"}
"""Fields of the form, by what the services call them."""


def approver_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the groups, roles and people that a level can ask. Three queries."""
    groups = [(f"group:{pk}", name) for pk, name in ApproverGroup.objects.order_by("name").values_list("pk", "name")]
    roles = [(f"role:{role}", ROLE_NAMES[role]) for role in ("approver", "admin", "owner", "compliance")]
    for key, role in roles_here().items():
        if key not in ROLE_NAMES and DECIDE in role.permissions:
            roles.append((f"role:{key}", role.name))
    people = [(f"user:{m.user_id}", m.user.get_full_name()) for m in list_members(permission=DECIDE)]
    named = [("Groups", groups), ("Roles", roles), ("People", sorted(people, key=lambda row: row[1]))]
    return [(title, rows) for title, rows in named if rows]


def agent_choices(kept: Iterable[str]) -> list[tuple[str, str]]:
    """Return the agents by name; a deleted one that was chosen stays, or saving would cover more."""
    names = {target: name for (scope, target), name in targets.names().items() if scope == "agent"}
    gone = {agent: f"A former agent ({agent[-6:]})" for agent in kept if agent not in names}
    return list({**names, **gone}.items())


def origins() -> list[tuple[str, str]]:
    """Return the channels that requests come by."""
    return [*channels.kinds(written_to=True), ("api", "API"), ("console", "Console")]


def section_of(name: str) -> str:
    return next((key for key, names in FIELDS_OF.items() if name in names), "matches")


def defaults(tenant: Tenant) -> dict[str, Any]:
    """Return the initial values of a new workflow's form."""
    return {
        "currency": tenant.currency,
        "levels": [{"approvers": [{"type": "role", "value": "approver"}], "sla_hours": 8}],
        "by_mail": True,
        "distinct_approvers": True,
        "reminder_every_hours": 4,
        "reminder_max": 2,
        "expire_hours": 72,
        "execute_within_hours": 24,
    }


def initial_of(workflow: ApprovalWorkflow) -> dict[str, Any]:
    """Return the initial values of a stored workflow's form."""
    window = workflow.time_window
    return {
        **conditions_of(workflow),
        "name": workflow.name,
        "version": workflow.version,
        "levels": levels_of(workflow),
        **{name: bool(workflow.edit_policy.get(name)) for name in EDITS},
        "contact_tags": ", ".join(workflow.contact_tags),
        "agents": [str(agent) for agent in workflow.agents],
        "days": [day for day in DAYS if day in (window.get("days") or [])],
        "from_time": window.get("from", ""),
        "until_time": window.get("until", ""),
        "by_mail": MAIL in workflow.notify_by,
        "notify_also": [name for name, _ in other_channels() if name in workflow.notify_by],
    }


def other_channels() -> list[tuple[str, str]]:
    """Return the channels besides email, with their labels."""
    return [(name, label) for name, label in notification_channels.channels() if name != MAIL]


class WorkflowForm(VersionedForm):
    """All of a workflow, or one section of it: then everything else stays as it is stored.

    In a shared workflow people can change who approves and when; everything else is read-only.
    """

    template_name = "console/workflow_form.html"
    width = "wk-wide"
    is_draft = False

    name = forms.CharField(label="Name", max_length=80)
    description = text("Description", "A note for colleagues.", max_length=300)
    is_default = forms.BooleanField(
        label="Use as the default workflow",
        required=False,
        help_text="It applies when no other workflow does. The conditions below are then ignored.",
    )
    priority = number(
        "Priority", -1000, 1000, initial=0, help_text="If several workflows match, the highest priority wins."
    )
    kinds = checkboxes("Actions (leave empty for all)")
    risk_levels = checkboxes("Risk levels (leave empty for all)", RISKS)
    channels = checkboxes("Channels (leave empty for all)", origins)
    agents = checkboxes("Agents (leave empty for all)")
    days = checkboxes("Days (leave empty for all)", list(DAY_NAMES.items()))
    currency = text("Currency", max_length=3)
    min_cost = money("Cost from")
    max_cost = money("Cost below")
    condition = text(
        "Condition",
        "For example: cost > 1000 or risk >= 70. Available: cost, currency, share, reach, risk, level, kind, "
        "channel, agent, hour, weekday, tags, spent, and field_ with the key of a custom field, such as field_tier. "
        "If a value is missing, a person must approve.",
        max_length=500,
    )
    condition_by = way_field()
    condition_join = join_field()
    contact_tags = text("Contact tags", "Separate tags with commas. One of them is enough.")
    from_time = text("From (time)", "For example 18:00, in your organisation's time zone.", max_length=5)
    until_time = text("Until (time)", "For example 08:00. Earlier than the start means the next day.", max_length=5)
    reminder_every_hours = number("Remind every (hours)", 0, 720, initial=0)
    reminder_max = number("Maximum reminders", 0, 50, initial=0)
    expire_hours = number("Expires if not decided within (hours)", 1, 8760, initial=72, required=True)
    execute_within_hours = number("Must be executed within (hours)", 1, 8760, initial=24, required=True)
    by_mail = forms.BooleanField(
        label="Notify approvers by email",
        required=False,
        help_text="The console always shows requests. Everyone can turn emails off for themselves.",
    )
    notify_also = forms.MultipleChoiceField(
        label="Notify approvers also by",
        choices=other_channels,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Who is not connected there is notified in the console.",
    )
    distinct_approvers = forms.BooleanField(
        label="Require different people at each level",
        required=False,
        help_text="If nobody else is left to approve, the request is put on hold and administrators are notified.",
    )
    allow_override = forms.BooleanField(label="Allow emergency approval, with a review afterwards", required=False)
    editor_may_vote = forms.BooleanField(
        label="Let people approve a request they edited, unless its risk or cost rose", required=False
    )
    fall_allows_fewer = forms.BooleanField(
        label="Allow fewer levels after an edit that lowers both risk and cost", required=False
    )
    open_per_agent = number(
        "Maximum open requests per agent", 1, 1000, initial=50, help_text="An agent has to wait once it reaches this."
    )

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.is_redrawn, self.added = data is not None and (ADD in data or REMOVE in data), ""
        if self.is_redrawn:
            data, self.added = with_changed_rows(data, {**FORMSETS, CONDITION: ConditionFormSet})
        super().__init__(data, *args, **kwargs)
        self.section = str(self.initial.get("section") or "")
        choices = {
            "kinds": registry.titles(),
            "agents": agent_choices(self.initial.get("agents") or ()),
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]
        for name in ("kinds", "risk_levels", "channels"):
            keep_unknown(self.fields[name], chosen_in(self, name))
        for name, field in self.fields.items():
            field.disabled = name != "version" and not self._may_change(name)
            field.required = field.required and not self.is_draft
        offered = self._choices()
        self.formsets = {prefix: self._formset(prefix, offered) for prefix in FORMSETS}
        self.facts = self._condition_rows()

    @property
    def is_limited(self) -> bool:
        """Tell whether just this workflow was shared with the person who fills it in."""
        return bool(self.initial.get("limited"))

    def _may_change(self, name: str) -> bool:
        """Return True if a field or formset can be changed by this person in this section."""
        is_open = not self.is_limited or name in {*OWN, "name", "levels"}
        return is_open and self.section in ("", section_of(name))

    def _condition_rows(self) -> WorkflowRows:
        """Return the condition as rows; they count if the person chose them, the text otherwise."""
        found = rows_shown(str(self.initial.get("condition") or ""), ROWS)
        join, rows = found or ("and", [])
        self.initial = {"condition_by": "text" if found is None else "rows", "condition_join": join, **self.initial}
        is_locked = not self._may_change("condition")
        is_counted = self.is_bound and self.data.get("condition_by") == "rows" and not is_locked
        formset = ConditionFormSet(
            # A client that sends only the text sends no rows.
            self.data if is_counted and f"{CONDITION}-TOTAL_FORMS" in self.data else None,
            auto_id=str(self.auto_id),
            prefix=CONDITION,
            initial=[{**row, "stored": row} for row in rows],
            form_kwargs=self._row_options(Choices(), is_locked),
        )
        formset.added, formset.is_locked = self.added, is_locked
        return formset

    def _row_options(self, choices: Choices, is_locked: bool) -> dict[str, Any]:
        return {
            "choices": choices,
            "is_redrawn": self.is_redrawn,
            "is_draft": self.is_draft,
            "is_locked": is_locked,
        }

    def _choices(self) -> Choices:
        """Return what rows can choose from, with the approvers that were chosen and can no longer approve."""
        rows = [*(self.initial.get("levels") or ()), *(self.initial.get("escalation") or ())]
        people = [each for row in rows for key in ("approvers", "add", "replace") for each in row.get(key) or ()]
        chosen = [f"{each['type']}:{each['value']}" for each in people]
        for name in self.data if self.is_bound else ():
            chosen += posted_in(self.data, name) if name.endswith(("-approvers", "-to")) else []
        offered = approver_choices()
        stale = stale_approvers(stale_among(dict.fromkeys(chosen), (key for _, each in offered for key, _ in each)))
        calendars = BusinessCalendar.objects.order_by("name").values_list("pk", "name")
        return Choices(
            approvers=with_stale(offered, stale),
            stale=stale,
            calendars=[("", "All hours count"), *((str(pk), name) for pk, name in calendars)],
            currency=str(self.initial.get("currency") or ""),
        )

    def _formset(self, prefix: str, choices: Choices) -> RowFormSet:
        """Return the levels, steps or rules; what is read-only is not read from what was sent."""
        formset_class = FORMSETS[prefix]
        is_locked = not self._may_change(prefix)
        formset = formset_class(
            self.data if self.is_bound and not is_locked else None,
            auto_id=str(self.auto_id),
            prefix=prefix,
            initial=[{**formset_class.shown_as(row), "stored": row} for row in self.initial.get(prefix) or ()],
            form_kwargs=self._row_options(choices, is_locked),
        )
        formset.added, formset.is_locked = self.added, is_locked
        return formset

    def is_valid(self) -> bool:
        formsets = [*self.formsets.values(), self.facts]
        rows_are_valid = [formset.is_valid() for formset in formsets if formset.is_bound]
        return super().is_valid() and all(rows_are_valid)

    def definition(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return levels and conditions as the services take them; what the form does not show stays."""
        rows = {prefix: formset.definitions() for prefix, formset in self.formsets.items()}
        said: Mapping[str, Any] = self.cleaned_data if self.is_bound else self.initial
        shown = {MAIL, *(name for name, _ in other_channels())}
        others = [channel for channel in self.initial.get("notify_by") or [] if channel not in shown]
        others += said.get("notify_also") or []
        window = {"days": said.get("days"), "from": said.get("from_time"), "until": said.get("until_time")}
        tags = said.get("contact_tags")
        conditions = {
            "description": said.get("description") or "",
            "condition": self.facts.text(said.get("condition_join") or "and")
            if self.facts.is_bound
            else said.get("condition") or "",
            **{name: said.get(name) or [] for name in ("kinds", "risk_levels", "channels", "agents")},
            **{name: said.get(name) for name in ("min_cost", "max_cost")},
            **{name: bool(said.get(name)) for name in ("is_default", "allow_override", "distinct_approvers")},
            **{name: said.get(name) or 0 for name in ("priority", "reminder_every_hours", "reminder_max")},
            "currency": (said.get("currency") or "").upper(),
            "expire_hours": said.get("expire_hours") or 72,
            "execute_within_hours": said.get("execute_within_hours") or 24,
            "contact_tags": split(tags),
            "time_window": {key: value for key, value in window.items() if value},
            "auto_rules": rows["auto_rules"],
            "escalation": rows["escalation"],
            "edit_policy": {name: True for name in EDITS if said.get(name)},
            "open_per_agent": said.get("open_per_agent") or 50,
            "notify_by": [*others, MAIL] if said.get("by_mail") else others,
        }
        return rows["levels"], conditions

    def place_errors(self, problems: Mapping[str, Sequence[str]]) -> bool:
        """Put the services' complaints at their fields and rows. Return False if none belongs here."""
        rows = {name: name.partition(".") for name in problems if name.partition(".")[0] in self.formsets}
        for name, (prefix, _, place) in rows.items():
            self.formsets[prefix].complain(place, problems[name])
        others = {SHOWN_AT.get(name, name): texts for name, texts in problems.items() if name not in rows}
        return super().place_errors(others) or bool(rows)

    def mistakes(self) -> list[tuple[str, str]]:
        """Return where on the page the mistakes are, and the title of each place."""
        own = [
            (self[name].id_for_label or self[name].auto_id, str(self[name].label))
            for name in self.errors
            if name in self.fields
        ]
        formsets = [*self.formsets.values(), self.facts]
        return own + [found for formset in formsets for found in formset.mistakes()]

    def summary(self) -> str:
        """Return the workflow in one sentence, as far as it is filled in."""
        if self.is_bound:
            self.is_valid()
        levels, conditions = self.definition()
        return sentence(conditions, levels, labels())

    def sections(self) -> list[Section]:
        """Return the sections that can be changed, in the order in which a request meets them."""
        found = [
            Section(
                "matches", SECTIONS["matches"],
                "The workflow applies to requests that meet all of these. Empty means any.",
                lay_out(self, (("name",), ("is_default",), ("kinds",), ("risk_levels",),
                               ("min_cost", "max_cost", "currency"))),
                folded=lay_out(self, (("description",), ("priority",), ("channels",), ("agents",),
                                      ("contact_tags",), ("days",), ("from_time", "until_time"))),
                folded_title="More conditions and priority", facts=self.facts,
            ),
            Section(
                "levels", SECTIONS["levels"], "Approvers see the request in the console.",
                lay_out(self, (("by_mail", "notify_also"), ("distinct_approvers",))), self.formsets["levels"],
            ),
            Section(
                "clock", SECTIONS["clock"], "Remind approvers and ask more people before a request expires.",
                lay_out(self, (("reminder_every_hours", "reminder_max"), ("expire_hours", "execute_within_hours"))),
                self.formsets["escalation"],
            ),
            Section(
                "alone", SECTIONS["alone"], "Decide simple requests without a person, within fixed limits.",
                [], self.formsets["auto_rules"],
                lay_out(self, (("allow_override",), ("editor_may_vote",), ("fall_allows_fewer",), ("open_per_agent",))),
                "Emergency approval, edits and limits",
            ),
        ]  # fmt: skip
        return [section for section in found if self.section in ("", section.key)]

    def is_condition_open(self) -> bool:
        """Return True if the condition is in use or has an error."""
        text = self["condition"].value() or self.errors.get("condition")
        return bool(text or self.facts.kept() or self.facts.non_form_errors())

    def types_of_facts(self) -> dict[str, Any]:
        """Return what the page's script knows of facts."""
        return types_of_facts()


class SentenceForm(WorkflowForm):
    """The same form, read while it is being filled in."""

    is_draft = True
