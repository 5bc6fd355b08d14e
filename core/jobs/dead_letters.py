"""Failed jobs: park work that failed for good, and retry or discard it on request."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.urls import reverse

from core import notices
from core.actors import Actor, system
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_row
from core.errors import Conflict, Invalid
from core.models import DeadLetter
from core.observability.errors.events import DEAD_JOB
from core.observability.logging import get_logger
from core.privacy.pii import mask_text
from core.tenancy.scope import platform_scope

log = get_logger(__name__)
Replayer = Callable[[UUID], None]
ERROR_LIMIT: Final = 500
# Mask more text than is stored, so that no value is cut in two and missed.
_MASKED_LENGTH: Final = 2000
VIEW: Final = "core.view_deadletter"
_replayers: dict[str, Replayer] = {}


notices.register_kind("failed_job", "Failed job", "dead")


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind of job is shown: its title, the model whose page shows the row, and its errors."""

    title: str
    page: str = ""
    error: Callable[[str], str] = str


_words: dict[str, Words] = {}


def register_replayer(kind: str, replay_row: Replayer, words: Words | None = None) -> None:
    """Register what queues a kind's row again, in the transaction of the retry, and how the kind is shown."""
    if _replayers.get(kind, replay_row) is not replay_row:
        raise ValueError(f"a replayer of {kind!r} is already registered")
    _replayers[kind] = replay_row
    if words is not None:
        _words[kind] = words


def words_of(kind: str) -> Words:
    """Return how a kind is shown, by default by its name."""
    return _words.get(kind) or Words(kind.rpartition(".")[2].replace("_", " ").capitalize())


def park(
    *,
    kind: str,
    ref: UUID,
    error: str,
    actor: Actor | None = None,
    notice: notices.Level = "alert",
    noticed_as: str = "",
    now: datetime | None = None,
) -> DeadLetter:
    """Park a row whose job failed for good; later failures of the row are counted.

    For the system, in the tenant's scope. The error is masked and cut to 500 characters. Those who may see failed
    jobs get a notice, once until somebody closes the failed job, or once for all that are `noticed_as` the same; a
    job that carries mail leaves a "warning", as the mail of an alert would fail with it. Audited as
    `dead_letter.parked`: call it last in a transaction.
    """
    moment = now or clock_now()
    reason = mask_text(error[:_MASKED_LENGTH])[:ERROR_LIMIT]
    with transaction.atomic():
        letter = _park(kind, ref, reason, moment)
        notices.leave_for_permission(
            VIEW,
            kind="failed_job",
            title=f"Failed for good: {words_of(kind).title}",
            link=reverse("admin:core_deadletter_change", args=[letter.pk]),
            level=notice,
            dedupe_key=noticed_as or f"failed_job:{letter.pk}",
            now=moment,
        )
        chain.record(
            actor or system("dead-letters"),
            "dead_letter.parked",
            kind,
            ref,
            new_state=DeadLetter.State.PARKED,
            facts={"dead_letter": str(letter.id), "times": letter.times},
        )
        # Once it's true: who reads of it finds the job.
        told = {"kind": kind, "dead_letter": str(letter.pk), "times": letter.times}
        transaction.on_commit(partial(log.error, DEAD_JOB, **told), robust=True)
    return letter


def _park(kind: str, ref: UUID, reason: str, moment: datetime) -> DeadLetter:
    open_letters = DeadLetter.objects.filter(kind=kind, ref=ref, state=DeadLetter.State.PARKED)
    again = {"times": F("times") + 1, "error": reason}
    if not open_letters.update(**again):
        try:
            with transaction.atomic():
                letter = DeadLetter(kind=kind, ref=ref, error=reason, parked_at=moment)
                letter.save(force_insert=True)
                return letter
        except IntegrityError:
            # The same row was parked at the same moment.
            open_letters.update(**again)
    again_open: DeadLetter = open_letters.get()
    return again_open


def replay(*, actor: Actor, dead_letter_id: UUID, now: datetime | None = None) -> DeadLetter:
    """Retry a failed job. Needs `core.replay_deadletter`; raises NotFound, Conflict if closed, Invalid. Audited."""
    actor.require("core.replay_deadletter")
    with transaction.atomic():
        letter = _close(actor, dead_letter_id, DeadLetter.State.REPLAYED, now or clock_now())
        replayer = _replayers.get(letter.kind)
        if replayer is None:
            raise Invalid(f"Jobs of the kind {letter.kind[:60]!r} can't be retried here.", code="no_replayer")
        replayer(letter.ref)
        _record(actor, letter)
    return letter


def discard(*, actor: Actor, dead_letter_id: UUID, now: datetime | None = None) -> DeadLetter:
    """Close a failed job, not retried. Needs `core.replay_deadletter`; raises as `replay`. Audited."""
    actor.require("core.replay_deadletter")
    with transaction.atomic():
        letter = _close(actor, dead_letter_id, DeadLetter.State.DISCARDED, now or clock_now())
        _record(actor, letter)
    return letter


def _close(actor: Actor, letter_id: UUID, state: str, moment: datetime) -> DeadLetter:
    """Close a failed job by a conditional update; a second caller gets a Conflict with the state."""
    parked = DeadLetter.objects.filter(id=letter_id, state=DeadLetter.State.PARKED)
    won = parked.update(state=state, closed_at=moment, closed_by=actor.user_id)
    letter = get_row(DeadLetter, letter_id, "This failed job doesn't exist.")
    if not won:
        at = letter.closed_at.isoformat() if letter.closed_at else ""
        facts = {"state": letter.state, "closed_at": at, "changed_at": at, **_closer(actor, letter)}
        raise Conflict("This failed job is already closed.", **facts)
    return letter


def _closer(actor: Actor, letter: DeadLetter) -> dict[str, str]:
    """Return who was faster: "you", or a role."""
    if letter.closed_by is not None and letter.closed_by == actor.user_id:
        return {"changed_by": "you", "changed_role": actor.role}
    mine = chain.last_of(letter.kind, letter.ref, lambda entry: entry.facts.get("dead_letter") == str(letter.id))
    role = mine.role if mine else ""
    return {"changed_by": role or "a colleague", "changed_role": role}


def _record(actor: Actor, letter: DeadLetter) -> None:
    chain.record(
        actor,
        f"dead_letter.{letter.state}",
        letter.kind,
        letter.ref,
        old_state=DeadLetter.State.PARKED,
        new_state=letter.state,
        facts={"dead_letter": str(letter.id)},
    )


def query_dead_letters(*, viewer: Actor) -> QuerySet[DeadLetter]:
    """Return failed jobs in all states as a query. Needs `core.view_deadletter`."""
    viewer.require(VIEW)
    return DeadLetter.objects.all()


def count_parked_everywhere() -> int:
    """Count the parked jobs of all tenants. For metrics only."""
    with platform_scope():
        return DeadLetter.objects.filter(state=DeadLetter.State.PARKED).count()
