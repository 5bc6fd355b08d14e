"""Console pages of alert rules: list with state, history, silence and trying out."""

from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from analytics.admin.alert_forms import AlertDraftForm, AlertRuleForm, DestinationsForm, SilenceForm
from analytics.alerts import rules, trials
from analytics.alerts.evaluate import MANAGE
from analytics.alerts.messages import numbers_of
from analytics.alerts.states import State
from analytics.models import Alert, AlertRule, Severity, Way
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import ConfirmForm, ConsoleForm, VersionedForm
from console.base.lists import Column, choose
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import DATA, FIGURES, Nav
from console.templatetags.console_ui import chip, exact
from console.viewers import viewer_of
from core.clock import now

SHOWN: Final = 20
URGENT: Final = (State.FIRING, State.BROKEN, State.PENDING, State.SILENCED)
"""The states that are listed first."""
GRAVITY: Final = {Severity.INFO: "info", Severity.WARNING: "warn", Severity.CRITICAL: "danger"}
SHORT: Final = {**dict(Way.choices), Way.NOTICE: "Notice"}
CHIPS: Final = {
    State.OK: ("good", "check"),
    State.PENDING: ("warn", "clock"),
    State.FIRING: ("danger", "alert"),
    State.SILENCED: ("neutral", "pause"),
    State.BROKEN: ("serious", "x-circle"),
}


def settings_in(form: AlertRuleForm) -> dict[str, Any]:
    return {"settings": form.settings()}


@admin.register(AlertRule)
class AlertRuleAdmin(ServiceAdmin):
    view_permission = MANAGE
    nav = Nav("Alerts", "bell", FIGURES, DATA, order=60)
    intro = (
        "Conditions over your organisation's figures, checked twice a minute, and who is notified when they are met."
    )
    empty_title = "No alert rules yet"
    empty_text = "The ready-made ones appear within a minute. Or make your own."
    list_display = ("name", "standing", "asked", "gravity", "told")
    list_filter: ClassVar = [choose("state", "State", State.choices)]
    ordering = ("name", "id")
    detail_fields = (
        *("standing", "asked", "waits", "gravity", "told", "people", "owned_by", "what_to_do", "quiet"),
        *("silence_end", "held_back"),
    )
    detail_template = "console/alert_rule.html"
    to_list = ("delete",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        viewer = viewer_of(request)
        found = rules.query_rules(viewer=viewer) if viewer.may(MANAGE) else AlertRule.objects.none()
        urgent = [When(state=state, is_on=True, then=Value(number)) for number, state in enumerate(URGENT)]
        return found.annotate(urgency=Case(*urgent, default=Value(len(URGENT))))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("urgency", *self.ordering)

    def prepare_rows(self, request: HttpRequest, rows: list[AlertRule]) -> None:
        names = names_of(row.owner_id for row in rows)
        for row in rows:
            row.owner_name = name_in(names, row.owner_id, otherwise="Nobody")  # type: ignore[attr-defined]

    def detail_context(self, request: HttpRequest, obj: AlertRule) -> dict[str, Any]:
        alerts = [
            {"began": exact(one.began_at), "ended": exact(one.ended_at, "Not yet"), "numbers": numbers_of(one)}
            for one in rules.query_alerts(viewer=viewer_of(request), rule_id=obj.pk)[:SHOWN]
        ]
        tone = "danger" if obj.state == State.BROKEN else "info"
        found = super().detail_context(request, obj)
        offered = {offer["action"].path: offer for offer in found["offered"]}
        edit = offered.pop("edit", None)
        return {
            **found,
            "offered": list(offered.values()),
            "edit_url": edit["url"] if edit else "",
            "alerts": alerts,
            "last_week": trials.words_of(actor=viewer_of(request), condition=obj.condition),
            "trouble": obj.trouble,
            "trouble_tone": tone,
        }

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        found = super().list_context(request)
        return {**found, "offered": [offer for offer in found["offered"] if offer["action"].path != "trial"]}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        form = super().action_form(request, action, obj, bound=bound)
        if isinstance(form, AlertRuleForm):
            form.viewer = viewer_of(request)
        return form

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path == "acknowledge" and obj is not None:
            waiting = Alert.objects.filter(rule=obj, ended_at=None, acknowledged_at=None)
            return "" if waiting.exists() else "No alert waits to be acknowledged."
        if action.path == "unsilence" and obj is not None:
            return "" if obj.silenced_until and obj.silenced_until > now() else "It isn't silenced."
        return ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == "destinations":
            return {"slack_channel": rules.current_settings(viewer=viewer_of(request)).slack_channel}
        if obj is None:
            return {"ways": ["notice"]}
        return {name: getattr(obj, name) for name in AlertRuleForm.base_fields if hasattr(obj, name)}

    create = creates(rules.create_rule, MANAGE, AlertRuleForm, title="New rule", tone="primary",
                     values=settings_in, done="“{}” was created.")  # fmt: skip

    @service_action(title="PagerDuty, Slack, webhook", permission=MANAGE, form=DestinationsForm,
                    submit="Save", on_list=True, explain="Where alerts go outside Walker.")  # fmt: skip
    def destinations(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        _, secret = rules.set_destinations(actor=viewer_of(request), **form.cleaned_data)
        return f"Saved. The webhook's secret, shown once: {secret}" if secret else "Saved."

    @service_action(title="Acknowledge", permission=MANAGE, form=ConfirmForm, tone="good",
                    explain="Says that somebody is on it; PagerDuty hears so.")  # fmt: skip
    def acknowledge(self, request: HttpRequest, obj: AlertRule, form: ConsoleForm) -> str:
        alert = Alert.objects.filter(rule=obj, ended_at=None).first()
        if alert is None:
            return "The alert is over."
        rules.acknowledge_alert(actor=viewer_of(request), alert_id=alert.pk)
        return "The alert was acknowledged."

    @service_action(title="Silence", permission=MANAGE, form=SilenceForm,
                    explain="An open alert ends, and nobody is notified until then.")  # fmt: skip
    def silence(self, request: HttpRequest, obj: AlertRule, form: ConsoleForm) -> str:
        until, why = now() + timedelta(hours=form.cleaned_data["hours"]), form.cleaned_data["reason"]
        rules.silence_rule(actor=viewer_of(request), alert_rule_id=obj.pk, until=until, reason=why)
        return "The rule is silent."

    unsilence = calls(partial(rules.silence_rule, until=None), "alert_rule_id", title="End silence", permission=MANAGE,
                      done="The rule tells again.")  # fmt: skip

    @service_action(title="Last week", permission=MANAGE, form=AlertDraftForm, on_list=True)
    def trial(self, request: HttpRequest, obj: None, form: AlertDraftForm) -> HttpResponse:
        """Say what the condition finds, as far as it is filled in."""
        return HttpResponse(form.trial(), content_type="text/plain; charset=utf-8")

    edit = edits(rules.revise_rule, "alert_rule_id", MANAGE, AlertRuleForm, tone="primary", done="“{}” was saved.",
                 values=settings_in,
                 explain="The rule starts over, and an open alert ends.")  # fmt: skip

    delete = deletes(rules.delete_rule, "alert_rule_id", MANAGE, form=VersionedForm, explain="Its history goes too.",
                     done="“{}” was deleted.")  # fmt: skip

    @admin.display(description="State")
    def standing(self, rule: AlertRule) -> str:
        """Return the state; off is no state of its own."""
        shown = (rule.get_state_display(), *CHIPS[State(rule.state)])
        return chip(*shown) if rule.is_on else chip("Off", "neutral", "ban")

    asked = Column[AlertRule]("Condition", lambda rule: format_html("<code>{}</code>", rule.condition))
    gravity = Column[AlertRule](
        "Severity", lambda rule: chip(rule.get_severity_display(), GRAVITY[Severity(rule.severity)])
    )
    waits = Column[AlertRule](
        "Fires", lambda rule: f"After it held for {rule.hold_seconds} seconds" if rule.hold_seconds else "At once"
    )
    told = Column[AlertRule]("Notifies by", lambda rule: ", ".join(SHORT.get(way, way) for way in rule.ways))

    @admin.display(description="People notified")
    def people(self, rule: AlertRule) -> str:
        told = [*(["The owner"] if rule.owner_id else []), *([f"the team {rule.team}"] if rule.team_id else [])]
        return " and ".join(told) or "Everyone who manages alerts"

    owned_by = Column[AlertRule]("Owner", lambda rule: getattr(rule, "owner_name", "–"))

    @admin.display(description="Runbook")
    def what_to_do(self, rule: AlertRule) -> str:
        link = '<a href="{}" rel="noopener noreferrer">{}</a>'
        return format_html(link, rule.runbook, rule.runbook) if rule.runbook else "–"

    quiet = Column[AlertRule](
        "Quiet hours",
        lambda rule: (
            f"{rule.quiet_from:%H:%M} to {rule.quiet_until:%H:%M}" if rule.quiet_from and rule.quiet_until else "None"
        ),
    )
    silence_end = Column[AlertRule](
        "Silenced until",
        lambda rule: exact(rule.silenced_until) if rule.silenced_until and rule.silenced_until > now() else "–",
    )
    held_back = Column[AlertRule](
        "Quiet until",
        lambda rule: exact(rule.damped_until) if rule.damped_until and rule.damped_until > now() else "–",
    )
