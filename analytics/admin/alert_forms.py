"""The forms of alert rules and of where alerts go."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.selectors import list_members
from analytics.admin.alert_conditions import (
    AlertRowFormSet,
    AlertRows,
    Values,
    rows_of_condition,
    types_of_facts,
)
from analytics.alerts import trials
from analytics.alerts.evaluate import MANAGE
from analytics.alerts.rules import LONGEST_HOLD, RuleSettings
from analytics.models import Severity, Way
from console.base.forms import ConsoleForm, VersionedForm
from console.conditions.builder import PREFIX, join_field, way_field
from console.conditions.row_forms import ADD, REMOVE, Fields, lay_out, with_changed_rows
from conversations.models import Team
from core.actors import Actor
from core.observability import facts

ROWS: Final = (
    ("severity",), ("ways",), ("team_id", "owner_id"), ("runbook",), ("quiet_from", "quiet_until"), ("is_on",),
)  # fmt: skip
EXAMPLES: Final = (
    ('p95("first_answer_person", 1, "team", "Support") > 900', "a figure of this hour and the one before"),
    ('share("decided_in_time", "decided_late", 24) < 90', "the percent that was in time"),
    ('percent("delivery_failures", "deliveries", 1) > 5', "one figure in percent of another"),
    ('total("model_cost", 24, "currency", "EUR") > 50', "a sum; also count, average, p50, p99"),
    ('events("conversation_opened", 10) >= 50', "events of the last minutes"),
)


def help_of_condition() -> SafeString:
    """Return what conditions may name, in words."""
    known = [(fact.name, fact.label) for fact in facts.all_facts().values()]
    lines = format_html_join("", "<li><code>{}</code>: {}</li>", (*known, *EXAMPLES))
    return format_html(
        "Such as <code>answers_missed &gt; 5 or failed_jobs &gt; 10</code>. "
        "<details><summary>What you can name</summary><ul>{}</ul></details>",
        lines,
    )


class AlertRuleForm(VersionedForm):
    """An alert rule; its condition is chosen as rows or written as a text."""

    template_name = "console/alert_form.html"
    width = "wk-wide"
    is_draft = False
    viewer: Actor

    name = forms.CharField(label="Name", max_length=80)
    condition_by = way_field()
    condition_join = join_field()
    condition = forms.CharField(
        label="Condition", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    hold_seconds = forms.IntegerField(
        label="For how long (seconds)", min_value=0, max_value=LONGEST_HOLD, initial=60,
        help_text="The alert fires once the condition has been true for this long.",
    )  # fmt: skip
    severity = forms.ChoiceField(label="Severity", choices=Severity.choices, initial=Severity.WARNING)
    ways = forms.MultipleChoiceField(label="Notify by", choices=Way.choices, widget=forms.CheckboxSelectMultiple)
    team_id = forms.TypedChoiceField(label="Team", coerce=UUID, required=False, empty_value=None)
    owner_id = forms.TypedChoiceField(label="Owner", coerce=UUID, required=False, empty_value=None)
    runbook = forms.URLField(
        label="Runbook", max_length=300, required=False, assume_scheme="https", help_text="A page that says what to do."
    )
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(
        label="Quiet until", required=False, widget=forms.TimeInput(attrs={"type": "time"}),
        help_text="In the organisation's time zone. Critical alerts don't wait.",
    )  # fmt: skip
    is_on = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.is_redrawn, self.added = data is not None and (ADD in data or REMOVE in data), ""
        if self.is_redrawn:
            data, self.added = with_changed_rows(data, {PREFIX: AlertRowFormSet})
        super().__init__(data, *args, **kwargs)
        teams = Team.objects.order_by("name").values_list("pk", "name")
        people = [(member.user_id, member.user.get_full_name()) for member in list_members(permission=MANAGE)]
        self.fields["team_id"].choices = [("", "Everyone who manages alerts"), *teams]  # type: ignore[attr-defined]
        self.fields["owner_id"].choices = [("", "Nobody"), *people]  # type: ignore[attr-defined]
        self.fields["condition"].help_text = help_of_condition()
        for field in self.fields.values():
            field.required = field.required and not self.is_draft
        self.facts = self._condition_rows()

    def _condition_rows(self) -> AlertRows:
        """Return the condition as rows; they count if the person chose them, the text otherwise."""
        found = rows_of_condition(str(self.initial.get("condition") or ""))
        join, rows = found or ("and", [])
        rows = rows or [{"sign": ">"}]
        self.initial = {"condition_by": "text" if found is None else "rows", "condition_join": join, **self.initial}
        formset = AlertRowFormSet(
            self.data if self.is_bound and self.data.get("condition_by") == "rows" else None,
            auto_id=str(self.auto_id), prefix=PREFIX, initial=[{**row, "stored": row} for row in rows],
            form_kwargs={"choices": Values(), "is_redrawn": self.is_redrawn, "is_draft": self.is_draft},
        )  # fmt: skip
        formset.added = self.added
        return formset

    def is_valid(self) -> bool:
        rows_are_valid = not self.facts.is_bound or self.facts.is_valid()
        return super().is_valid() and rows_are_valid

    def condition_text(self) -> str:
        """Return the condition, as far as it is filled in."""
        if self.facts.is_bound:
            self.facts.is_valid()
            return self.facts.text(str(self.data.get("condition_join") or "and"))
        return str((self.data if self.is_bound else self.initial).get("condition") or "")

    def trial(self) -> str:
        """Return what the condition says now, and of last week."""
        return trials.words_of(actor=self.viewer, condition=self.condition_text())

    def rows(self) -> Fields:
        """Return the fields about who is notified."""
        return lay_out(self, ROWS)

    def types_of_facts(self) -> dict[str, Any]:
        return types_of_facts()

    def place_errors(self, problems: Mapping[str, Sequence[str]]) -> bool:
        """Put what is wrong with a condition of rows at the rows."""
        if self.facts.is_bound and "condition" in problems:
            self.facts.complain("", problems["condition"])
            problems = {name: said for name, said in problems.items() if name != "condition"}
            return super().place_errors(problems) or True
        return super().place_errors(problems)

    def settings(self) -> RuleSettings:
        left_out = ("version", "condition_by", "condition_join", "condition")
        values = {name: value for name, value in self.cleaned_data.items() if name not in left_out}
        return RuleSettings(**values, condition=self.condition_text())


class AlertDraftForm(AlertRuleForm):
    """The same form, read while it is being filled in."""

    is_draft = True


class SilenceForm(ConsoleForm):
    hours = forms.IntegerField(label="Hours", min_value=1, max_value=720, initial=4)
    reason = forms.CharField(label="Reason", max_length=200, required=False)


class DestinationsForm(ConsoleForm):
    routing_key = forms.CharField(
        label="PagerDuty routing key", max_length=32, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Of an integration with the Events API v2. Leave empty to keep the one there is.",
    )  # fmt: skip
    slack_channel = forms.CharField(label="Slack channel ID", max_length=40, required=False)
    webhook_url = forms.CharField(
        label="Webhook address", max_length=500, required=False, help_text="Leave empty to keep the one there is."
    )
