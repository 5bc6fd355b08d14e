"""Reveals: seeing personal data unmasked for a few minutes, with a reason, recorded in the audit log."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import Membership, RevealGrant
from accounts.selectors import roster
from core import notices
from core.actors import Actor
from core.audit import chain
from core.audit.chain import Fact
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.errors import Invalid, Refused, TooMany
from core.models import AuditEntry
from core.registry import Registry

SHORTEST_REASON = 8
WINDOW: Final = timedelta(hours=1)
ACCESSED: Final = "PII_ACCESSED"
READ_AUDIT: Final = "core.view_auditentry"
MEMBERSHIP: Final = "accounts.membership"
NOTICE: Final = "accounts.reveals"
NEVER: Final = "0001-01-01T00:00:00+00:00"


notices.register_kind(NOTICE, "Personal data")


class Revealable(ABC):
    """A kind of object with personal data, registered by its app under the name people use."""

    object_type: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the masked object."""


@dataclass(frozen=True, slots=True)
class ActiveReveal:
    """The fields of one object a person may see unmasked now, and when the first is masked again."""

    fields: frozenset[str]
    expires_at: datetime


REVEALABLES: Final[Registry[Revealable]] = Registry(Revealable, name="thing to reveal")  # type: ignore[type-abstract]


def reveal(
    *,
    actor: Actor,
    object_type: str,
    object_id: UUID,
    fields: list[str],
    reason: str,
    now: datetime | None = None,
) -> RevealGrant:
    """Reveal named fields of one object to the actor for `settings.REVEAL_FOR`.

    Needs `accounts.view_pii` and a person behind the actor; raises `Refused` and, for a missing
    reason or no fields, `Invalid`. Writes `PII_ACCESSED` with the fields' names, never the values;
    the reason stays on the grant. After `settings.REVEALS_PER_HOUR` it raises `TooMany`; that, and a run of
    them before, leaves others who may read the audit log a notice. Call it outside a transaction: the notice
    about a refusal has to stay.
    """
    actor.require("accounts.view_pii")
    person = actor.require_person("Only a person can reveal personal data.")
    text = reason.strip()
    if len(text) < SHORTEST_REASON:
        raise Invalid("Give a reason for revealing this.", fields={"reason": ["Write a few more words."]})
    if not fields:
        raise Invalid("Choose what you need to see.", fields={"fields": ["Choose at least one."]})
    moment = now or clock_now()
    with transaction.atomic():
        # One reveal of a person at a time: the next one counts the row that this one writes.
        advisory_lock(f"reveals:{actor.user_id}")
        recent = RevealGrant.objects.filter(user_id=actor.user_id, created_at__gt=moment - WINDOW)
        times = list(recent.order_by("created_at").values_list("created_at", flat=True))
        if len(times) < settings.REVEALS_PER_HOUR:
            grant: RevealGrant = RevealGrant.objects.create(
                user_id=person,
                object_type=object_type,
                object_id=object_id,
                fields=sorted(set(fields)),
                reason=text[:500],
                created_at=moment,
                expires_at=moment + settings.REVEAL_FOR,
            )
            facts = {"fields": grant.fields, "grant": str(grant.pk), "until": grant.expires_at.isoformat()}
            entries = [Fact(actor, ACCESSED, object_type, object_id, facts=facts)]
            if len(times) + 1 >= settings.REVEALS_NOTICED:
                entries += _alert(actor, "PII_ACCESS_FREQUENT", len(times) + 1, moment)
            chain.record_all(entries)
            return grant
        chain.record_all(_alert(actor, "PII_ACCESS_LIMITED", len(times), moment))
    ends = times[len(times) - settings.REVEALS_PER_HOUR] + WINDOW if settings.REVEALS_PER_HOUR else moment + WINDOW
    seconds = math.ceil((ends - moment).total_seconds())
    minutes = math.ceil(seconds / 60)
    raise TooMany(
        f"You can show personal data {settings.REVEALS_PER_HOUR} times an hour. "
        f"Try again in {minutes} minute{'' if minutes == 1 else 's'}.",
        code="too_many_reveals",
        limit=settings.REVEALS_PER_HOUR,
        retry_after=seconds,
    )


def _alert(actor: Actor, action: str, count: int, moment: datetime) -> list[Fact]:
    """Leave others who may read the audit log a notice, once an hour by its entry, which is returned."""
    membership_id = Membership.objects.values_list("pk", flat=True).get(user_id=actor.user_id)
    last = chain.last_of(MEMBERSHIP, membership_id, lambda entry: entry.action == action)
    if last is not None and last.at > moment - WINDOW:
        return []
    readers = frozenset(roster().holding(READ_AUDIT))
    notices.leave(
        people=readers - {actor.user_id} or readers,
        kind=NOTICE,
        title="Personal data is shown often" if action == "PII_ACCESS_FREQUENT" else "Limit of shown personal data",
        body=f"One person has shown personal data {count} times within an hour. Check who it was and why.",
        link=f"{reverse('admin:core_auditentry_changelist')}?action=PII_ACCESSED",
        level="alert",
        now=moment,
    )
    facts = {"count": count, "limit": settings.REVEALS_PER_HOUR}
    return [Fact(actor, action, MEMBERSHIP, membership_id, facts=facts)]


def get_active_reveal(
    *, actor: Actor, object_type: str, object_id: UUID, now: datetime | None = None
) -> ActiveReveal | None:
    """Return what the actor's open grants reveal of an object together, or None. At most two queries.

    A later grant never shortens an earlier one. `expires_at` is when the first field is masked again. A grant counts as
    the audit log has it: one that is not there, because somebody wrote the row, reveals nothing.
    """
    if actor.user_id is None or not actor.may("accounts.view_pii"):
        return None
    moment, about = now or clock_now(), {"object_type": object_type, "object_id": object_id}
    grants = RevealGrant.objects.filter(user_id=actor.user_id, expires_at__gt=moment, **about)
    keys = [str(key) for key in grants.values_list("pk", flat=True)]
    told = AuditEntry.objects.filter(action=ACCESSED, actor_user_id=actor.user_id, facts__grant__in=keys, **about)
    ends: dict[str, datetime] = {}
    for entry in filter(chain.is_genuine, told if keys else ()):
        until = datetime.fromisoformat(entry.facts.get("until", NEVER))
        if until > moment:
            ends |= {field: max(until, ends.get(field, until)) for field in entry.facts["fields"]}
    return ActiveReveal(frozenset(ends), min(ends.values())) if ends else None


def require_grant(*, actor: Actor, object_type: str, object_id: UUID, field: str) -> None:
    """Raise `Refused` ("no_grant") unless an open grant of the actor names the field."""
    active = get_active_reveal(actor=actor, object_type=object_type, object_id=object_id)
    if active is None or field not in active.fields:
        raise Refused("This is personal data. Reveal it with a reason first.", code="no_grant")
