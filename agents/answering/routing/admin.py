"""The console's pages of answer rules."""

from functools import partial
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from agents.answering.routing import panels, rules
from agents.answering.routing.facts import FACTS
from agents.answering.routing.rules import LONGEST_TRIAL, MANAGE, AnswerSettings
from agents.answering.routing.selectors import outlook, query_rules
from agents.models import Agent, AnswerRule
from agents.selectors import VIEW_AGENT
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Step, steps
from console.navigation import MODELS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.models import ChannelAccount, Team
from core.actors import Actor
from hitl.models import BusinessCalendar

HELP: Final = (
    'For example: language == "de", or intent == "returns". You can use '
    + ", ".join(sorted(FACTS.names))
    + ", and field_ with the key of a custom field, such as field_tier. "
    "“words” are those of the newest message, in lower case. Leave it empty to match every message."
)
WITHIN, OUTSIDE = "within", "outside"


class GiveAgent(Step):
    """The first agent that customers get."""

    title, order, permission = "Give your customers an agent", 30, MANAGE
    text, page = "Make one from a template, try it and activate it.", "admin:agents_agent_changelist"

    def is_done(self, viewer: Actor) -> bool:
        """Return True if customers get an agent somewhere."""
        return bool(outlook(viewer=viewer).for_customers)


steps.register("agents.for_customers", GiveAgent)


class AnswerRuleForm(VersionedForm):
    """An answer rule."""

    name = forms.CharField(label="Name", max_length=60, help_text="Shown under “Why” for answers this rule decides.")
    channel_account_id = forms.TypedChoiceField(label="Channel", coerce=UUID, required=False, empty_value=None)
    team_id = forms.TypedChoiceField(
        label="Team",
        coerce=UUID,
        required=False,
        empty_value=None,
        help_text="For conversations that this team returned to the agent.",
    )
    hours = forms.ChoiceField(label="Hours", required=False)
    condition = forms.CharField(
        label="Condition", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text=HELP
    )
    agent_id = forms.TypedChoiceField(label="Who answers", coerce=UUID, required=False, empty_value=None)
    fallback_id = forms.TypedChoiceField(
        label="Fallback",
        coerce=UUID,
        required=False,
        empty_value=None,
        help_text="Answers while the agent is switched off or paused, or its model isn't set up. A person if it can't.",
    )
    is_active = forms.BooleanField(label="Active", required=False, help_text="Try it out before you switch it on.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = ChannelAccount.objects.exclude(kind=ChannelAccount.Kind.SLACK).order_by("name", "pk")
        agents = list(Agent.objects.order_by("name", "pk").values_list("pk", "name"))
        calendars = list(BusinessCalendar.objects.order_by("name").values_list("pk", "name"))
        hours = [
            (f"{side}:{key}", f"{side.capitalize()} {name}") for key, name in calendars for side in (WITHIN, OUTSIDE)
        ]
        choices = {
            "channel_account_id": [("", "Every channel"), *accounts.values_list("pk", "name")],
            "team_id": [("", "Every conversation"), *Team.objects.order_by("name").values_list("pk", "name")],
            "hours": [("", "At any time"), *hours],
            "agent_id": [("", "No agent: a person"), *agents],
            "fallback_id": [("", "A person"), *agents],
        }
        for name, offered in choices.items():
            self.fields[name].choices = offered  # type: ignore[attr-defined]

    def settings(self) -> AnswerSettings:
        """Return what the services take."""
        said = {name: value for name, value in self.cleaned_data.items() if name not in ("version", "hours")}
        side, _, key = self.cleaned_data["hours"].partition(":")
        return AnswerSettings(**said, calendar_id=UUID(key) if key else None, within_hours=side != OUTSIDE)


class TryForm(ConsoleForm):
    """Over how long the rule is tried."""

    days = forms.IntegerField(label="Days", min_value=1, max_value=LONGEST_TRIAL, initial=7)


@admin.register(AnswerRule)
class AnswerRuleAdmin(ServiceAdmin):
    """Which agent answers where."""

    view_permission = VIEW_AGENT
    nav = Nav("Who answers", "route", SETTINGS, MODELS, order=10)
    intro = "Which agent answers customers. Rules are checked from the top; the first match decides."
    empty_title = "No answer rules yet"
    empty_text = (
        "With no rules, your only customer agent answers. If you have several, a person takes over until you choose."
    )
    list_display = ("named", "standing", "where", "when", "who")
    ordering = ("position", "id")
    to_list = ("delete", "move-up", "move-down")
    detail_fields = ("standing", "where", "when", "who", "trouble")
    sortable_by: ClassVar = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        """Read the agents and places of each rule with it."""
        return query_rules(viewer=viewer_of(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, and above it who answers if no rule applies."""
        otherwise = panels.otherwise_of(outlook(viewer=viewer_of(request)))
        told = f"{self.intro} If no rule applies: {otherwise}." if otherwise else self.intro
        return super().changelist_view(request, {**(extra_context or {}), "intro": told})

    named = Column[AnswerRule]("Rule", lambda rule: f"{rule.position + 1}. {rule.name}")
    standing = Column[AnswerRule](
        "State", lambda rule: chip("Active", "good", "check") if rule.is_active else chip("Off", "neutral", "pause")
    )
    where = Column[AnswerRule]("Where", panels.where_of)
    when = Column[AnswerRule]("Condition", lambda rule: panels.when_of(rule) or "Everything")
    who = Column[AnswerRule]("Who answers", panels.who_of)
    trouble = Column[Any]("Problem", lambda rule: rule.problem or "None")

    def prepare_detail(self, request: HttpRequest, obj: Any) -> None:
        """Read whether its agent can answer."""
        obj.problem = panels.problem_of_agent(obj, outlook(viewer=viewer_of(request)))

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Return the values a form starts with; a new rule may come from the page of a channel, a team or an agent."""
        if obj is None:
            asked = ("channel_account_id", "team_id", "agent_id")
            return {name: request.GET[name] for name in asked if request.GET.get(name)}
        kept = {name: getattr(obj, name) for name in (*AnswerRuleForm.base_fields, "version") if hasattr(obj, name)}
        side = WITHIN if obj.within_hours else OUTSIDE
        return {**kept, "hours": f"{side}:{obj.calendar_id}" if obj.calendar_id else ""}

    create = creates(rules.create_answer_rule, MANAGE, AnswerRuleForm, title="New rule", done="“{}” was created.",
                     values=lambda form: {"settings": form.settings()})  # fmt: skip
    edit = edits(rules.revise_answer_rule, "answer_rule_id", MANAGE, AnswerRuleForm, tone="primary",
                 done="“{}” was saved.", values=lambda form: {"settings": form.settings()})  # fmt: skip

    @service_action(path="try", title="Try it out", permission=MANAGE, form=TryForm, submit="Try",
                    explain="Shows who would have answered in the last days. Nothing is changed.")  # fmt: skip
    def try_out(self, request: HttpRequest, obj: AnswerRule, form: ConsoleForm) -> HttpResponse:
        """Show what the rule would have done."""
        found = rules.try_answer_rule(actor=viewer_of(request), answer_rule_id=obj.pk, days=form.cleaned_data["days"])
        lines = [
            {
                "talk": one.conversation,
                "name": one.conversation.channel_account.name,
                "what": f"{one.old_agent or 'A person'} → {one.new_agent or 'a person'}",
                "at": one.conversation.last_inbound_at,
            }
            for one in found.differences
        ]
        title = f"{obj.name}: tried over {form.cleaned_data['days']} days"
        context = self.page_context(request, title, found=found, lines=lines, back_url=self.object_url(obj))
        return TemplateResponse(request, "console/rule_trial.html", context)

    move_up = calls(partial(rules.move_answer_rule, up=True), "answer_rule_id", permission=MANAGE, title="Move up",
                    done="“{}” was moved up.")  # fmt: skip
    move_down = calls(partial(rules.move_answer_rule, up=False), "answer_rule_id", permission=MANAGE, title="Move down",
                      done="“{}” was moved down.")  # fmt: skip
    delete = deletes(rules.delete_answer_rule, "answer_rule_id", MANAGE, form=VersionedForm, done="“{}” was deleted.")
