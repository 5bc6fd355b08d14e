"""Start, run, stop and read simulations of changed rules on past requests."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet

from core import retention
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid, WalkerError
from core.jobs import queues
from core.observability.logging import get_logger
from core.reliability import lease
from core.tenancy.scope import platform_scope
from hitl.models import Simulation
from hitl.policy.selectors import VIEW_WORKFLOW as VIEW
from hitl.simulation import past
from hitl.simulation.drafts import check, current_rules, save, with_draft
from hitl.simulation.replay import Replay

log = get_logger(__name__)
DAYS_MAX: Final = 366
KEPT: Final = timedelta(days=30)
LEASE: Final = timedelta(seconds=60)
ATTEMPTS: Final = 3
LONGEST: Final = 1800.0
"""Seconds after which a run gives up."""
State = Simulation.State
ACTIVE: Final = (State.QUEUED, State.RUNNING)
LOST: Final = "The worker that ran it stopped several times. Try again, or choose fewer days."
BROKE: Final = "It could not be finished because of an error. Ask your operator to check the log."


class Ended(Exception):
    """The simulation was stopped, or another worker has it."""


def start_simulation(
    *, actor: Actor, what: str, draft: Mapping[str, Any], days: int, now: datetime | None = None
) -> Simulation:
    """Start to try a changed rule on the requests of the last days.

    Nothing else is changed and nobody is notified. `what` is `workflow`, `cap` or `risk`. Who may: holders of
    `hitl.view_approvalworkflow` who may also save the draft.
    A worker does it. Raises Refused, NotFound, Invalid, Conflict (`simulation_running`, names the one that runs).
    """
    actor.require(VIEW)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= DAYS_MAX:
        raise Invalid("Choose a range.", fields={"days": [f"Enter a whole number of days from 1 to {DAYS_MAX}."]})
    checked = check(actor, what, draft)
    moment = now or clock_now()
    try:
        with transaction.atomic():
            simulation: Simulation = Simulation.objects.create(
                what=what,
                title=checked.title,
                draft=checked.draft,
                days=days,
                starts_at=moment - timedelta(days=days),
                ends_at=moment,
                made_by_id=actor.user_id,
                created_at=moment,
            )
            queues.enqueue_after_commit("run_simulation", simulation.pk)
            _record(actor, simulation, "SIMULATION_STARTED")
    except IntegrityError:
        running = Simulation.objects.filter(state__in=ACTIVE).first()
        say = "Another simulation is running. Wait until it is done, or stop it."
        raise Conflict(say, code="simulation_running", simulation="" if running is None else str(running.pk)) from None
    simulation.refresh_from_db()
    return simulation


def stop_simulation(*, actor: Actor, simulation_id: UUID, now: datetime | None = None) -> Simulation:
    """Stop a simulation; its worker notices after the requests in hand.

    Who may: holders of `hitl.view_approvalworkflow` who started it, or who may change workflows. Raises Refused,
    NotFound, Conflict (names the state) if it has ended.
    """
    found = get_simulation(viewer=actor, simulation_id=simulation_id)
    if actor.user_id is None or found.made_by_id != actor.user_id:
        actor.require("hitl.manage_workflow")
    with transaction.atomic():
        rows = Simulation.objects.filter(pk=simulation_id, state__in=ACTIVE)
        if not rows.update(state=State.STOPPED, ended_at=now or clock_now(), lease_until=None):
            found.refresh_from_db()
            raise Conflict("This simulation has already ended.", state=found.state)
        found.refresh_from_db()
        _record(actor, found, "SIMULATION_STOPPED")
    return found


def save_simulated(*, actor: Actor, simulation_id: UUID) -> Simulation:
    """Save the change that was tried, as it was tried.

    It then applies to new requests. Who may: who may save it otherwise. Raises Refused, NotFound, Invalid, Conflict
    (`stale_version` if someone changed it since the simulation was started).
    """
    found = get_simulation(viewer=actor, simulation_id=simulation_id)
    save(actor, found.what, found.draft)
    return found


def get_simulation(*, viewer: Actor, simulation_id: UUID) -> Simulation:
    """Return one simulation. Needs `hitl.view_approvalworkflow`. Raises NotFound."""
    return get_or_missing(query_simulations(viewer=viewer).filter(pk=simulation_id), "This simulation doesn't exist.")


def query_simulations(*, viewer: Actor) -> QuerySet[Simulation]:
    """Return the simulations of the last 30 days. Needs `hitl.view_approvalworkflow`."""
    viewer.require(VIEW)
    return Simulation.objects.select_related("made_by")


def _record(actor: Actor, simulation: Simulation, action: str) -> None:
    changed = simulation.draft.get("workflow") or simulation.draft.get("cap")
    facts = {name: getattr(simulation, name) for name in ("what", "days", "evaluated")}
    chain.note(actor, action, simulation, new_state=simulation.state, changed=str(changed or ""), **facts)


def run_simulation(*, simulation_id: UUID) -> None:
    """Run a waiting simulation to its end. For the worker, in the tenant's scope.

    Only one runs at a time in the installation, so that timers and messages always have a worker. It is read outside
    a transaction, a page at a time; after each page the progress is stored, and a stop is noticed. A second worker
    leaves a running one alone.
    """
    moment = clock_now()
    if _runs_elsewhere(simulation_id, moment):
        return  # the sweep starts it when its turn comes
    simulation = lease.claim(
        Simulation.objects.filter(pk=simulation_id),
        LEASE,
        where=Q(state=State.QUEUED),
        now=moment,
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        started_at=moment,
        evaluated=0,
        total=0,
    )
    if simulation is None:
        return
    if _runs_elsewhere(simulation_id, moment, Q(pk__lt=simulation_id)):
        # Two started at the same moment: the later one waits.
        lease.release(simulation, state=State.QUEUED, attempt=simulation.attempt - 1)
        return
    try:
        _evaluate(simulation)
    except Ended:
        log.info("simulation_ended_early", simulation=str(simulation_id))
    except WalkerError as error:
        _fail(simulation, error.detail)
    except Exception:  # boundary: kinds and definitions are others' work
        # Its page must say that it ended, or it would be shown as running for ever.
        log.exception("simulation_broke", simulation=str(simulation_id))
        _fail(simulation, BROKE)


def _runs_elsewhere(simulation_id: UUID, moment: datetime, which: Q | None = None) -> bool:
    with platform_scope():
        others = Simulation.objects.filter(which or Q(), state=State.RUNNING, lease_until__gt=moment)
        return bool(others.exclude(pk=simulation_id).exists())


def _evaluate(simulation: Simulation) -> None:
    """Evaluate it and store the result; raises Ended if it isn't this worker's any more."""
    ends = time.monotonic() + LONGEST
    before = current_rules()
    after = with_draft(current_rules(), simulation.what, simulation.draft)
    is_workflow = simulation.what == Simulation.What.WORKFLOW
    replay = Replay(before, after, after.definitions.workflows[-1].pk if is_workflow else None)
    rows = past.in_range(simulation.starts_at, simulation.ends_at)
    about, is_whole, start = past.count_up_to(rows, past.LIMIT), True, simulation.starts_at
    if about > past.LIMIT:
        start, about, is_whole = past.start_of_newest(rows, past.LIMIT) or start, past.estimate(rows), False
    total = min(about, past.LIMIT)
    _write(simulation, total=total)
    earlier = past.in_range(replay.totals_from(start), start)
    newest = past.start_of_newest(earlier, past.BEFORE)
    for page in past.pages(earlier if newest is None else earlier.filter(created_at__gte=newest), with_levels=False):
        replay.add_before(page)
        _write(simulation)
    evaluated = 0
    for page in past.pages(past.in_range(start, simulation.ends_at), with_levels=True):
        replay.add(page)
        evaluated += len(page)
        _write(simulation, evaluated=evaluated, total=max(total, evaluated))
        if time.monotonic() > ends:
            raise Conflict("It took too long. Choose fewer days.")
    about_it = {"evaluated": evaluated, "about": about, "is_whole": is_whole, "since": start.isoformat()}
    result = {**replay.finish(), **about_it}
    if not lease.release(simulation, state=State.DONE, result=result, ended_at=clock_now()):
        raise Ended


def _write(simulation: Simulation, **columns: Any) -> None:
    """Store progress, and keep the lease; raises Ended if it isn't this worker's any more."""
    if not lease.renew(simulation, LEASE, **columns):
        raise Ended


def _fail(simulation: Simulation, why: str) -> None:
    lease.release(simulation, state=State.FAILED, failure=why[:200], ended_at=clock_now())


def take_waiting(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, id) of the next simulation to start; empty while one runs.

    One whose worker stopped starts again from the beginning, at most three times.
    """
    moment = now or clock_now()
    with platform_scope():
        lost = Simulation.objects.filter(lease.free(moment), state=State.RUNNING)
        lost.filter(attempt__gte=ATTEMPTS).update(state=State.FAILED, failure=LOST, ended_at=moment, lease_until=None)
        lost.update(state=State.QUEUED, lease_until=None)
        if Simulation.objects.filter(state=State.RUNNING).exists():
            return []
        waiting = Simulation.objects.filter(state=State.QUEUED).order_by("created_at", "pk")
        return list(waiting.values_list("tenant_id", "pk")[:1])


def purge_simulations(*, now: datetime | None = None) -> int:
    """Delete simulations older than 30 days; return how many. For the sweep."""
    before = (now or clock_now()) - KEPT
    return retention.remove(Simulation, Q(created_at__lt=before) & ~Q(state__in=ACTIVE))
