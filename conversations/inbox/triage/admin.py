"""The console's pages of triage rules."""

from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html

from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import CONVERSATIONS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.inbox.admin.approval_panel import customer_name
from conversations.inbox.admin.tags import tag_chips
from conversations.inbox.triage import triage
from conversations.inbox.triage.triage import FACTS, LONGEST_TRIAL, MANAGE, Difference, RuleSettings
from conversations.models import CannedReply, Priority, Tag, Team, TriageRule

HELP: Final = (
    'For example: "refund" in words and channel == "whatsapp". You can use '
    + ", ".join(sorted(FACTS.names))
    + ", and field_ with the key of a custom field, such as field_tier. "
    "“words” are those of the customer's newest message, in lower case. Leave it empty to match every conversation."
)


class RuleForm(VersionedForm):
    name = forms.CharField(label="Name", max_length=60)
    condition = forms.CharField(
        label="Condition", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text=HELP
    )
    team_id = forms.TypedChoiceField(label="Team", coerce=UUID, required=False, empty_value=None)
    priority = forms.TypedChoiceField(
        label="Priority", coerce=int, required=False, empty_value=None, choices=[("", "Unchanged"), *Priority.choices]
    )
    tag_id = forms.TypedChoiceField(label="Tag", coerce=UUID, required=False, empty_value=None)
    reply_id = forms.TypedChoiceField(
        label="Canned reply",
        coerce=UUID,
        required=False,
        empty_value=None,
        help_text="Sent to the customer at once, a single time, in their language. It doesn't count as an answer.",
    )
    goes_on = forms.BooleanField(
        label="Try the next rules too",
        required=False,
        help_text="For what this rule leaves open. Otherwise it's the last one for what meets it.",
    )
    is_active = forms.BooleanField(label="Active", required=False, help_text="Try it out before you switch it on.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.order_by("name").values_list("pk", "name")
        tags = Tag.objects.order_by("name").values_list("pk", "name")
        replies = CannedReply.objects.filter(owner=None).order_by("title", "id").values_list("pk", "title")
        self.fields["reply_id"].choices = [("", "None"), *replies]  # type: ignore[attr-defined]
        self.fields["team_id"].choices = [("", "Unchanged"), *teams]  # type: ignore[attr-defined]
        self.fields["tag_id"].choices = [("", "None"), *tags]  # type: ignore[attr-defined]

    def settings(self) -> RuleSettings:
        """Return what the services take."""
        return RuleSettings(**{name: value for name, value in self.cleaned_data.items() if name != "version"})


class TryForm(ConsoleForm):
    days = forms.IntegerField(label="Days", min_value=1, max_value=LONGEST_TRIAL, initial=7)


def in_words(one: Difference) -> str:
    """Return what a rule would have changed for a conversation."""
    old, new = (
        f"{team or 'No team'}, {Priority(priority).label.lower()}"
        for team, priority in ((one.old_team, one.old_priority), (one.new_team, one.new_priority))
    )
    moved = f"{old} → {new}" if old != new else ""
    reply = f"the customer would get “{one.reply}”" if one.reply else ""
    return "; ".join(filter(None, (moved, reply)))


@admin.register(TriageRule)
class TriageRuleAdmin(ServiceAdmin):
    view_permission = MANAGE
    nav = Nav("Triage rules", "route", SETTINGS, CONVERSATIONS, order=20)
    intro = "Where conversations go that need a person, in this order. Without a rule they go to the default team."
    empty_title = "No triage rules yet"
    empty_text = "Make the first one, such as refunds for the team that sends money back."
    list_display = ("named", "standing", "when", "gives")
    ordering = ("position", "id")
    to_list = ("delete", "move-up", "move-down")
    detail_fields = ("standing", "when", "gives", "then")
    sortable_by: ClassVar = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("team", "tag", "reply")

    named = Column[TriageRule]("Rule", lambda rule: f"{rule.position + 1}. {rule.name}")
    standing = Column[TriageRule](
        "State", lambda rule: chip("Active", "good", "check") if rule.is_active else chip("Off", "neutral", "pause")
    )
    when = Column[TriageRule](
        "Condition",
        lambda rule: format_html('<span class="wk-mono">{}</span>', rule.condition) if rule.condition else "Everything",
    )

    @admin.display(description="Gives")
    def gives(self, rule: TriageRule) -> str:
        return format_html(
            "{} {} {} {}",
            chip(rule.team.name, "info") if rule.team else "",
            chip(rule.get_priority_display(), "warn") if rule.priority is not None else "",
            tag_chips([rule.tag] if rule.tag else []),
            chip(f"Sends “{rule.reply.title}”", "info", "send") if rule.reply else "",
        )

    then = Column[TriageRule](
        "Next rules",
        lambda rule: (
            "Tried too, for what this rule leaves open" if rule.goes_on else "Not tried for what meets this rule"
        ),
    )

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            return {}
        return {name: getattr(obj, name) for name in (*RuleForm.base_fields, "version") if hasattr(obj, name)}

    create = creates(triage.create_triage_rule, MANAGE, RuleForm, title="New rule", done="“{}” was created.",
                     values=lambda form: {"settings": form.settings()})  # fmt: skip
    edit = edits(triage.revise_triage_rule, "rule_id", MANAGE, RuleForm, tone="primary", done="“{}” was saved.",
                 values=lambda form: {"settings": form.settings()})  # fmt: skip

    @service_action(path="try", title="Try it out", permission=MANAGE, form=TryForm, submit="Try",
                    explain="Shows what it would have done in the last days. Nothing is changed.")  # fmt: skip
    def try_out(self, request: HttpRequest, obj: TriageRule, form: ConsoleForm) -> HttpResponse:
        found = triage.try_rule(actor=viewer_of(request), rule_id=obj.pk, days=form.cleaned_data["days"])
        lines = [
            {
                "talk": one.conversation,
                "name": customer_name(one.conversation),
                "what": in_words(one),
                "at": one.conversation.escalated_at,
            }
            for one in found.differences
        ]
        title = f"{obj.name}: tried over {form.cleaned_data['days']} days"
        context = self.page_context(request, title, found=found, lines=lines, back_url=self.object_url(obj))
        return TemplateResponse(request, "console/rule_trial.html", context)

    move_up = calls(
        partial(triage.move_triage_rule, up=True),
        "rule_id",
        permission=MANAGE,
        title="Move up",
        done="“{}” is tried sooner.",
    )
    move_down = calls(
        partial(triage.move_triage_rule, up=False),
        "rule_id",
        permission=MANAGE,
        title="Move down",
        done="“{}” is tried later.",
    )

    delete = deletes(triage.delete_triage_rule, "rule_id", MANAGE, form=VersionedForm, done="“{}” was deleted.")
