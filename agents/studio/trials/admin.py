"""The console's pages of trials: chat with an agent's draft and see each step; nothing leaves."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from agents.answering.guardrails.doubt import is_question
from agents.llm.ports import ANSWER_TOOL
from agents.studio.trials import turns as trying
from agents.studio.trials.models import Trial, TrialTurn
from agents.studio.trials.speakers import TRY
from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes
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
SUGGESTED: Final = 3
SPEAKERS: Final = dict(Trial.Speaker.choices)
EARLIER: Final = 8
SHOWN: Final = 1500


class TryForm(ConsoleForm):
    """What is said: next in a trial, or first in a new one, and who says it."""

    speaker = forms.ChoiceField(label="Speak as", choices=Trial.Speaker.choices, required=False)
    text = forms.CharField(
        label="Message",
        max_length=trying.LONGEST,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "Write as your customer would"}),
    )
    trial = forms.UUIDField(required=False, widget=forms.HiddenInput)


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
        return "Sent after corrections: parts that may not be sent were removed", "warn", "pen"
    if turn.brings_person:
        return "Answered, and a person is brought in", "warn", "users"
    return "The checks let it through", "good", "check"


@admin.register(Trial)
class TrialAdmin(ServiceAdmin):
    """The viewer's own trials of agents: a list, whose rows open on the agent's page."""

    view_permission = TRY
    nav = Nav("Trials", "play", AGENTS, within="Agents")
    intro = "Your own chats with drafts of agents. Nobody else sees them, and nothing leaves."
    empty_title = "No trials yet"
    empty_text = "Open an agent, then its tab “Try”."
    list_display = ("agent_name", "version_number", "as_whom", "began")
    ordering = ("-id",)
    to_list = ("delete",)
    is_elsewhere = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trial]:
        """Return the viewer's own trials."""
        return trying.query_trials(viewer=viewer_of(request))

    def object_url(self, trial: Trial) -> str:
        """Return where the trial is shown."""
        return trial_url(trial.agent_id, trial.pk)

    def after_action_url(self, request: HttpRequest, action: ServiceAction, trial: Any) -> str:
        """Return the page of the agent that was tried."""
        return trial_url(trial.agent_id)

    def object_title(self, trial: Trial) -> str:
        """Return the agent's name."""
        return f"Trial of {trial.agent.name}"

    agent_name = Column[Trial]("Agent", lambda trial: trial.agent.name)
    version_number = Column[Trial]("Version", lambda trial: str(trial.version.number))
    as_whom = Column[Trial]("As", lambda trial: trial.get_speaker_display())
    began = Column[Trial]("Begun", lambda trial: moment(trial.created_at))

    delete = deletes(trying.delete_trial, "trial_id", TRY, title="Delete trial",
                     explain="It is deleted by itself after a few days.", done="Trial deleted.")  # fmt: skip


def trial_url(agent_id: UUID, trial_id: UUID | None = None) -> str:
    """Return the page where an agent is tried, with a trial if one is named."""
    page = reverse("admin:agents_agent_try", args=[agent_id])
    return f"{page}?trial={trial_id}" if trial_id else page


class TryAction:
    """The tab of an agent's page where it is tried."""

    @service_action(
        path="try",
        title="Try",
        permission=TRY,
        on_object=True,
        form=TryForm,
        submit="Send",
        explain="Nothing is sent, requested or changed. Personal data is kept masked.",
    )
    def try_agent(self, request: HttpRequest, obj: Any, form: TryForm) -> HttpResponse:
        """Say something in a trial, or begin one, and show it."""
        actor, given = viewer_of(request), form.cleaned_data
        if given["trial"]:
            trial = trying.say(actor=actor, trial_id=given["trial"], text=given["text"])
        else:
            speaker = given["speaker"] or Trial.Speaker.STRANGER
            trial = trying.start_trial(actor=actor, agent_id=obj.pk, speaker=speaker, text=given["text"])
        return redirect(trial_url(trial.agent_id, trial.pk))

    def playground(self, request: HttpRequest, agent: Any) -> dict[str, Any]:
        """Return the trial that the address names, with its turns, and the person's earlier ones of this agent."""
        viewer = viewer_of(request)
        is_editor = viewer.may(TRY)  # else it is shared with them: without its cases, and to try it alone
        mine = trying.query_trials(viewer=viewer).filter(agent=agent)
        wanted = request.POST.get("trial") or request.GET.get("trial")
        trial = row_named(mine, wanted) if wanted else None
        turns = list(trial.turns.order_by("number")) if trial else []
        names = names_of(people_in([step for turn in turns for step in turn.steps]))
        return {
            "trial": trial,
            "turns": [_shown_turn(turn, names) for turn in turns],
            "costs": trying.cost_of([trial.pk]) if trial else [],
            "is_answering": any(turn.is_open for turn in turns),
            "earlier": list(mine[:EARLIER]),
            "suggested": [
                (case, SPEAKERS.get(case.document.get("speaker"), ""))
                for case in (() if trial or not is_editor else agent.cases.order_by("-is_must", "name")[:SUGGESTED])
            ],
            "delete_url": reverse("admin:agents_trial_delete", args=[trial.pk]) if trial and is_editor else "",
        }


def row_named(rows: QuerySet[Any], wanted: str) -> Any:
    """Return one of the rows by the id that an address names. Raises `Http404`."""
    try:
        found = rows.filter(pk=UUID(wanted)).first()
    except ValueError:
        found = None
    if found is None:
        raise Http404("This page doesn't exist or you don't have access to it.")
    return found


def _shown_turn(turn: TrialTurn, names: dict[UUID, str]) -> dict[str, Any]:
    steps = [shown_step(step, names) for step in turn.steps]
    is_answered = turn.state == TrialTurn.State.ANSWERED
    return {
        "turn": turn,
        "steps": steps,
        "is_open": bool(turn.error_code or turn.stopped or any(step["approval"] for step in steps)),
        "verdict": chip(*outcome_of(turn)) if is_answered else "",
        "percent": None if turn.confidence is None else round(turn.confidence * 100),
    }
