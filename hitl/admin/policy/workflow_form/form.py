"""The form of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.forms.utils import ErrorDict

from accounts.models import Tenant
from accounts.selectors import list_members
from console.base.forms import ConsoleForm, look
from hitl.actions import registry
from hitl.admin.approval.forms import VersionedForm
from hitl.admin.policy.workflow_form import escalation, rules
from hitl.admin.policy.workflow_form import levels as workflow_levels
from hitl.admin.policy.workflow_form.layout import (
    ADD,
    BLANK,
    LEVEL,
    REMOVE,
    RULE,
    SORTS,
    STEP,
    Row,
    begin,
    reshaped,
    rows_in,
)
from hitl.admin.policy.workflow_form.levels import boxes, number, words
from hitl.admin.policy.workflow_form.parts import FOR_ALL, Part, parts_of
from hitl.admin.policy.workflow_form.stale_choices import (
    Choices,
    chosen_in,
    complaint,
    keep_unknown,
    signers_lost,
    strays_among,
    with_strays,
)
from hitl.admin.policy.workflow_form.values import values_of
from hitl.approvals.context import DECIDE
from hitl.killswitch import targets
from hitl.models import ApproverGroup, BusinessCalendar
from hitl.policy.describe import DAY_NAMES, sentence
from hitl.policy.labels import ROLE_NAMES, labels

RISKS: Final = [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")]
CHANNELS: Final = [
    ("webchat", "Web chat"), ("whatsapp", "WhatsApp"), ("sms", "SMS"), ("email", "Email"), ("api", "API"),
    ("console", "Console"),
]  # fmt: skip


def approver_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return whom a level may ask: groups, roles and people. Two queries."""
    groups = [(f"group:{pk}", name) for pk, name in ApproverGroup.objects.order_by("name").values_list("pk", "name")]
    roles = [(f"role:{role}", ROLE_NAMES[role]) for role in ("approver", "admin", "owner", "compliance")]
    people = [(f"user:{m.user_id}", m.user.get_full_name()) for m in list_members(permission=DECIDE)]
    named = [("Groups", groups), ("Roles", roles), ("People", sorted(people, key=lambda row: row[1]))]
    return [(title, rows) for title, rows in named if rows]


def agent_choices(kept: Iterable[str]) -> list[tuple[str, str]]:
    """Return the agents by name; one that was chosen before stays to choose, or saving would cover more."""
    names = {target: name for (scope, target), name in targets.names().items() if scope == "agent"}
    gone = {agent: f"A former agent ({agent[-6:]})" for agent in kept if agent not in names}
    return list({**names, **gone}.items())


def defaults(tenant: Tenant) -> dict[str, Any]:
    """Return what the form of a new workflow begins with."""
    return {
        "currency": tenant.currency,
        "level1_approvers": ["role:approver"],
        "level1_sla_hours": 8,
        "by_mail": True,
        "signs_once": True,
        "reminder_every_hours": 4,
        "reminder_max": 2,
        "expire_hours": 72,
        "execute_within_hours": 24,
    }


class WorkflowForm(VersionedForm):
    """Everything about a workflow: what it covers, who signs, and what happens when nobody does."""

    template_name = "console/workflow_form.html"
    width = "wk-wide"
    refuses_lost = True

    name = forms.CharField(label="Name", max_length=80)
    description = words("What it is for", "For those who read the list.", max_length=300)
    is_default = forms.BooleanField(
        label="Covers whatever no other workflow covers",
        required=False,
        help_text="Then nothing else has to be said here: it is asked last.",
    )
    priority = number("Priority", -1000, 1000, initial=0, help_text="Of several that match, the highest is taken.")
    currency = words("Currency", "", max_length=3)
    min_cost = forms.DecimalField(label="From this amount on", required=False, min_value=0, decimal_places=2)
    max_cost = forms.DecimalField(label="Below this amount", required=False, min_value=0, decimal_places=2)
    condition = words(
        "And only if",
        "A condition such as: cost > 1000 or risk >= 70. Facts: cost, currency, share, reach, risk, level, kind, "
        "channel, agent, hour, weekday, tags, spent. Where it cannot be worked out, a person is asked.",
        max_length=500,
    )
    contact_tags = words("Tags of the contact", "Separated by commas; any of them.")
    from_time = words("From (time of day)", "Such as 18:00, in your organisation's time zone.", max_length=5)
    until_time = words("Until (time of day)", "Such as 08:00; of the next day if it is earlier.", max_length=5)
    reminder_every_hours = number("Remind every (hours)", 0, 720, initial=0)
    reminder_max = number("At most so many reminders", 0, 50, initial=0)
    expire_hours = number("Expires when nobody decides within (hours)", 1, 8760, initial=72, required=True)
    execute_within_hours = number("Carried out within (hours) after that", 1, 8760, initial=24, required=True)
    by_mail = forms.BooleanField(
        label="Tell everybody who is asked by mail, too",
        required=False,
        help_text="The console shows it in any case. Each of them may choose to get no mail.",
    )
    signs_once = forms.BooleanField(
        label="No one signs twice: each level by other people than the levels before",
        required=False,
        help_text="A request is held, and administrators are told, where nobody else is left to sign.",
    )
    allow_override = forms.BooleanField(
        label="May be overridden in an emergency, with a review afterwards", required=False
    )
    editor_may_vote = forms.BooleanField(
        label="Who edits a request may sign it, unless its risk or cost rose", required=False
    )
    fall_allows_fewer = forms.BooleanField(
        label="After an edit that lowers both risk and cost fewer levels may do", required=False
    )
    open_per_agent = number(
        "Open requests of one agent at most", 1, 1000, initial=50, help_text="Beyond that the agent is told to wait."
    )

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.is_redrawn, self.added = data is not None and (ADD in data or REMOVE in data), ""
        if self.is_redrawn:
            data, self.added = reshaped(data, kwargs.get("initial") or {})
        super().__init__(data, *args, **kwargs)
        offered = approver_choices()
        self.rows = {sort.key: rows_in(self._said_of(sort.key), sort) for sort in SORTS.values()}
        self.offered = Offered(with_strays(offered, self._lost(offered)))
        self.fields["kinds"] = boxes("Kinds of action (none: all)", registry.titles())
        self.fields["risk_levels"] = boxes("Levels of risk (none: all)", RISKS)
        self.fields["channels"] = boxes("Channels (none: all)", CHANNELS)
        self.fields["agents"] = boxes("Agents (none: all)", agent_choices(self.initial.get("agents") or ()))
        self.fields["days"] = boxes("Days (none: all)", list(DAY_NAMES.items()))
        for rows in self.rows.values():
            for place, row in enumerate(rows):
                self.fields |= self.offered.fields_of(row, is_first=place == 0)
        for name in ("kinds", "risk_levels", "channels"):
            keep_unknown(self.fields[name], chosen_in(self, name))
        for name in self.fields if self.is_limited else ():
            self.fields[name].disabled = name in FOR_ALL or name.startswith(RULE.key)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    def _said_of(self, sort: str) -> Mapping[str, Any]:
        """Return where the rows of a sort stand: what is only there to be read is not sent."""
        is_sent = self.is_bound and not (self.is_limited and sort == RULE.key)
        return self.data if is_sent else self.initial

    @property
    def asking(self) -> list[str]:
        """The names of the fields that say who is asked."""
        asks = ((LEVEL, "approvers"), (STEP, "to"))
        return [row.name_of(field) for sort, field in asks for row in self.rows[sort.key]]

    @property
    def is_limited(self) -> bool:
        """Tell whether it is filled in by who was given just this workflow: the rest stands there to be read."""
        return bool(self.initial.get("limited"))

    def _lost(self, offered: Sequence[tuple[str, Choices]]) -> dict[str, str]:
        """Keep whoever was asked and can no longer sign in sight, with the words for each."""
        chosen = [value for name in self.asking for value in chosen_in(self, name)]
        known = [value for _, rows in offered for value, _ in rows]
        self.lost = signers_lost(strays_among(dict.fromkeys(chosen), known))
        return self.lost

    def clean(self) -> dict[str, Any]:
        """Name those who are asked and cannot sign, each where he is asked."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.asking if self.refuses_lost else ():
            for value in said.get(name) or ():
                if value in self.lost:
                    self.add_error(name, complaint(self.lost[value]))
        return said

    def full_clean(self) -> None:
        """Complain of nothing while rows come and go."""
        super().full_clean()
        if self.is_redrawn:
            self._errors = ErrorDict()

    def parts(self) -> list[Part]:
        """Return the form in parts; what is seldom needed begins folded."""
        locked = RULE.key if self.is_limited else ""
        return parts_of(self, self.rows, BlankRows(self), locked=locked, added=self.added)

    def wrong(self) -> list[tuple[str, str]]:
        """Return what needs another look: where it is on the page, and what it is called there."""
        titles = {row.key: f"{row.sort.noun} {n}: " for rows in self.rows.values() for n, row in enumerate(rows, 1)}
        found = []
        for name in [name for name in self.errors if name in self.fields]:
            key = name.partition("_")[0]
            place = self[name].id_for_label or (f"row-{key}" if key in titles else self[name].auto_id)
            found.append((place, f"{titles.get(key, '')}{self[name].label}"))
        return found

    def says(self) -> str:
        """Say the workflow in one sentence, as far as it is filled in."""
        said = {**dict.fromkeys(self.fields), **self.initial}
        if self.is_bound:
            self.is_valid()
            said = {**dict.fromkeys(self.fields), **self.cleaned_data}
        levels, conditions = values_of({**said, "days": said["days"] or []})
        return sentence(conditions, levels, labels())


class SentenceForm(WorkflowForm):
    """The same form, read while it is being filled in."""

    refuses_lost = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False


def _calendars() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in BusinessCalendar.objects.order_by("name").values_list("pk", "name")]


class Offered:
    """What the rows of the form are made of: people and calendars are read once for all of them."""

    def __init__(self, people: Sequence[tuple[str, Choices]]) -> None:
        self.people = people
        self.calendars = [("", "Every hour counts"), *_calendars()]

    def fields_of(self, row: Row, *, is_first: bool = False) -> dict[str, forms.Field]:
        """Return the fields of a row by their names in the form."""
        if row.sort is RULE:
            fields = rules.fields_of(row.verdict)
        elif row.sort is STEP:
            fields = escalation.fields_of(self.people)
        else:
            fields = workflow_levels.fields_of(self.people, self.calendars)
        return {row.name_of(name): field for name, field in fields.items() if not (is_first and name == "parallel")}


class BlankRows(ConsoleForm):
    """One empty row of each sort, which a script copies."""

    def __init__(self, form: WorkflowForm) -> None:
        super().__init__(auto_id=form.auto_id)
        for row in (Row(LEVEL, BLANK), Row(STEP, BLANK), Row(RULE, BLANK, "approve"), Row(RULE, BLANK, "reject")):
            fields = form.offered.fields_of(row)
            for name, value in begin(row, str(form.initial.get("currency") or "")).items():
                fields[row.name_of(name)].initial = value
            for field in fields.values():
                field.widget.attrs.setdefault("class", look(field.widget))
            self.fields |= fields
