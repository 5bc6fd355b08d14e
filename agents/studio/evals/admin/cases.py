"""The console's pages of cases that agents are checked with."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from agents.answering.tools import registry as tools
from agents.answering.tools.registry import Tool
from agents.studio.evals import case_services
from agents.studio.evals.admin.runs import checks_url
from agents.studio.evals.models import EvalCase
from agents.studio.trials.models import Trial
from agents.studio.trials.speakers import TRY
from console.base.actions import ServiceAction, service_action
from console.base.crud import deletes, edits
from console.base.forms import ConsoleForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of
from core.errors import Invalid, WalkerError

LINES: Final = forms.Textarea(attrs={"rows": 2})
columns: Final = forms.CheckboxSelectMultiple(attrs={"class": "wk-check wk-picks"})
YES_NO: Final = [("", "Either"), ("yes", "Yes"), ("no", "No")]
PHRASES: Final = ("contains", "avoids", "sources")
TOOLS: Final = ("calls", "never_calls", "asks_approval_for")
OFFERED: Final[dict[str, Callable[[Tool], bool]]] = {
    "asks_approval_for": lambda tool: tool.acting,
    "calls": lambda tool: not tool.acting,
    "never_calls": lambda tool: tool.acting or tool.changes,
}
"""Which tools can be chosen where; by a file or the API a case may name any."""
FLAGS: Final = ("brings_person", "cites")


class CaseForm(ConsoleForm):
    """Who speaks, what they say, and what has to happen."""

    agent_id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    conversation_id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label="Name", max_length=80, help_text="Such as “Returns within 30 days”.")
    must = forms.ChoiceField(
        label="If it fails",
        choices=[("yes", "The draft can't be activated (must)"), ("no", "It is shown (should)")],
    )
    speaker = forms.ChoiceField(label="Speaks as", choices=Trial.Speaker.choices)
    says = forms.CharField(
        label="Says",
        widget=LINES,
        max_length=20_000,
        help_text="One message per line; the last answer counts.",
    )
    contains = forms.CharField(
        label="The answer contains", required=False, widget=LINES, help_text="One phrase per line. Case doesn't matter."
    )
    avoids = forms.CharField(label="The answer doesn't contain", required=False, widget=LINES)
    sources = forms.CharField(
        label="It names these sources", required=False, widget=LINES, help_text="One title of a document per line."
    )
    asks_approval_for = forms.MultipleChoiceField(label="It asks for approval of", required=False, widget=columns)
    calls = forms.MultipleChoiceField(label="It uses these tools", required=False, widget=columns)
    never_calls = forms.MultipleChoiceField(label="It never uses these tools", required=False, widget=columns)
    brings_person = forms.ChoiceField(label="A person is brought in", required=False, choices=YES_NO)
    cites = forms.ChoiceField(label="It names any source", required=False, choices=YES_NO)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(tools.keys())

    def offer(self, keys: Iterable[str]) -> None:
        """Offer these tools, and those that the case names already, where each makes sense."""
        fields: Any = self.fields
        given: Any = self.data
        for name, suits in OFFERED.items():
            named = given.getlist(name) if self.is_bound else self.initial.get(name, ())
            known = [key for key in dict.fromkeys([*keys, *sorted(named)]) if tools.is_known(key)]
            fields[name].choices = [
                (key, tools.get(key).title) for key in known if suits(tools.get(key)) or key in named
            ]
            if not fields[name].choices:
                del fields[name]

    def document(self) -> dict[str, Any]:
        """Return the case as in a file of cases."""
        given = self.cleaned_data
        expects: dict[str, Any] = {name: _lines(given[name]) for name in PHRASES}
        expects |= {name: given.get(name, []) for name in TOOLS}
        expects |= {name: None if not given[name] else given[name] == "yes" for name in FLAGS}
        return {
            "name": given["name"],
            "speaker": given["speaker"],
            "says": _lines(given["says"]),
            "expects": expects,
            "must": given["must"] == "yes",
        }


def initial_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return a case as the form starts with it."""
    expects = document.get("expects", {})
    flags = {name: {True: "yes", False: "no"}.get(expects.get(name), "") for name in FLAGS}
    return {
        "name": document.get("name", ""),
        "speaker": document.get("speaker", Trial.Speaker.STRANGER),
        "must": "yes" if document.get("must") else "no",
        "says": "\n".join(" ".join(said.split()) for said in document.get("says", ())),
        **{name: "\n".join(expects.get(name, ())) for name in PHRASES},
        **{name: list(expects.get(name, ())) for name in TOOLS},
        **flags,
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@admin.register(EvalCase)
class EvalCaseAdmin(ServiceAdmin):
    """Cases that agents are checked with."""

    view_permission = TRY
    nav = Nav("Cases", "list", AGENTS, within="Agents")
    intro = "What agents have to answer. A draft can't be activated while a case that must pass fails."
    empty_title = "No cases yet"
    empty_text = "Keep one from a trial, or from an agent's answer in a conversation."
    list_display = ("name", "agent_name", "weight", "changed")
    ordering = ("-id",)
    to_list = ("delete",)
    detail_fields = ("agent_name", "weight", "who", "what", "expectation", "origin", "changed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvalCase]:
        """Return the cases."""
        return case_services.query_cases(viewer=viewer_of(request))

    def after_action_url(self, request: HttpRequest, action: ServiceAction, case: Any) -> str:
        """Return the checks of the case's agent, where it can be run."""
        return checks_url(case.agent_id) if case else self.list_url()

    def object_title(self, case: EvalCase) -> str:
        """Return the case's name."""
        return case.name

    agent_name = Column[EvalCase]("Agent", lambda case: link("agents_agent_change", case.agent_id, case.agent.name))
    weight = Column[EvalCase]("Weight", lambda case: chip("Must", "warn", "ban") if case.is_must else chip("Should"))
    who = Column[EvalCase]("Speaks as", lambda case: str(Trial.Speaker(case.document["speaker"]).label))
    what = Column[EvalCase]("Says", lambda case: " / ".join(case.document["says"]))

    @admin.display(description="Expected")
    def expectation(self, case: EvalCase) -> str:
        """Return what has to happen."""
        said = {True: "yes", False: "no"}
        expects = {name: value for name, value in case.document["expects"].items() if value not in ([], None)}
        words = {name: said[value] if isinstance(value, bool) else ", ".join(value) for name, value in expects.items()}
        return "; ".join(f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in words.items())

    @admin.display(description="Kept from")
    def origin(self, case: EvalCase) -> str:
        """Return where it is from."""
        if case.conversation_id is None:
            return "Written or kept from a trial"
        return link("conversations_conversation_change", case.conversation_id, "A conversation")

    changed = Column[EvalCase]("Changed", lambda case: moment(case.changed_at))

    def form_initial(self, request: HttpRequest, action: ServiceAction, case: Any) -> dict[str, Any]:
        """Start from the case, or from the trial or answer that the address names."""
        if action.path == "edit":
            return initial_of(case.document)
        if action.path != "keep":
            return {}
        found = self._suggested(request)
        ids = {"agent_id": found.agent_id, "conversation_id": found.conversation_id}
        return {**initial_of(found.document), **ids}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form; a case is about the tools that its agent has."""
        form = super().action_form(request, action, obj, bound=bound)
        if isinstance(form, CaseForm):
            agent_id = obj.agent_id if obj else form.initial.get("agent_id") or request.POST.get("agent_id")
            if keys := case_services.tools_for_cases(viewer=viewer_of(request), agent_id=agent_id):
                form.offer(keys)
        return form

    def _suggested(self, request: HttpRequest) -> case_services.Suggestion:
        viewer, given = viewer_of(request), request.GET
        try:
            if trial := given.get("trial"):
                return case_services.suggest_from_trial(viewer=viewer, trial_id=UUID(trial))
            if message := given.get("message"):
                return case_services.suggest_from_answer(viewer=viewer, message_id=UUID(message))
            agent = given.get("agent")
            return case_services.Suggestion(UUID(agent) if agent else None)
        except (WalkerError, ValueError) as wrong:
            raise Http404("There is nothing to keep a case from.") from wrong

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer no new case on the list: it needs an agent, a trial or an answer."""
        return {**super().list_context(request), "offered": []}

    @service_action(
        title="Keep a case",
        permission=TRY,
        form=CaseForm,
        submit="Keep case",
        tone="primary",
        on_list=True,
        explain="The agent's drafts are checked with it. Personal data is masked.",
    )
    def keep(self, request: HttpRequest, obj: None, form: CaseForm) -> HttpResponse:
        """Keep a case, and show it among the others of its agent."""
        agent_id = form.cleaned_data["agent_id"]
        if agent_id is None:
            raise Invalid("Open this form from an agent, a trial or an answer.")
        case_services.keep_case(
            actor=viewer_of(request),
            agent_id=agent_id,
            document=form.document(),
            conversation_id=form.cleaned_data["conversation_id"],
        )
        messages.success(request, "The case is kept. Run the checks.")
        return redirect(checks_url(agent_id))

    edit = edits(case_services.change_case, "case_id", TRY, CaseForm, submit="Save case", tone="primary",
                 values=lambda form: {"document": form.document()},
                 done="Case saved. Run the checks again.")  # fmt: skip

    delete = deletes(case_services.delete_case, "case_id", TRY, title="Delete case", done="Case deleted.")
