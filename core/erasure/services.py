"""Asking for the erasure of a person, and doing it batch by batch."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from core import audit
from core.actors import Actor, system
from core.clock import now as clock_now
from core.erasure.person import Person, person_of, traces_of
from core.erasure.registry import BATCH, handlers, steps
from core.errors import Invalid, NotFound, Refused
from core.log import get_logger
from core.models import Erasure
from core.scope import current_tenant_id, platform_scope

log = get_logger(__name__)
VIEW: Final = "core.view_erasures"
WORKER: Final = system("erasure")
State = Erasure.State
Subject = Erasure.Subject


def require_eraser(*, actor: Actor, permission: str, reason: str) -> None:
    """Raise unless a person with the permission, signed in with a second factor, gives one of the reasons.

    Raises `Refused` (`not_allowed`, `not_a_person`, `weak_sign_in`) and `Invalid`.
    """
    actor.require(permission)
    if actor.kind != "user" or actor.user_id is None:
        raise Refused("Only a person erases somebody.", code="not_a_person")
    if actor.auth_strength != "mfa":
        raise Refused("Sign in with a second factor to erase somebody.", code="weak_sign_in")
    if reason not in Erasure.Reason.values:
        wanted = ", ".join(Erasure.Reason.values)
        raise Invalid("Say why, with one of the reasons.", fields={"reason": [f"One of {wanted}."]})


def open_erasure(
    *,
    actor: Actor,
    subject_type: str,
    subject_id: UUID,
    reason: str,
    targets: dict[str, list[UUID]],
    now: datetime | None = None,
) -> Erasure:
    """Begin the erasure of a person whose row the caller has locked; a repeat returns the first one, unchanged.

    For the services of the apps, which have checked who asks. No door knows the person from here on;
    the rest is a worker's. Raises `Conflict` with what is in the way. Writes `contact.erasure_asked`
    or `member.erasure_asked`. Announces nothing.
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
        person = _gathered(erasure)
        for handler in handlers():
            handler.refuse(person)
        for handler in handlers():
            handler.detach(person)
        erasure.targets = person.targets
        erasure.save(force_insert=True)
        _hint_after_commit(erasure)
        _record(erasure, actor, "erasure_asked", {"reason": reason})
    return erasure


def _gathered(erasure: Erasure) -> Person:
    person = person_of(erasure)
    for handler in handlers():
        handler.gather(person)
    erasure.traces = traces_of(word for handler in handlers() for word in handler.words(person))
    return Person(erasure, person.targets, tuple(erasure.traces))


def _hint_after_commit(erasure: Erasure) -> None:
    tenant_id, erasure_id = current_tenant_id(), erasure.pk

    def hint() -> None:
        from core.tasks import erase_person  # noqa: PLC0415  (tasks stand above the services)

        erase_person.delay(str(tenant_id), str(erasure_id))

    transaction.on_commit(hint, robust=True)


def _record(erasure: Erasure, actor: Actor, what: str, facts: dict[str, object]) -> None:
    audit.record(
        actor=actor,
        action=f"{erasure.subject_type}.{what}",
        object_type="core.erasure",
        object_id=erasure.pk,
        new_state=erasure.state,
        facts={"person": str(erasure.subject_id), **facts},
    )


def work_on(*, erasure_id: UUID, limit: int = BATCH, now: datetime | None = None) -> bool:
    """Do one batch of an erasure in one transaction; tells whether there is more to do at once.

    For the worker, in the tenant's scope. The row is locked meanwhile, so that two workers take
    turns; a batch that was cut off has changed nothing and is done again. Audited at the end as
    `contact.erased` or `member.erased`. Announces nothing.
    """
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().filter(pk=erasure_id).exclude(state=State.DONE).first()
        if erasure is None:
            return False
        moment = now or clock_now()
        if erasure.state == State.ASKED:
            erasure.state, erasure.started_at = State.WORKING, moment
            erasure.save(update_fields=["state", "started_at"])
        return _next_step(erasure, limit) if erasure.step else _next_round(erasure, moment)


def _next_step(erasure: Erasure, limit: int) -> bool:
    everything = {step.key: step for step in steps()}
    keys = list(everything)
    if erasure.step not in everything:
        erasure.step, erasure.after = keys[0], ""
    step, person = everything[erasure.step], person_of(erasure)
    done = step.work(person, erasure.after, limit)
    if done.changed:
        erasure.counts[step.key] = erasure.counts.get(step.key, 0) + done.changed
        erasure.changes += done.changed
    erasure.targets, erasure.after = person.targets, done.last
    if not done.last:
        erasure.step = next(iter(keys[keys.index(step.key) + 1 :]), "")
    erasure.save(update_fields=["counts", "changes", "after", "step", "targets"])
    return True


def _next_round(erasure: Erasure, moment: datetime) -> bool:
    """Begin a round over all steps; after one that changed nothing, with nothing under way, all is done.

    What somebody wrote behind the back of a step is found by the next round.
    """
    person = person_of(erasure)
    for handler in handlers():
        handler.gather(person)
    waits_for = [what for handler in handlers() for what in handler.in_the_way(person)]
    is_quiet = erasure.rounds > 0 and erasure.changes == 0 and person.targets == erasure.targets
    if is_quiet and not waits_for:
        return _finish(erasure, moment)
    if waits_for and (is_quiet or (erasure.rounds == 0 and waits_for == erasure.waits_for)):
        # Nothing moves until that has ended: the sweep comes again, and begins with a whole round.
        erasure.rounds, erasure.waits_for = 0, waits_for
        erasure.save(update_fields=["rounds", "waits_for"])
        return False
    erasure.targets, erasure.waits_for = person.targets, waits_for
    erasure.rounds, erasure.changes = min(erasure.rounds + 1, 30_000), 0
    erasure.step, erasure.after = steps()[0].key, ""
    erasure.save(update_fields=["targets", "waits_for", "rounds", "changes", "step", "after"])
    return True


def _finish(erasure: Erasure, moment: datetime) -> bool:
    erasure.state, erasure.finished_at, erasure.traces = State.DONE, moment, None
    erasure.targets, erasure.waits_for = {}, []
    erasure.save(update_fields=["state", "finished_at", "traces", "targets", "waits_for"])
    _record(erasure, WORKER, "erased", {"counts": erasure.counts, "asked_by": str(erasure.asked_by or "")})
    return False


def list_unfinished() -> list[tuple[UUID, UUID]]:
    """Return (tenant, id) of the erasures of all tenants that are not done. For the sweep."""
    with platform_scope():
        rows = Erasure.objects.filter(state__in=[State.ASKED, State.WORKING])
        return list(rows.order_by("id").values_list("tenant_id", "id")[:200])


def get_erasure(*, viewer: Actor, erasure_id: UUID) -> Erasure:
    """Return one erasure. Needs `core.view_erasures`; raises `NotFound`."""
    viewer.require(VIEW)
    found: Erasure | None = Erasure.objects.filter(pk=erasure_id).first()
    if found is None:
        raise NotFound("There is no such erasure.")
    return found


def query_erasures(*, viewer: Actor) -> QuerySet[Erasure]:
    """Return the tenant's erasures. Needs `core.view_erasures`."""
    viewer.require(VIEW)
    rows: QuerySet[Erasure] = Erasure.objects.all()
    return rows
