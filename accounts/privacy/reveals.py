"""Reveals: seeing personal data unmasked for a few minutes, with a reason, recorded in the audit log."""

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
    the reason stays on the grant.
    """
    actor.require("accounts.view_pii")
    if actor.user_id is None:
        raise Refused("Only a person can reveal personal data.")
    text = reason.strip()
    if len(text) < SHORTEST_REASON:
        raise Invalid("Give a reason for revealing this.", fields={"reason": ["Write a few more words."]})
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


def get_active_reveal(
    *, actor: Actor, object_type: str, object_id: UUID, now: datetime | None = None
) -> ActiveReveal | None:
    """Return what the actor's open grants reveal of an object together, or None.

    A later grant never shortens an earlier one. `expires_at` is when the first field is masked again.
    """
    if actor.user_id is None or not actor.may("accounts.view_pii"):
        return None
    grants = RevealGrant.objects.filter(
        user_id=actor.user_id, object_type=object_type, object_id=object_id, expires_at__gt=now or clock_now()
    )
    ends: dict[str, datetime] = {}
    for grant in grants.order_by("expires_at"):
        ends |= dict.fromkeys(grant.fields, grant.expires_at)
    return ActiveReveal(frozenset(ends), min(ends.values())) if ends else None


def require_grant(*, actor: Actor, object_type: str, object_id: UUID, field: str) -> None:
    """Raise `Refused` ("no_grant") unless an open grant of the actor names the field."""
    active = get_active_reveal(actor=actor, object_type=object_type, object_id=object_id)
    if active is None or field not in active.fields:
        raise Refused("This is personal data. Reveal it with a reason first.", code="no_grant")
