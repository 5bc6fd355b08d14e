"""Start the erasure of a person, and run it in batches."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.roles import allow_long_statements
from core.db.rows import get_row
from core.errors import Invalid, Refused
from core.jobs import dead_letters, queues
from core.models import Erasure
from core.observability.logging import get_logger
from core.privacy.erasure.person import person_of, traces_of
from core.privacy.erasure.registry import BATCH, handlers, steps
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
VIEW: Final = "core.view_erasures"
WORKER: Final = system("erasure")
State = Erasure.State
Subject = Erasure.Subject
UNFINISHED: Final = (State.ASKED, State.WORKING)
ASKED: Final = "erasure_asked"
PARKED_AS: Final = "core.erasure"
ROUNDS: Final = 5
"""The maximum of rounds that find data; normally two or three are enough."""
PAUSE: Final = timedelta(seconds=20)
AT_ONCE: Final = 200


def require_eraser(*, actor: Actor, permission: str, reason: str) -> None:
    """Check permission, second factor and reason. Raises Refused (`not_a_person`, `weak_sign_in`), Invalid."""
    actor.require(permission)
    actor.require_person("Only a person can erase somebody's data. API keys can't.", by_key=False)
    if not actor.has_second_factor:
        raise Refused("Sign in with a second factor to erase somebody's data.", code="weak_sign_in")
    if reason not in Erasure.Reason.values:
        wanted = ", ".join(Erasure.Reason.values)
        raise Invalid("Choose a reason.", fields={"reason": [f"One of {wanted}."]})


def open_erasure(
    *,
    actor: Actor,
    subject_type: str,
    subject_id: UUID,
    reason: str,
    targets: dict[str, list[UUID]],
    now: datetime | None = None,
) -> Erasure:
    """Start the erasure of a person whose row is locked.

    A repetition returns the first one. For services of apps, which have checked the actor. The person is detached
    from all channels at once; a worker does the rest. Raises Conflict with what has to end first. Audited as
    `contact.erasure_asked` or `member.erasure_asked`. Announces nothing.
    """
    with transaction.atomic():
        known: Erasure | None = Erasure.objects.filter(subject_type=subject_type, subject_id=subject_id).first()
        if known is not None:
            return known
        erasure = Erasure(
            subject_type=subject_type,
            subject_id=subject_id,
            reason=reason,
            asked_by=actor.user_id,
            asked_at=now or clock_now(),
            targets={kind: [str(key) for key in keys] for kind, keys in targets.items()},
        )
        person = person_of(erasure)
        for handler in handlers():
            handler.gather(person)
        erasure.targets, erasure.traces = person.targets, traces_of(handler.words(person) for handler in handlers())
        person = person_of(erasure)
        for handler in handlers():
            handler.refuse(person)
        # Before anything is emptied: the database checks that it belongs to the person.
        erasure.save(force_insert=True)
        for handler in handlers():
            handler.detach(person)
        queues.enqueue_after_commit("erase_person", erasure.pk)
        _record(erasure, actor, ASKED, {"reason": reason})
    return erasure


def _record(erasure: Erasure, actor: Actor, what: str, facts: dict[str, Any]) -> None:
    about = {"new_state": erasure.state, "person": str(erasure.subject_id)}
    chain.note(actor, f"{erasure.subject_type}.{what}", erasure, **about, **facts)


def _is_asked_for(erasure: Erasure) -> bool:
    """Return True if the audit log has that the person's erasure was asked for. One query."""
    entry = chain.first_of(erasure._meta.label_lower, erasure.pk, f"{erasure.subject_type}.{ASKED}")
    return entry is not None and chain.is_genuine(entry) and entry.facts["person"] == str(erasure.subject_id)


def unasked_erasures() -> Iterator[tuple[str, str]]:
    """Yield the erasures of the tenant that somebody wrote without asking for them: they erase nothing."""
    for erasure in Erasure.objects.defer("traces").order_by("id"):
        if not _is_asked_for(erasure):
            yield f"erasure {erasure.pk}", "nobody asked for it in the application"


def work_on(*, erasure_id: UUID, limit: int = BATCH, now: datetime | None = None) -> bool:
    """Run one batch of an erasure in one transaction.

    Returns True if more can be done now. For the worker, in the tenant's scope. The row stays locked meanwhile; a
    second worker leaves it. A batch that was interrupted changed nothing and is repeated. Audited at the end as
    `contact.erased` or `member.erased`, and each batch that empties requests or reasons as `….approvals_emptied` or
    `….reasons_emptied` with their ids. After `ROUNDS` rounds that all changed something it is parked as a failed
    job. One that the audit log doesn't have erases nothing and is parked. Announces nothing.
    """
    with transaction.atomic():
        allow_long_statements()
        free = Erasure.objects.select_for_update(skip_locked=True)
        erasure = free.filter(pk=erasure_id, state__in=UNFINISHED).first()
        if erasure is None:
            return False
        moment = now or clock_now()
        if erasure.state == State.ASKED:
            erasure.state, erasure.started_at = State.WORKING, moment
            erasure.save(update_fields=["state", "started_at"])
        if not _is_asked_for(erasure):
            log.error("erasure_not_asked_for", erasure=str(erasure.pk))
            return _park(erasure, "Nobody asked for it in the application.")
        return _next_step(erasure, limit) if erasure.step else _next_round(erasure, moment)


def _next_step(erasure: Erasure, limit: int) -> bool:
    everything = {step.key: step for step in steps()}
    keys = list(everything)
    if erasure.step not in everything:
        erasure.step, erasure.after = keys[0], ""
    step, person = everything[erasure.step], person_of(erasure)
    done = step.work(person, erasure.after, limit)
    if step.only_looks and not erasure.after:  # each round counts from zero
        erasure.counts.pop(step.key, None)
    if done.kept:
        erasure.counts[step.key] = erasure.counts.get(step.key, 0) + done.kept
    if done.changed:
        erasure.counts[step.key] = erasure.counts.get(step.key, 0) + done.changed
        erasure.changes += done.changed
    erasure.targets, erasure.still_named, erasure.after = person.targets, person.still_named, done.last
    if not done.last:
        erasure.step = next(iter(keys[keys.index(step.key) + 1 :]), "")
    erasure.save(update_fields=["counts", "changes", "after", "step", "targets", "still_named"])
    for what, rows in done.emptied.items():
        if rows:
            _record(erasure, WORKER, f"{what}_emptied", {what: [str(key) for key in rows]})
    return True


def _next_round(erasure: Erasure, moment: datetime) -> bool:
    """Start the next round, or finish after one that changed nothing, once no work from before it still runs."""
    person = person_of(erasure)
    for handler in handlers():
        handler.gather(person)
    waits_for = [what for handler in handlers() for what in handler.in_the_way(person)]
    is_quiet = erasure.rounds > 0 and erasure.changes == 0 and person.targets == erasure.targets
    if is_quiet and not waits_for:
        if not erasure.waits_for and not any(handler.came_late(person) for handler in handlers()):
            erasure.state, erasure.finished_at, erasure.traces = State.DONE, moment, None
            erasure.targets, erasure.waits_for = {}, []
            erasure.save(update_fields=["state", "finished_at", "traces", "targets", "waits_for"])
            _record(erasure, WORKER, "erased", {"counts": erasure.counts, "asked_by": str(erasure.asked_by or "")})
            return False
        erasure.rounds = 0
    if waits_for and (is_quiet or (erasure.rounds == 0 and waits_for == erasure.waits_for)):
        # Wait until that has ended: the sweep then starts with a whole round.
        erasure.rounds, erasure.waits_for = 0, waits_for
        erasure.save(update_fields=["rounds", "waits_for"])
        return False
    if erasure.rounds >= ROUNDS:
        return _park(erasure, "Every round found new data.")
    erasure.targets, erasure.waits_for, erasure.round_at = person.targets, waits_for, moment
    erasure.rounds, erasure.changes = erasure.rounds + 1, 0
    erasure.step, erasure.after = steps()[0].key, ""
    erasure.save(update_fields=["targets", "waits_for", "round_at", "rounds", "changes", "step", "after"])
    return True


def _park(erasure: Erasure, error: str) -> bool:
    """Stop an erasure; it can't empty anything until it is retried."""
    erasure.state = State.PARKED
    erasure.save(update_fields=["state"])
    dead_letters.park(kind=PARKED_AS, ref=erasure.pk, error=error, actor=WORKER)
    return False


def run_again(erasure_id: UUID) -> None:
    """Restart a parked erasure with a new round; to retry its failed job."""
    again = {"state": State.WORKING, "rounds": 0, "changes": 0, "tried_at": None}
    if Erasure.objects.filter(pk=erasure_id, state=State.PARKED).update(**again):
        queues.enqueue_after_commit("erase_person", erasure_id)


def take_unfinished(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, id) of erasures to continue, longest waiting and each tenant's first, and mark them as tried."""
    moment = now or clock_now()
    longest = F("tried_at").asc(nulls_first=True)
    turn = Window(RowNumber(), partition_by=F("tenant_id"), order_by=[longest, F("id").asc()])
    due = Q(tried_at=None) | Q(tried_at__lte=moment - PAUSE)
    with platform_scope():
        rows = Erasure.objects.filter(due, state__in=UNFINISHED).annotate(turn=turn)
        ordered = rows.order_by("turn", longest, "id")
        found = list(ordered.values_list("tenant_id", "id")[:AT_ONCE])
        Erasure.objects.filter(pk__in=[key for _, key in found]).update(tried_at=moment)
    return found


def get_erasure(*, viewer: Actor, erasure_id: UUID) -> Erasure:
    """Return one erasure. Needs `core.view_erasures`. Raises NotFound."""
    viewer.require(VIEW)
    return get_row(Erasure, erasure_id, "This erasure doesn't exist.")


def query_erasures(*, viewer: Actor) -> QuerySet[Erasure]:
    """Return the tenant's erasures. Needs `core.view_erasures`."""
    viewer.require(VIEW)
    return Erasure.objects.all()
