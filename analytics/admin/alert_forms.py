"""The forms of alert rules and of where alerts go."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.selectors import list_members
from analytics.alerts.evaluate import MANAGE
from analytics.alerts.rules import LONGEST_HOLD, RuleSettings
from analytics.models import Severity, Way
from console.base.forms import ConsoleForm, VersionedForm
from conversations.models import Team
from core.observability import facts

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
    """An alert rule."""

    name = forms.CharField(label="Name", max_length=80)
    condition = forms.CharField(label="Condition", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
    hold_seconds = forms.IntegerField(
        label="For how long (seconds)", min_value=0, max_value=LONGEST_HOLD, initial=60,
        help_text="It fires once the condition has held for so long.",
    )  # fmt: skip
    severity = forms.ChoiceField(label="Severity", choices=Severity.choices, initial=Severity.WARNING)
    ways = forms.MultipleChoiceField(label="Tell by", choices=Way.choices, widget=forms.CheckboxSelectMultiple)
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.order_by("name").values_list("pk", "name")
        people = [(member.user_id, member.user.get_full_name()) for member in list_members(permission=MANAGE)]
        self.fields["team_id"].choices = [("", "Everyone who manages alerts"), *teams]  # type: ignore[attr-defined]
        self.fields["owner_id"].choices = [("", "Nobody"), *people]  # type: ignore[attr-defined]
        self.fields["condition"].help_text = help_of_condition()

    def settings(self) -> RuleSettings:
        return RuleSettings(**{name: value for name, value in self.cleaned_data.items() if name != "version"})


class SilenceForm(ConsoleForm):
    """For how long a rule is silent."""

    hours = forms.IntegerField(label="Hours", min_value=1, max_value=720, initial=4)
    reason = forms.CharField(label="Reason", max_length=200, required=False)


class TryForm(ConsoleForm):
    """Over how long the rule is tried."""

    days = forms.IntegerField(label="Days", min_value=1, max_value=30, initial=7)


class DestinationsForm(ConsoleForm):
    """Where alerts go outside Walker."""

    routing_key = forms.CharField(
        label="PagerDuty routing key", max_length=32, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Of an integration with the Events API v2. Leave empty to keep the one there is.",
    )  # fmt: skip
    slack_channel = forms.CharField(label="Slack channel ID", max_length=40, required=False)
    webhook_url = forms.CharField(
        label="Webhook address", max_length=500, required=False, help_text="Leave empty to keep the one there is."
    )
