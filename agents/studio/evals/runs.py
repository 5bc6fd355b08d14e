"""Run the cases of an agent against its draft, or answer its past conversations again; nothing leaves."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Prefetch, Q, QuerySet

from accounts.services import actor_for_user
from agents.llm.ports import Line
from agents.llm.routes.availability import asks_network
from agents.models import Agent, AgentVersion
from agents.studio.evals import lease
from agents.studio.evals.case_services import READ_TALK
from agents.studio.evals.cases import Case
from agents.studio.evals.judge import Judgement, Miss, Seen, judge
from agents.studio.evals.models import LOST, EvalCase, EvalResult, EvalRun
from agents.studio.evals.past import lines_before, past_answers
from agents.studio.trials.answers import Answered, answer, check_can_try
from agents.studio.trials.calls import Step
from agents.studio.trials.speakers import TRY, caller_as
from agents.studio.trials.turns import version_to_try
from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, NotFound, WalkerError
from core.jobs.queues import enqueue_after_commit
from core.privacy.pii import mask_text

SLICE: Final = 30.0
"""Seconds after which a worker queues the rest of a run and takes other work."""
MOST_DAYS: Final = 30
TRIED_KINDS: Final = frozenset({"reads", "asks", "left_out", "failed"})


@dataclass(frozen=True)
class CaseOutcome:
    """What one case showed: the judgement, the last answer, and the steps of all of them."""

    judgement: Judgement
    last: Answered
    steps: tuple[Step, ...]
    brings_person: bool
    milliseconds: int


def run_case(
    case: Case,
    version: AgentVersion,
    *,
    actor: Actor,
    check_id: UUID,
    watch: Callable[[object], None] | None = None,
) -> CaseOutcome:
    """Let a version answer all that a case says, and judge it; `watch` is called after each step and answer.

    Raises `Invalid` if the actor can't speak so.
    """
    began, brings_person, last = time.monotonic(), False, Answered()
    lines: list[Line] = []
    steps: list[Step] = []
    for said in case.says:
        lines.append(Line("user", mask_text(said)))
        caller = caller_as(case.speaker, actor=actor, version=version, trial_id=check_id)
        last = answer(version, caller, lines, viewer=actor, trial_id=check_id, watch=watch)
        steps += last.steps
        brings_person = brings_person or last.brings_person
        if last.error:
            break
        lines.append(Line("assistant", last.text))
        if watch:
            watch(last)
    seen = Seen(
        text=last.text,
        calls=tuple(step.tool for step in steps if step.kind in TRIED_KINDS),
        approvals_asked=tuple(step.tool for step in steps if step.kind == "asks"),
        person_brought=brings_person,
        sources=tuple(str(source["title"]) for source in last.sources),
        error=last.error,
    )
    spent = int((time.monotonic() - began) * 1000)
    return CaseOutcome(judge(case, seen), last, tuple(steps), brings_person, spent)


def start_checks(*, actor: Actor, agent_id: UUID) -> EvalRun:
    """Run an agent's cases against its draft, or its active version where there is no draft; a worker does it.

    Needs `agents.change_agent`; raises `NotFound`, and `Conflict`: "no_cases", "busy", "cannot_try", "no_version".
    """
    actor.require(TRY)
    agent, version = _to_check(agent_id)
    cases = list(EvalCase.objects.filter(agent=agent).order_by("-is_must", "id"))
    if not cases:
        raise Conflict("This agent has no cases yet. Keep one from a trial.", code="no_cases")
    results = [
        EvalResult(
            number=number, document=case.document, conversation_id=case.conversation_id, name=case.name,
            is_must=case.is_must, said="\n".join(case.document["says"]),
        )
        for number, case in enumerate(cases, 1)
    ]  # fmt: skip
    return _start(actor, agent, version, EvalRun.Kind.CASES, results)


def start_replay(*, actor: Actor, agent_id: UUID, days: int = 7) -> EvalRun:
    """Answer the agent's newest past conversations again without sending, to set beside what was said then.

    At most 20, one answer of each conversation. Needs `agents.change_agent` and `conversations.view_conversation`;
    raises `NotFound`, `Invalid`, and `Conflict`: "no_past", "busy", "cannot_try", "no_version".
    """
    actor.require(TRY)
    actor.require(READ_TALK)
    if not 1 <= days <= MOST_DAYS:
        raise Invalid("Choose other days.", fields={"days": [f"Enter a number from 1 to {MOST_DAYS}."]})
    agent, version = _to_check(agent_id)
    results = past_answers(agent, since=clock_now() - timedelta(days=days))
    if not results:
        raise Conflict("This agent answered nobody in these days.", code="no_past")
    return _start(actor, agent, version, EvalRun.Kind.REPLAY, results)


def work_run(*, run_id: UUID, seconds: float = SLICE) -> None:
    """Make the next results of a run, with the rights that its person has now; for the worker. Safe to repeat.

    A result whose workers ended three times is recorded as failed with the error `lost`, and the others go on.
    """
    run = lease.claim(run_id)
    if run is None:
        return
    until, left = time.monotonic() + seconds, run.results.filter(finished_at=None).order_by("number")
    try:
        actor = actor_for_user(run.person)
        actor.require(TRY)
        for result in list(left):
            if time.monotonic() >= until:
                break
            version = AgentVersion.objects.select_related("agent").get(pk=run.version_id)
            if version.revision != run.revision:
                raise Conflict("The draft was changed in the meantime.", code="draft_changed")
            _make(run, result, version, actor)
            if not lease.renew(run):
                return
    except WalkerError as error:
        _finish(run, error.code[:40])
        return
    if not left.all().exists():
        _finish(run, "")
        return
    with transaction.atomic():
        if lease.write(run, lease_until=None):
            _queue(run)


def query_runs(*, viewer: Actor) -> QuerySet[EvalRun]:
    """Return the runs of checks, newest first; of past conversations only for viewers who may read those.

    Needs `agents.change_agent`.
    """
    viewer.require(TRY)
    counts = {
        "total": Count("results"),
        "answered": Count("results", filter=Q(results__finished_at__isnull=False)),
        "passed_count": Count("results", filter=Q(results__passed=True)),
        "failed_count": Count("results", filter=Q(results__passed=False)),
        "failed_musts": Count("results", filter=Q(results__passed=False, results__is_must=True)),
    }
    rows: QuerySet[EvalRun] = EvalRun.objects.select_related("agent", "version").annotate(**counts)
    if not viewer.may(READ_TALK):
        rows = rows.exclude(kind=EvalRun.Kind.REPLAY)
    return rows.order_by("-id")


def get_run(*, viewer: Actor, check_id: UUID) -> EvalRun:
    """Return one run with its results. Needs `agents.change_agent`; raises `NotFound`."""
    results = Prefetch("results", EvalResult.objects.order_by("number"))
    return get_or_missing(
        query_runs(viewer=viewer).prefetch_related(results).filter(pk=check_id), "There is no such check."
    )


def block_of(draft: AgentVersion) -> tuple[str, list[str]]:
    """Return why an agent's cases block the activation of its draft, and the names of those that fail.

    "" if they don't, "checks_failed", or "unchecked" if the draft as it is now was not checked with them.
    """
    digest = digest_of(draft.agent_id)
    if not digest:
        return "", []
    runs = EvalRun.objects.filter(version=draft, revision=draft.revision, digest=digest, kind=EvalRun.Kind.CASES)
    run = runs.filter(state=EvalRun.State.FINISHED, error_code="").order_by("-id").first()
    if run is None:
        return "unchecked", []
    failed = run.results.filter(is_must=True).exclude(passed=True).order_by("number")
    names = list(failed.values_list("name", flat=True))
    return ("checks_failed", names) if names else ("", [])


def digest_of(agent_id: UUID) -> str:
    """Return a digest of an agent's cases that must pass; "" if it has none."""
    rows = EvalCase.objects.filter(agent_id=agent_id, is_must=True).order_by("id").values_list("pk", "document")
    facts = [[str(key), document] for key, document in rows]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest() if facts else ""


def forget_runs(*, now: datetime | None = None) -> int:
    """Delete runs of checks older than `TRIALS_DAYS`; return how many rows. For the sweep."""
    before = (now or clock_now()) - timedelta(days=settings.TRIALS_DAYS)
    return retention.remove(EvalRun, retention.made_before(before) & Q(created_at__lt=before))


def _to_check(agent_id: UUID) -> tuple[Agent, AgentVersion]:
    agent = Agent.objects.filter(pk=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    version = version_to_try(agent)
    check_can_try(version)
    if any(run.is_open for run in EvalRun.objects.filter(agent=agent, state=EvalRun.State.RUNNING)):
        raise Conflict("A check of this agent is running. Wait for it.", code="busy")
    return agent, version


def _start(
    actor: Actor, agent: Agent, version: AgentVersion, kind: EvalRun.Kind, results: Sequence[EvalResult]
) -> EvalRun:
    if actor.user_id is None:
        raise Invalid("Only a person can check an agent.", code="not_a_person")
    for speaker in sorted({result.document["speaker"] for result in results}):
        caller_as(speaker, actor=actor, version=version, trial_id=agent.pk)  # refuses now who can't speak so
    with transaction.atomic():
        run = EvalRun.objects.create(
            agent=agent, version=version, revision=version.revision, person_id=actor.user_id, kind=kind,
            digest=digest_of(agent.pk) if kind == EvalRun.Kind.CASES else "",
        )  # fmt: skip
        for result in results:
            result.run = run
        EvalResult.objects.bulk_create(results)
        facts = {"kind": kind.value, "count": len(results), "version": version.number, "revision": version.revision}
        chain.record(actor=actor, action="AGENT_CHECKED", object_type="agents.agent", object_id=agent.pk, facts=facts)
        _queue(run)
    return get_run(viewer=actor, check_id=run.pk)


def _queue(run: EvalRun) -> None:
    if asks_network(run.version):
        enqueue_after_commit("ask_model_in_check", run.pk)
    else:
        enqueue_after_commit("check_agent", run.pk)


def _make(run: EvalRun, result: EvalResult, version: AgentVersion, actor: Actor) -> None:
    """Make one result and store it."""
    if result.attempts >= lease.MOST_ATTEMPTS:
        is_case = result.message_id is None
        lost = {"passed": False, "misses": [asdict(Miss("broke", LOST))]} if is_case else {}
        lease.write_result(run, result, error_code=LOST, finished_at=clock_now(), **lost)
        return
    if not lease.write_result(run, result, attempts=F("attempts") + 1):
        return

    def watch(_seen: object) -> None:
        lease.renew(run)

    if result.message_id is not None:
        actor.require(READ_TALK)
        began = time.monotonic()
        lines = lines_before(result)
        if not lines:  # erased since the run began
            lease.write_result(run, result, error_code="erased", finished_at=clock_now())
            return
        caller = caller_as(result.document["speaker"], actor=actor, version=version, trial_id=run.pk)
        of = result.conversation_id
        last = answer(version, caller, lines, viewer=actor, trial_id=run.pk, watch=watch, conversation_id=of)
        passed, misses, steps, brings_person = None, [], last.steps, last.brings_person
        spent = int((time.monotonic() - began) * 1000)
    else:
        found = run_case(Case.model_validate(result.document), version, actor=actor, check_id=run.pk, watch=watch)
        last, steps, brings_person, spent = found.last, found.steps, found.brings_person, found.milliseconds
        passed, misses = found.judgement.passed, [asdict(miss) for miss in found.judgement.misses]
    lease.write_result(
        run,
        result,
        answer=last.text,
        stopped=last.stopped,
        steps=[asdict(step) for step in steps],
        sources=list(last.sources),
        misses=misses,
        passed=passed,
        brings_person=brings_person,
        error_code=last.error,
        milliseconds=spent,
        finished_at=clock_now(),
    )


def _finish(run: EvalRun, code: str) -> None:
    lease.write(run, state=EvalRun.State.FINISHED, error_code=code, lease_until=None, finished_at=clock_now())
