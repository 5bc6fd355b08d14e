"""The form of a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django import forms

from accounts.models import Tenant
from accounts.selectors import list_members
from console.forms import look
from hitl import registry, stoppable, workflow_ladder, workflow_rules
from hitl.admin_forms import VersionedForm
from hitl.labels import ROLE_NAMES, labels
from hitl.models import ApprovalLevel, ApproverGroup, BusinessCalendar
from hitl.seating import DECIDE
from hitl.strays import Choices, chosen_in, complaint, keep_unknown, signers_lost, strays_among, with_strays
from hitl.summary import DAY_NAMES, sentence
from hitl.workflow_parts import FOR_ALL, LEVELS_SHOWN, Part, parts_of
from hitl.workflow_values import values_of

RISKS: Final = [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")]
CHANNELS: Final = [
    ("webchat", "Web chat"), ("whatsapp", "WhatsApp"), ("sms", "SMS"), ("email", "Email"), ("api", "API"),
    ("console", "Console"),
]  # fmt: skip
SIGN_INS: Final = [
    ("", "Any way, also by the link in a mail"),
    ("password", "Signed in, or by an API key"),
    ("mfa", "Only with a second factor"),
]
_ASKING: Final = (*(f"level{number}_approvers" for number in range(1, LEVELS_SHOWN + 1)), *workflow_ladder.ASKING)


def approver_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return whom a level may ask: groups, roles and people. Two queries."""
    groups = [(f"group:{pk}", name) for pk, name in ApproverGroup.objects.order_by("name").values_list("pk", "name")]
    roles = [(f"role:{role}", ROLE_NAMES[role]) for role in ("approver", "admin", "owner", "compliance")]
    people = [(f"user:{m.user_id}", m.user.get_full_name()) for m in list_members(permission=DECIDE)]
    return [("Groups", groups), ("Roles", roles), ("People", sorted(people, key=lambda row: row[1]))]


def _words(label: str, help_text: str, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=False, **options)


def _number(label: str, least: int, most: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, **{"required": False, **options})


def _boxes(label: str, choices: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(label=label, choices=choices, required=False, widget=forms.CheckboxSelectMultiple)


def agent_choices(kept: Iterable[str]) -> list[tuple[str, str]]:
    """Return the agents by name; one that was chosen before stays to choose, or saving would cover more."""
    names = {target: name for (scope, target), name in stoppable.names().items() if scope == "agent"}
    gone = {agent: f"A former agent ({agent[-6:]})" for agent in kept if agent not in names}
    return list({**names, **gone}.items())


def defaults(tenant: Tenant) -> dict[str, Any]:
    """Return what the form of a new workflow begins with."""
    return {
        "currency": tenant.currency,
        "level1_approvers": ["role:approver"],
        "level1_sla_hours": 8,
        "by_mail": True,
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
    description = _words("What it is for", "For those who read the list.", max_length=300)
    is_default = forms.BooleanField(
        label="Covers whatever no other workflow covers",
        required=False,
        help_text="Then nothing else has to be said here: it is asked last.",
    )
    priority = _number("Priority", -1000, 1000, initial=0, help_text="Of several that match, the highest is taken.")
    currency = _words("Currency", "", max_length=3)
    min_cost = forms.DecimalField(label="From this amount on", required=False, min_value=0, decimal_places=2)
    max_cost = forms.DecimalField(label="Below this amount", required=False, min_value=0, decimal_places=2)
    condition = _words(
        "And only if",
        "A condition such as: cost > 1000 or risk >= 70. Facts: cost, currency, share, reach, risk, level, kind, "
        "channel, agent, hour, weekday, tags, spent. Where it cannot be worked out, a person is asked.",
        max_length=500,
    )
    contact_tags = _words("Tags of the contact", "Separated by commas; any of them.")
    from_time = _words("From (time of day)", "Such as 18:00, in your organisation's time zone.", max_length=5)
    until_time = _words("Until (time of day)", "Such as 08:00; of the next day if it is earlier.", max_length=5)
    reminder_every_hours = _number("Remind every (hours)", 0, 720, initial=0)
    reminder_max = _number("At most so many reminders", 0, 50, initial=0)
    expire_hours = _number("Expires when nobody decides within (hours)", 1, 8760, initial=72, required=True)
    execute_within_hours = _number("Carried out within (hours) after that", 1, 8760, initial=24, required=True)
    by_mail = forms.BooleanField(
        label="Tell everybody who is asked by mail, too",
        required=False,
        help_text="The console shows it in any case. Each of them may choose to get no mail.",
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
    open_per_agent = _number(
        "Open requests of one agent at most", 1, 1000, initial=50, help_text="Beyond that the agent is told to wait."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = approver_choices()
        people = with_strays(offered, self._lost(offered))
        self.fields["kinds"] = _boxes("Kinds of action (none: all)", registry.titles())
        self.fields["risk_levels"] = _boxes("Levels of risk (none: all)", RISKS)
        self.fields["channels"] = _boxes("Channels (none: all)", CHANNELS)
        self.fields["agents"] = _boxes("Agents (none: all)", agent_choices(self.initial.get("agents") or ()))
        self.fields["days"] = _boxes("Days (none: all)", list(DAY_NAMES.items()))
        self.fields |= {**dict(workflow_ladder.fields_of(people)), **workflow_rules.fields_of()}
        calendars = [("", "Every hour counts"), *_calendars()]
        for number in range(1, LEVELS_SHOWN + 1):
            for name, field in _level_fields(number, people, calendars).items():
                self.fields[f"level{number}_{name}"] = field
        for name in ("kinds", "risk_levels", "channels"):
            keep_unknown(self.fields[name], chosen_in(self, name))
        for name in FOR_ALL if self.is_limited else ():
            self.fields[name].disabled = True
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", look(field.widget))

    @property
    def is_limited(self) -> bool:
        """Tell whether it is filled in by who was given just this workflow: the rest stands there to be read."""
        return bool(self.initial.get("limited"))

    def _lost(self, offered: Sequence[tuple[str, Choices]]) -> dict[str, str]:
        """Keep whoever was asked and can no longer sign in sight, with the words for each."""
        chosen = [value for name in _ASKING for value in chosen_in(self, name)]
        known = [value for _, rows in offered for value, _ in rows]
        self.lost = signers_lost(strays_among(dict.fromkeys(chosen), known))
        return self.lost

    def clean(self) -> dict[str, Any]:
        """Name those who are asked and cannot sign, each where he is asked."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        for name in _ASKING if self.refuses_lost else ():
            for value in said.get(name) or ():
                if value in self.lost:
                    self.add_error(name, complaint(self.lost[value]))
        return said

    def parts(self) -> list[Part]:
        """Return the form in parts; what is seldom needed begins folded."""
        return parts_of(self)

    def says(self) -> str:
        """Say the workflow in one sentence, as far as it is filled in."""
        said = {**dict.fromkeys(self.fields), **self.initial}
        if self.is_bound:
            self.is_valid()
            said |= {name: [] for name in self.errors if isinstance(self.fields.get(name), forms.MultipleChoiceField)}
            said |= self.cleaned_data
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


def _editable() -> str:
    """Return the fields that requests have, by kind."""
    kinds = ((key, sorted(registry.get(key).params_model.model_fields)) for key in registry.keys())  # noqa: SIM118
    return "; ".join(f"{', '.join(fields)} ({key})" for key, fields in kinds)


def _level_fields(number: int, people: Any, calendars: list[tuple[str, str]]) -> dict[str, forms.Field]:
    parallel = forms.BooleanField(label="Opens at the same time as the level before", required=False)
    return {
        "name": _words("What this level is called", "Such as “Finance”.", max_length=80),
        "approvers": _boxes("Who is asked", people),
        "mode": forms.ChoiceField(label="Who has to sign", choices=ApprovalLevel.Mode.choices, required=False),
        "quorum": _number("How many of them, if a number", 1, 100, initial=1),
        "reject_threshold": _number("Rejected once so many reject", 1, 100, initial=1),
        "sla_hours": _number("Answer due within (hours)", 1, 8760, initial=8),
        "calendar_id": forms.ChoiceField(label="Which hours count", choices=calendars, required=False),
        **({"parallel": parallel} if number > 1 else {}),
        "require_reason": forms.BooleanField(label="A rejection needs a reason", required=False),
        "min_auth": forms.ChoiceField(label="How its signers have to be signed in", choices=SIGN_INS, required=False),
        "editable_fields": _words(
            "Fields its signers may edit",
            f"Separated by commas; of one kind only: kind:field. There are {_editable()}.",
        ),
    }
