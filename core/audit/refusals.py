"""Audit entries about refused attempts: limited, so that a flood cannot fill the log, and a run of them alerts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.urls import reverse

from core import notices
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import WalkerError
from core.ids import uuid7
from core.models import RefusalCount
from core.observability.logging import get_logger
from core.observability.metrics import counter
from core.tenancy.scope import current_tenant_id, current_tenant_or_none

log = get_logger(__name__)
REFUSED: Final = "ATTEMPT_REFUSED"
MORE: Final = "ATTEMPTS_REFUSED"
FREQUENT: Final = "REFUSALS_FREQUENT"
OBJECT_TYPE: Final = "core.refusal"
NOTICE: Final = "core.refusals"
READ_AUDIT: Final = "core.view_auditentry"
HOUR: Final = timedelta(hours=1)
RUN: Final = timedelta(minutes=10)
_KEPT_FACTS: Final = ("part", "why", "permission", "shown_revision")
"""What an entry keeps of an error's facts: codes and numbers, never names or texts."""
UNRECORDED = counter("walker_refusals_unrecorded_total", "Refused attempts that could not be written to the audit log.")
# The ORM has no upsert that returns the value it wrote: attempts at once are counted by one statement each.
_COUNT: Final = """
insert into core_refusalcount (id, tenant_id, subject_id, hour, attempts, recent) values (%s, %s, %s, %s, 1, array[%s])
on conflict (tenant_id, subject_id) do update set
  attempts = case when core_refusalcount.hour = excluded.hour then core_refusalcount.attempts + 1 else 1 end,
  hour = excluded.hour,
  recent = (excluded.recent || core_refusalcount.recent)[1:%s]
returning attempts, recent
"""


notices.register_kind(NOTICE, "Refused attempts", "shield")


@dataclass(frozen=True, slots=True)
class Watched:
    """Objects whose refusals are noted, and the error codes that are more than a mistake."""

    object_type: str
    codes: frozenset[str]


def note_refusal(
    watched: Watched | None,
    problem: WalkerError,
    *,
    actor: Actor | None,
    object_id: UUID | None,
    move: str,
    channel: str,
    now: datetime | None = None,
) -> None:
    """Write an audit entry about an attempt that was refused, if its code is watched; never raises for the database.

    Call it where the error is answered, after the refused transaction was rolled back. `object_id` is the id that was
    sent, which may be of nothing here. The first `settings.REFUSALS_LISTED` attempts of an actor in an hour have an
    entry each; beyond, one entry each time their number doubles. `settings.REFUSALS_NOTICED` attempts within `RUN`
    leave those who may read the audit log an alert, once per actor and hour. Strangers and the system are not noted.
    """
    if watched is None or problem.code not in watched.codes or current_tenant_or_none() is None:
        return
    if actor is None or actor.kind in ("system", "rule") or (subject := actor.user_id or actor.id) is None:
        return
    moment = now or clock_now()
    kept = {name: problem.facts[name] for name in _KEPT_FACTS if isinstance(problem.facts.get(name), str | int)}
    facts = {"about": watched.object_type, "code": problem.code, "move": move, "channel": channel, **kept}
    listed: int = settings.REFUSALS_LISTED
    try:
        with transaction.atomic():
            attempts, recent = _count(subject, moment)
            times, rest = divmod(attempts, max(listed, 1))
            entries = []
            if attempts <= listed:
                entries.append(chain.Fact(actor, REFUSED, OBJECT_TYPE, object_id or subject, facts=facts))
            elif attempts == listed + 1 or (rest == 0 and times & (times - 1) == 0):  # each doubling of the limit
                facts |= {"attempts": attempts}
                entries.append(chain.Fact(actor, MORE, OBJECT_TYPE, object_id or subject, facts=facts))
            if len(recent) >= settings.REFUSALS_NOTICED and recent[-1] > moment - RUN:
                entries += _alert(actor, subject, len(recent), moment)
            chain.record_all(entries)
    except DatabaseError:
        # The attempt stays refused; that it has no entry is said where operators look.
        UNRECORDED.inc()
        log.exception("refusal_not_recorded", code=problem.code, about=watched.object_type)


def _count(subject: UUID, moment: datetime) -> tuple[int, list[datetime]]:
    """Count one attempt; return the actor's attempts in this hour, and the moments of the last ones, newest first."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    kept = max(settings.REFUSALS_NOTICED, 1)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [uuid7(), current_tenant_id(), subject, hour, moment, kept])
        attempts, recent = cursor.fetchone()
    return attempts, recent


def _alert(actor: Actor, subject: UUID, count: int, moment: datetime) -> list[chain.Fact]:
    """Leave a notice for the others who may read the audit log, once an hour; return its audit entry."""
    is_due = Q(noticed_at=None) | Q(noticed_at__lte=moment - HOUR)
    if not RefusalCount.objects.filter(is_due, subject_id=subject).update(noticed_at=moment):
        return []
    notices.leave_for_permission(
        READ_AUDIT,
        besides=actor.user_id,
        kind=NOTICE,
        title="Many refused attempts",
        body=f"One person or agent was refused {count} times within {RUN.seconds // 60} minutes. "
        "Check who it was and what they tried.",
        link=f"{reverse('admin:core_auditentry_changelist')}?action={REFUSED}",
        level="alert",
        dedupe_key=f"{NOTICE}:{subject}:{moment.isoformat()}",
        now=moment,
    )
    facts: dict[str, Any] = {"count": count, "minutes": RUN.seconds // 60}
    return [chain.Fact(actor, FREQUENT, OBJECT_TYPE, subject, facts=facts)]
