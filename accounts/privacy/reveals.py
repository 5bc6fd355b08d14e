"""Seeing personal data in clear: a grant of a few minutes, with a reason, written to the audit."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import RevealGrant
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid, Refused
from core.registry import Registry

SHORTEST_REASON = 8


class Revealable(ABC):
    """A kind of thing with personal data; registered by the app that keeps it, under the name people use."""

    object_type: ClassVar[str]
    fields: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the masked thing."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """What somebody may see of one thing in clear now, and until when all of it."""

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
    """Open a grant to see the named fields of one object in clear, for `settings.REVEAL_FOR`.

    Needs `accounts.view_pii` and a person behind the actor; raises `Refused` and, for a missing
    reason or no fields, `Invalid`. Writes `PII_ACCESSED` with the fields' names, never the values;
    the reason stays on the grant.
    """
    actor.require("accounts.view_pii")
    if actor.user_id is None:
        raise Refused("Only a person may see personal data in clear.")
    text = reason.strip()
    if len(text) < SHORTEST_REASON:
        raise Invalid("Say why you need to see this.", fields={"reason": ["Write a few words more."]})
    if not fields:
        raise Invalid("Choose what you need to see.", fields={"fields": ["Choose at least one."]})
    moment = now or clock_now()
    grant: RevealGrant
    with transaction.atomic():
        grant = RevealGrant.objects.create(
            user_id=actor.user_id,
            object_type=object_type,
            object_id=object_id,
            fields=sorted(set(fields)),
            reason=text[:500],
            expires_at=moment + settings.REVEAL_FOR,
        )
        facts = {"fields": grant.fields, "grant": str(grant.pk)}
        chain.record(actor=actor, action="PII_ACCESSED", object_type=object_type, object_id=object_id, facts=facts)
    return grant


def open_reveal(*, actor: Actor, object_type: str, object_id: UUID, now: datetime | None = None) -> Revealed | None:
    """Return what the actor's open grants for the object show together; None without one or without the right.

    A later grant takes nothing from an earlier one. `expires_at` is when the first of its fields is hidden again.
    """
    if actor.user_id is None or not actor.may("accounts.view_pii"):
        return None
    grants = RevealGrant.objects.filter(
        user_id=actor.user_id, object_type=object_type, object_id=object_id, expires_at__gt=now or clock_now()
    )
    ends: dict[str, datetime] = {}
    for grant in grants.order_by("expires_at"):
        ends |= dict.fromkeys(grant.fields, grant.expires_at)
    return Revealed(frozenset(ends), min(ends.values())) if ends else None


def require_grant(*, actor: Actor, object_type: str, object_id: UUID, field: str) -> None:
    """Raise `Refused` ("no_grant") unless an open grant of the actor names the field."""
    shown = open_reveal(actor=actor, object_type=object_type, object_id=object_id)
    if shown is None or field not in shown.fields:
        raise Refused("To see personal data, open a reveal and give a reason first.", code="no_grant")
