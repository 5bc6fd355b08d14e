"""The console's pages of runs of checks: cases and past conversations, answered by a draft without sending."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from agents.models import Agent
from agents.studio.evals import runs
from agents.studio.evals.judge import is_same
from agents.studio.evals.models import LOST, EvalResult, EvalRun
from agents.studio.trials import turns
from agents.studio.trials.admin import people_in, row_named, shown_step
from agents.studio.trials.speakers import TRY
from console.base.actions import service_action
from console.base.forms import ConfirmForm, ConsoleForm
from console.base.lists import Column, choose
from console.base.model_admin import ReadOnlyAdmin
from console.names import names_of
from console.navigation import AGENTS, Nav
from console.templatetags.console_ui import chip, link, moment
from console.viewers import viewer_of

MOST_CASES: Final = 200
LATEST: Final = 8
MISSES: Final = {
    "broke": "It did not answer",
    "does_not_contain": "The answer lacks",
    "contains": "The answer contains",
    "did_not_call": "It did not use",
    "called": "It used",
    "did_not_ask": "It did not ask for approval of",
    "did_not_cite": "It did not name the source",
    "brought_person": "It brought in a person",
    "brought_no_person": "It brought in no person",
    "cited": "It named a source",
    "cited_nothing": "It named no source",
}
FAULTS: Final = {
    "draft_changed": "The draft was changed in the meantime. Run the checks again.",
}


class ReplayForm(ConsoleForm):
    """How far back."""

    days = forms.IntegerField(label="Days back", min_value=1, max_value=runs.MOST_DAYS, initial=7)


class CheckActions:
    """The actions of an agent's page that check it."""

    @service_action(
        path="check",
        title="Run the checks",
        permission=TRY,
        tone="primary",
        form=ConfirmForm,
        explain="The draft answers the agent's cases, or the active version if there is no draft. Nothing is sent.",
    )
    def run_checks(self, request: HttpRequest, obj: Agent, form: ConsoleForm) -> HttpResponse:
        """Run the cases and open what they show."""
        run = runs.start_checks(actor=viewer_of(request), agent_id=obj.pk)
        return redirect(run_url(run))

    @service_action(
        title="Compare with past conversations",
        permission=TRY,
        form=ReplayForm,
        submit="Compare",
        explain="The newest 20, set beside what was said then. Nothing is sent.",
    )
    def replay(self, request: HttpRequest, obj: Agent, form: ReplayForm) -> HttpResponse:
        """Answer past conversations again and open the comparison."""
        days = form.cleaned_data["days"]
        run = runs.start_replay(actor=viewer_of(request), agent_id=obj.pk, days=days)
        return redirect(run_url(run))

    def checks_context(self, request: HttpRequest, agent: Agent) -> dict[str, Any]:
        """Return the agent's cases with what each showed last, its latest runs, and the one that the address names."""
        runs_of_agent = runs.query_runs(viewer=viewer_of(request)).filter(agent=agent)
        latest = list(runs_of_agent[:LATEST])
        last = next((run for run in latest if run.kind == EvalRun.Kind.CASES and not run.is_open), None)
        results = last.results.defer("document", "steps", "sources", "misses", "stopped") if last else ()
        shown = {result.name: result for result in results}
        return {
            "cases": [
                (case, _verdict(shown[case.name])[1] if case.name in shown else chip("Not run yet", "neutral", "clock"))
                for case in agent.cases.order_by("-is_must", "name")[:MOST_CASES]
            ],
            "runs": [(run, outcome_of(run), run_url(run)) for run in latest],
            "last": last,
            "keep_url": f"{reverse('admin:agents_evalcase_keep')}?agent={agent.pk}",
            "replay": ReplayForm(auto_id="id_replay_%s"),
            **self.run_context(request, agent),
        }

    def run_context(self, request: HttpRequest, agent: Agent) -> dict[str, Any]:
        """Return what is shown of the run that the address names, if it names one."""
        wanted = request.GET.get("run")
        rows = runs.query_runs(viewer=viewer_of(request)).filter(agent=agent)
        return context_of(row_named(rows, wanted)) if wanted else {}


def checks_url(agent_id: UUID) -> str:
    """Return the page of an agent's checks."""
    return reverse("admin:agents_agent_checks", args=[agent_id])


def run_url(run: EvalRun) -> str:
    """Return the page that shows a run: its agent's."""
    return f"{checks_url(run.agent_id)}?run={run.pk}"


def context_of(run: EvalRun) -> dict[str, Any]:
    """Return what is shown of a run: its results, the differences and failures first."""
    results = list(run.results.order_by("number"))
    names = names_of(people_in([step for result in results for step in result.steps]))
    shown = [_shown_result(result, names) for result in results]
    return {
        "run": run,
        "outcome": outcome_of(run),
        "is_replay": run.kind == EvalRun.Kind.REPLAY,
        "is_running": run.is_open,
        "problem": FAULTS.get(run.error_code, run.error_code),
        "results": sorted(shown, key=lambda each: each["rank"]),
        "costs": turns.cost_of([run.pk]),
    }


def _shown_result(result: EvalResult, names: dict[UUID, str]) -> dict[str, Any]:
    """Return one result as the page shows it; `rank` puts what needs a look first."""
    rank, verdict = _verdict(result)
    misses = [f"{MISSES.get(miss['code'], miss['code'])} {miss['about']}".strip() for miss in result.misses]
    steps = [shown_step(step, names) for step in result.steps]
    return {"result": result, "rank": rank, "verdict": verdict, "misses": misses, "steps": steps}


def outcome_of(run: Any) -> str:
    """Return how a run stands, as a chip."""
    if run.is_open:
        return chip(f"Running: {run.answered} of {run.total} answered", "info", "clock")
    if run.error_code:
        return chip("Not finished", "danger", "x-circle")
    if run.kind == EvalRun.Kind.REPLAY:
        return chip(f"{run.total} answered again", "good", "check")
    words = f"{run.passed_count} of {run.total} passed"
    tone = ("danger", "x-circle") if run.failed_musts else ("warn", "clock") if run.failed_count else ("good", "check")
    return chip(words, *tone)


@admin.register(EvalRun)
class EvalRunAdmin(ReadOnlyAdmin):
    """Runs of checks."""

    view_permission = TRY
    nav = Nav("Checks", "check", AGENTS, within="Agents")
    intro = "What drafts answered to cases and to past conversations. Nothing was sent."
    empty_title = "No checks yet"
    empty_text = "Open an agent, and press “Run the checks” on its tab “Checks”."
    list_display = ("when", "agent_name", "what", "version_number", "standing")
    list_filter: ClassVar = [choose("kind", "Kind", EvalRun.Kind.choices)]
    ordering = ("-id",)
    is_elsewhere = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvalRun]:
        """Return the runs that the viewer may see."""
        return runs.query_runs(viewer=viewer_of(request))

    def object_url(self, run: EvalRun) -> str:
        """Return where the run is shown: on its agent's page."""
        return run_url(run)

    def object_title(self, run: EvalRun) -> str:
        """Return what was checked."""
        return f"{run.get_kind_display()} of {run.agent.name}"

    when = Column[EvalRun]("When", lambda run: moment(run.created_at))
    agent_name = Column[EvalRun]("Agent", lambda run: link("agents_agent_change", run.agent_id, run.agent.name))
    what = Column[EvalRun]("Kind", lambda run: run.get_kind_display())
    version_number = Column[EvalRun]("Version", lambda run: str(run.version.number))
    standing = Column[EvalRun]("Outcome", outcome_of)


def _verdict(result: EvalResult) -> tuple[int, str]:
    if result.finished_at is None:
        return 9, chip("Waiting", "neutral", "clock")
    if result.passed is not None:
        if result.passed:
            return 5, chip("Passed", "good", "check")
        words = "Failed: its workers ended, three times" if result.error_code == LOST else "Failed"
        return (0 if result.is_must else 1), chip(words, "danger", "x-circle")
    if result.error_code == "erased":
        return 6, chip("Erased", "neutral", "ban")
    if result.error_code == LOST:
        return 0, chip("Lost with its workers, three times", "danger", "x-circle")
    if result.error_code:
        return 0, chip("No answer: a person would answer", "danger", "x-circle")
    if is_same(result.before, result.answer):
        return 5, chip("Same", "good", "check")
    return 1, chip("Different", "warn", "eye")
