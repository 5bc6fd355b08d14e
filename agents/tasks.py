"""Celery tasks of agents. State lives in the database; a lost task is picked up by a sweep."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache

from agents import services
from agents.answering.runs import lease, understood
from agents.knowledge.help import votes
from agents.knowledge.search import questions, upkeep
from agents.knowledge.sources import sites, uploads
from agents.langflow import sessions
from agents.llm.routes import ledger
from agents.llm.share import PAUSES, pause, place_among_workers
from agents.studio.evals import lease as check_lease
from agents.studio.evals import runs as checking
from agents.studio.trials import lease as trial_lease
from agents.studio.trials import turns
from conversations import services as conversations
from core.actors import system
from core.jobs.decorators import MODELS, TURN_LIMITS, TimeLimits, sweep_task, tenant_task
from core.tenancy.models import current_tenant_id
from integrations.ticketing import selectors as ticketing

FETCH_LIMITS: Final = TimeLimits(soft=180, hard=240)
"""Behind the seconds of a slice, its last page and the reading of it."""
CHECK_LIMITS: Final = TimeLimits(soft=480, hard=540)
"""Behind a slice of a check and a last case of ten messages, each with its own deadline."""
READ_LIMITS: Final = TimeLimits(soft=90, hard=120)
EMBED_LIMITS: Final = TimeLimits(soft=150, hard=180)
"""Behind five calls of twenty seconds."""
QUEUED_FOR: Final = 60
"""Seconds for which the sweep trusts that a run is in the queue of the model workers."""


@tenant_task(queue="high", limits=TURN_LIMITS)
def take_message(row_id: UUID) -> None:
    """Assign an inbound message to a run and execute it, or record it as an answer to an approver."""
    run = services.take_message(message_id=row_id)
    if run is None:
        if not services.record_requester_answer(message_id=row_id):
            conversations.answer_about_the_wait(actor=system("agents"), message_id=row_id)
        understood.note_message(message_id=row_id)
        return
    wait = services.seconds_until_due(run)
    if wait > 0:
        queue_run(run.pk, wait=wait)
    else:
        _work(run.pk)


@tenant_task(queue="high", limits=TURN_LIMITS)
def work_run(row_id: UUID) -> None:
    """Execute one run, or queue it for a worker that may wait for its model."""
    _work(row_id)


@tenant_task(queue=MODELS, limits=TURN_LIMITS)
def ask_model(row_id: UUID) -> None:
    """Execute one run whose model is asked over a network."""

    def wait_in_queue(run_id: UUID) -> None:
        mark = _mark(current_tenant_id(), run_id)
        cache.set(mark, True, timeout=QUEUED_FOR)
        # Of several copies the first one waits, for longer than this key is there, and the others end.
        if cache.add(f"{mark}:again", True, timeout=PAUSES[0]):
            ask_model.apply_async((str(current_tenant_id()), str(run_id)), countdown=pause())

    _work_in_place(row_id, lambda run_id: _go_on(run_id, services.run_turn(run_id)), wait_in_queue)


def _work_in_place(
    row_id: UUID,
    work: Callable[[UUID], None],
    without: Callable[[UUID], None],
    customers_wait: Callable[[], bool] | None = None,
) -> None:
    """Do work in one of its organisation's places among the model workers, or what is done without one."""
    with place_among_workers(customers_wait=customers_wait) as has_place:
        # Before the claim: a worker that has the run just now, and puts it back, then queues it once more.
        cache.delete(_mark(current_tenant_id(), row_id))
        (work if has_place else without)(row_id)


def _work(run_id: UUID) -> None:
    try:
        _go_on(run_id, services.run_turn(run_id, may_wait=False))
    except services.NeedsModelWorker:
        # The mark keeps the sweep from queueing it again and again while slow models hold these workers.
        if cache.add(_mark(current_tenant_id(), run_id), True, timeout=QUEUED_FOR):
            ask_model.delay(str(current_tenant_id()), str(run_id))


def _go_on(run_id: UUID, following: UUID | None) -> None:
    if following:
        # The same one waits for the rest of its burst; if the broker or the worker loses it, the sweep picks it up.
        wait = lease.PUT_BACK_FOR.total_seconds() if following == run_id else 0
        queue_run(following, wait=wait)


def queue_run(run_id: UUID, *, wait: float = 0) -> None:
    """Queue one run, to be executed after some seconds."""
    work_run.apply_async((str(current_tenant_id()), str(run_id)), countdown=wait)


def _mark(tenant_id: UUID, run_id: UUID) -> str:
    return f"{tenant_id.hex}:queued-for-model:{run_id.hex}"


@sweep_task(queue="high", is_quick=True)
def sweep_runs() -> None:
    """Queue runs again that no worker has; the claim decides who gets one."""
    due = {_mark(tenant_id, run_id): (tenant_id, run_id) for tenant_id, run_id in lease.list_due()}
    waiting = cache.get_many(due) if due else {}  # for a worker that may wait for their model
    for mark, (tenant_id, run_id) in due.items():
        if mark not in waiting:
            work_run.delay(str(tenant_id), str(run_id))


@tenant_task(queue="low", limits=READ_LIMITS)
def read_document(row_id: UUID) -> None:
    """Read one uploaded file."""
    uploads.read_document(document_id=row_id)


@tenant_task(queue="low", limits=FETCH_LIMITS)
def fetch_site(row_id: UUID) -> None:
    """Fetch one site's pages."""
    sites.fetch_site(site_id=row_id)


@tenant_task(queue="low", limits=EMBED_LIMITS)
def embed_document(row_id: UUID) -> None:
    """Make the vectors that one document's passages lack."""
    upkeep.embed_document(document_id=row_id)


@sweep_task(queue="low")
def sweep_vectors() -> None:
    """Queue documents whose passages lack a vector of the current model."""
    for tenant_id, document_id in upkeep.list_due():
        embed_document.delay(str(tenant_id), str(document_id))


@sweep_task(queue="low")
def sweep_documents() -> None:
    """Queue files and sites that are due and that no worker has, and forget old questions and votes."""
    for tenant_id, document_id in uploads.list_unread():
        read_document.delay(str(tenant_id), str(document_id))
    for tenant_id, site_id in sites.list_due():
        fetch_site.delay(str(tenant_id), str(site_id))
    questions.prune_questions()
    votes.prune_votes()


@sweep_task(queue="low")
def settle_lost_calls() -> None:
    """Settle calls of models whose process died."""
    ledger.sweep()


@sweep_task(queue="low")
def forget_model_calls() -> None:
    """Delete calls of models after `WALKER_MODEL_CALLS_DAYS`."""
    ledger.forget_old()


@tenant_task(queue="high", limits=TURN_LIMITS)
def answer_trial(row_id: UUID) -> None:
    """Answer one turn of a trial with the built-in model."""
    turns.answer_turn(turn_id=row_id)


@tenant_task(queue=MODELS, limits=TURN_LIMITS)
def ask_model_in_trial(row_id: UUID) -> None:
    """Answer one turn of a trial with a model that is asked over a network."""
    _work_in_place(
        row_id, lambda turn_id: turns.answer_turn(turn_id=turn_id), trial_lease.leave_to_sweep, lease.is_any_due
    )


@tenant_task(queue="low", limits=CHECK_LIMITS)
def check_agent(row_id: UUID) -> None:
    """Make the next results of a check with the built-in model."""
    checking.work_run(run_id=row_id)


@tenant_task(queue=MODELS, limits=CHECK_LIMITS)
def ask_model_in_check(row_id: UUID) -> None:
    """Make the next results of a check with a model that is asked over a network."""
    _work_in_place(
        row_id, lambda run_id: checking.work_run(run_id=run_id), check_lease.leave_to_sweep, lease.is_any_due
    )


@sweep_task(queue="high", is_quick=True)
def sweep_trials() -> None:
    """Queue answers of trials and runs of checks again that no worker has."""
    for tenant_id, turn_id, model, flow in trial_lease.put_back():
        trial_task = ask_model_in_trial if turns.waits_for_network(model, flow) else answer_trial
        _queue_once(trial_task, tenant_id, turn_id)
    for tenant_id, run_id, model, flow in check_lease.put_back():
        check_task = ask_model_in_check if turns.waits_for_network(model, flow) else check_agent
        _queue_once(check_task, tenant_id, run_id)


def _queue_once(task: Any, tenant_id: UUID, row_id: UUID) -> None:
    """Queue a trial or check, unless a copy from this sweep waits for a model worker, which deletes the mark."""
    is_local = task in (answer_trial, check_agent)
    if is_local or cache.add(_mark(tenant_id, row_id), True, timeout=CHECK_LIMITS.hard):
        task.delay(str(tenant_id), str(row_id))


@sweep_task(queue="low")
def forget_trials() -> None:
    """Delete trials and checks after `WALKER_TRIALS_DAYS`."""
    turns.forget_trials()
    checking.forget_runs()


@tenant_task(queue="default")
def refresh_tickets(row_id: UUID) -> None:
    """Read the tickets of a contact, for the pages that show them."""
    ticketing.refresh_tickets(row_id)


@tenant_task(queue="low")
def erase_flow_session(row_id: UUID) -> None:
    """Let Langflow erase one session."""
    sessions.erase_session(session_id=row_id)


@sweep_task(queue="low")
def sweep_flow_sessions() -> None:
    """Queue sessions that Langflow has to erase."""
    for tenant_id, session_id in sessions.list_due():
        erase_flow_session.delay(str(tenant_id), str(session_id))


SWEEPS = {
    "sweep-runs": ("agents.tasks.sweep_runs", 5.0),
    "sweep-trials": ("agents.tasks.sweep_trials", 5.0),
    "sweep-documents": ("agents.tasks.sweep_documents", 60.0),
    "sweep-vectors": ("agents.tasks.sweep_vectors", 60.0),
    "sweep-flow-sessions": ("agents.tasks.sweep_flow_sessions", 60.0),
    "settle-lost-model-calls": ("agents.tasks.settle_lost_calls", 60.0),
    "forget-model-calls": ("agents.tasks.forget_model_calls", 3600.0),
    "forget-trials": ("agents.tasks.forget_trials", 3600.0),
}
