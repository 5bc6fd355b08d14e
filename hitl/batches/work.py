"""Decide the requests of a batch one by one; a killed worker's batch is continued by another."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import actor_for_user
from core import retention
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_row
from core.errors import Conflict, Refused, WalkerError
from core.jobs import queues
from core.observability.logging import get_logger
from core.reliability import lease
from hitl.approvals.decide.decide import decide
from hitl.approvals.decide.rights import note_refused_move
from hitl.batches import seals
from hitl.batches.preview import is_too_risky
from hitl.models import Approval, BatchDecision, BatchItem, Decision

log = get_logger(__name__)
CHUNK: Final = 25
LEASE: Final = timedelta(seconds=30)
LIFE: Final = timedelta(hours=1)
KEPT_FOR: Final = timedelta(days=90)
WORKER: Final[Actor] = system("batch")


def work_batch(*, batch_id: UUID, now: datetime | None = None) -> bool:
    """Decide the next requests of a batch; return True when it is finished.

    Each has a transaction of its own. For the system; safe to call at any time and any number of times. Two at
    once do not work on the same batch.
    """
    moment = now or clock_now()
    batch = lease.claim(BatchDecision.objects.filter(pk=batch_id, finished_at=None), LEASE, now=moment)
    if batch is None:
        return False
    items = list(batch.items.order_by("place"))
    stop = "batch_expired" if moment - batch.created_at > LIFE else ""
    if not seals.is_intact(batch, items):
        log.error("batch_tampered", batch=str(batch.pk))
        stop = "not_genuine"
    waiting = [item for item in items if not item.outcome]
    for item in waiting[: None if stop else CHUNK]:
        _work_item(batch, item, stop, now)
    if len(waiting) > CHUNK and not stop:
        if lease.release(batch):
            queues.enqueue_after_commit("work_batch", batch.pk)
        return False
    if batch.items.filter(outcome="").exists():
        return False  # another worker is at one of them; the sweep looks again
    with transaction.atomic():
        if not lease.release(batch, finished_at=now or clock_now(), reason="", address=""):
            return False  # another worker has it, and finishes it
        decided = batch.items.filter(outcome="decided").count()
        counts: dict[str, Any] = {"decided": decided, "refused": batch.total - decided}
        chain.note(WORKER, "BATCH_FINISHED", batch, old_state="working", new_state="finished", **counts)
    return True


def _work_item(batch: BatchDecision, item: BatchItem, stop: str, now: datetime | None) -> None:
    """Decide one request and note the outcome in the same transaction; once, also when two workers try."""
    with transaction.atomic():
        if not BatchItem.objects.select_for_update(skip_locked=True).filter(pk=item.pk, outcome="").exists():
            return
        code, state = (stop, "") if stop else _decided(batch, item, now)
        outcome = "refused" if code else "decided"
        values = {"outcome": outcome, "code": code, "state": state, "decided_at": now or clock_now()}
        BatchItem.objects.filter(pk=item.pk).update(**values)


def _decided(batch: BatchDecision, item: BatchItem, now: datetime | None) -> tuple[str, str]:
    """Return why the request was not decided, or "" and its state."""
    try:
        with transaction.atomic():
            return "", _decide(batch, item, now).state
    except WalkerError as error:
        if error.code != "no_membership":
            note_refused_move(
                error,
                actor=_actor_of(batch),
                approval_id=item.approval_id,
                move=batch.verdict,
                channel=batch.channel,
            )
        return error.code[:40], ""
    except (OperationalError, InterfaceError):
        raise  # no database: the sweep finds the batch again
    except Exception:  # boundary: one broken request must not stop the others
        log.exception("batch_item_broke", batch=str(batch.pk), approval=str(item.approval_id))
        return "error", ""


def _decide(batch: BatchDecision, item: BatchItem, now: datetime | None) -> Approval:
    actor = _actor_of(batch)
    approval = get_row(Approval, item.approval_id)
    if approval.digest == item.digest and is_too_risky(approval, batch.verdict):
        raise Refused(code="too_risky")
    # A vote that the person gave elsewhere since they confirmed is newer than the batch.
    since = Decision.objects.filter(approval=approval, person_id=batch.maker_id, created_at__gt=batch.created_at)
    if since.filter(verdict__in=("approve", "reject")).exists():
        raise Conflict(code="voted")
    return decide(
        actor=actor,
        approval_id=item.approval_id,
        verdict="approve" if batch.verdict == "approve" else "reject",
        digest=item.digest,
        reason=batch.reason,
        channel=batch.channel,
        now=now,
    )


def _actor_of(batch: BatchDecision) -> Actor:
    """Return the person with the rights of this moment, signed in as they were when they confirmed."""
    user = User.objects.get(pk=batch.maker_id)
    actor = actor_for_user(user, address=batch.address, auth_strength=batch.auth_strength)
    return actor if batch.scopes is None else actor.limited_to(frozenset(batch.scopes))


def list_abandoned(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, batch) of all tenants whose worker is gone."""
    return lease.list_free(BatchDecision, Q(finished_at=None), limit=100, now=now)


def purge_batches(*, now: datetime | None = None) -> int:
    """Remove batches that finished more than 90 days ago; return the count of rows."""
    before = (now or clock_now()) - KEPT_FOR
    old = retention.made_before(before) & Q(finished_at__lt=before)
    return retention.remove(BatchDecision, old)
