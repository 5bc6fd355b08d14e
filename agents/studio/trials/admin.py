"""The console's pages of trials: chat with an agent's draft and see each step; nothing leaves."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents.answering.guardrails.doubt import is_question
from agents.llm.ports import ANSWER_TOOL
from agents.studio.trials import turns as trying
from agents.studio.trials.models import Trial, TrialTurn
from console.base.actions import service_action
from console.base.crud import calls, deletes
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, moment
from console.viewers import viewer_of
from core.text.amounts import money_text

KINDS: Final = {
    "reads": ("Read", "good", "check"),
    "asks": ("Would need approval", "warn", "clock"),
    "left_out": ("Left out", "neutral", "pause"),
    "refused": ("Refused", "danger", "ban"),
    "failed": ("Failed", "danger", "x-circle"),
}
GATE: Final = "gate_"
REFRESH: Final = "2"
"""Seconds until the page of a trial that waits for an answer is loaded again, with or without JavaScript."""
SHOWN: Final = 1500


class TryForm(ConsoleForm):
    """Who speaks, and what they say first."""

    speaker = forms.ChoiceField(label="Speak as", choices=Trial.Speaker.choices)
    text = forms.CharField(
        label="Message",
        max_length=trying.LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Nothing is sent, requested or changed. Personal data is kept masked.",
    )


class SayForm(ConsoleForm):
    """What is said next."""

    text = forms.CharField(label="Message", max_length=trying.LONGEST, widget=forms.Textarea(attrs={"rows": 3}))


def shown_step(step: Mapping[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    """Return one step as the page shows it."""
    approval = step.get("approval")
    result = {name: value for name, value in step["result"].items() if name not in ("note", "state")}
    return {
        "title": step["title"],
        "chip": chip(*KINDS.get(step["kind"], ("Call", "neutral", "dot"))),
        # The answer itself stands above the steps.
        "arguments": [
            (_words(name), value) for name, value in step["arguments"].items() if step["tool"] != ANSWER_TOOL
        ],
        "result": [(_words(name), str(value)[:SHOWN]) for name, value in result.items()],
        "milliseconds": step["milliseconds"],
        "approval": _shown_approval(approval, names) if approval else None,
    }


def people_in(steps: list[Mapping[str, Any]]) -> set[UUID]:
    """Return everyone who would have to approve something in these steps."""
    levels = [level for step in steps for level in (step.get("approval") or {}).get("levels", ())]
    return {UUID(person) for level in levels for person in level["people"]}


def _shown_approval(approval: Mapping[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    levels = [
        {**level, "people": [name_in(names, UUID(person)) for person in level["people"]]}
        for level in approval["levels"]
    ]
    cost = money_text(Decimal(approval["cost"]), approval["currency"]) if approval["cost"] else ""
    return {**approval, "levels": levels, "cost": cost}


def _words(name: str) -> str:
    return str(name).replace("_", " ").capitalize()


def outcome_of(turn: Any) -> tuple[str, str, str]:
    """Return the verdict on an answer: words, tone and icon."""
    if turn.error_code.startswith(GATE):
        return "Stopped before it was sent: a person would answer", "danger", "ban"
    if turn.error_code:
        return f"No answer ({_words(turn.error_code).lower()}): a person would answer", "danger", "x-circle"
    if turn.stopped and is_question(turn.answer):
        return "Asked for other words: it wasn't sure of its answer", "warn", "chat"
    if turn.stopped:
        return "Mended by the checks: what may not be sent was taken out", "warn", "pen"
    if turn.brings_person:
        return "Answered, and a person is brought in", "warn", "users"
    return "The checks let it through", "good", "check"


@admin.register(Trial)
class TrialAdmin(ServiceAdmin):
    """The viewer's own trials of agents."""

    view_permission = trying.TRY
    nav = Nav("Trials", "play", AGENTS, within="Agents")
    intro = "Your own chats with drafts of agents. Nobody else sees them, and nothing leaves."
    empty_title = "No trials yet"
    empty_text = "Open an agent and press “Try it”."
    list_display = ("agent_name", "version_number", "as_whom", "began")
    ordering = ("-id",)
    to_list = ("delete",)
    detail_template = "console/trial.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trial]:
        """Return the viewer's own trials."""
        return trying.query_trials(viewer=viewer_of(request))

    def detail_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show one trial; while an answer is made, the browser loads the page again."""
        response = super().detail_view(request, object_id)
        context = getattr(response, "context_data", None) or {}
        if context.get("is_answering"):
            response["Refresh"] = REFRESH
        return response

    def detail_context(self, request: HttpRequest, obj: Trial) -> dict[str, Any]:
        """Return the turns with their steps, and what they cost."""
        turns = list(obj.turns.order_by("number"))
        names = names_of(people_in([step for turn in turns for step in turn.steps]))
        is_answering = any(turn.is_open for turn in turns)
        return {
            **super().detail_context(request, obj),
            "turns": [self._shown(turn, names) for turn in turns],
            "costs": trying.cost_of([obj.pk]),
            "is_answering": is_answering,
            "offered": [] if is_answering else self.offered(request, obj),
        }

    def _shown(self, turn: TrialTurn, names: dict[UUID, str]) -> dict[str, Any]:
        """Return one turn as the page shows it."""
        is_answered = turn.state == TrialTurn.State.ANSWERED
        return {
            "turn": turn,
            "steps": [shown_step(step, names) for step in turn.steps],
            "verdict": chip(*outcome_of(turn)) if is_answered else "",
            "percent": None if turn.confidence is None else round(turn.confidence * 100),
        }

    def object_title(self, trial: Trial) -> str:
        """Return the agent's name."""
        return f"Trial of {trial.agent.name}"

    agent_name = Column[Trial]("Agent", lambda trial: trial.agent.name)
    version_number = Column[Trial]("Version", lambda trial: str(trial.version.number))
    as_whom = Column[Trial]("As", lambda trial: trial.get_speaker_display())
    began = Column[Trial]("Begun", lambda trial: moment(trial.created_at))

    say = calls(trying.say, "trial_id", permission=trying.TRY, title="Say something", form=SayForm,
                submit="Say", tone="primary", done="")  # fmt: skip

    delete = deletes(trying.delete_trial, "trial_id", trying.TRY, title="Delete trial",
                     explain="It is deleted by itself after a few days.", done="Trial deleted.")  # fmt: skip


class TryAction:
    """The action of an agent's page that begins a trial of it."""

    @service_action(
        path="try",
        title="Try it",
        permission=trying.TRY,
        form=TryForm,
        submit="Try it",
        explain="Chat with the draft, or with the active version if there is none. Nothing is sent or requested.",
    )
    def try_agent(self, request: HttpRequest, obj: Any, form: TryForm) -> HttpResponse:
        """Begin a trial and open it."""
        trial = trying.start_trial(actor=viewer_of(request), agent_id=obj.pk, **form.cleaned_data)
        return redirect("admin:agents_trial_change", trial.pk)
