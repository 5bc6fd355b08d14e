"""Legal holds: what they keep from going, placing them, and lifting them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import advisory_lock, locked
from core.errors import Conflict, Invalid
from core.models import LegalHold
from core.tenancy.scope import platform_scope

VIEW: Final = "core.view_erasures"
MANAGE: Final = "core.manage_retention"
MISSING: Final = "This legal hold doesn't exist."
Subject = LegalHold.Subject
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,59}")


@dataclass(frozen=True, slots=True)
class Held:
    """What is held: the whole organisation, or contacts and conversations with all that hangs on them."""

    everything: bool = False
    contacts: frozenset[UUID] = frozenset()
    conversations: frozenset[UUID] = frozenset()

    def keeps(self, *, contacts: Collection[UUID], conversations: Collection[UUID]) -> bool:
        """Return True if any of these is held."""
        return self.everything or bool(self.contacts & {*contacts} or self.conversations & {*conversations})


class HoldSubjects(ABC):
    """Knows the contacts and conversations that holds are about."""

    @abstractmethod
    def require(self, subject_type: str, subject_id: UUID) -> None:
        """Raise NotFound for what isn't there, Conflict for what is erased already."""

    @abstractmethod
    def reach(self, contacts: Collection[UUID], conversations: Collection[UUID]) -> Held:
        """Return these with all that belongs to the same people, contacts that were merged included."""


_subjects: list[HoldSubjects] = []


def hold_with(subjects: HoldSubjects) -> None:
    """Set what knows contacts and conversations, when the app is ready."""
    _subjects[:] = [subjects]


def find_held() -> Held:
    """Return what is held in the tenant in scope. One query while nothing is."""
    open_ones = LegalHold.objects.filter(lifted_at=None).values_list("subject_type", "subject_id")
    ids: dict[str, list[UUID]] = {kind: [] for kind in Subject.values}
    for kind, subject_id in open_ones:
        ids[kind].append(subject_id)
    if ids[Subject.ORGANISATION]:
        return Held(everything=True)
    if not ids[Subject.CONTACT] and not ids[Subject.CONVERSATION]:
        return Held()
    return _subjects[0].reach(ids[Subject.CONTACT], ids[Subject.CONVERSATION])


def not_on_hold() -> Q:
    """Return the condition that a row's organisation isn't held, for sweeps over all of them: in the platform scope."""
    held = LegalHold.objects.filter(subject_type=Subject.ORGANISATION, lifted_at=None)
    return ~Q(tenant_id__in=held.values("tenant_id"))


def is_anything_held() -> bool:
    """Return True if any organisation is held, and let no hold be placed or lifted before the commit.

    For what goes for all of them at once.
    """
    with connection.cursor() as cursor:
        # The ORM has no locks of tables. A hold that isn't committed yet is waited for.
        cursor.execute("lock table core_legalhold in share mode")
    with platform_scope():
        return LegalHold.objects.filter(subject_type=Subject.ORGANISATION, lifted_at=None).exists()


def lock_holds() -> Held:
    """Return what is held, and let no hold be placed or lifted before the commit."""
    advisory_lock("legal-holds")
    return find_held()


def place_hold(
    *, actor: Actor, subject_type: str, subject_id: UUID | None, reference: str, now: datetime | None = None
) -> LegalHold:
    """Place a legal hold on a contact, a conversation or the organisation.

    The organisation has no id. Nothing of what is held goes by its age or is erased from now on. `reference` is that
    of the case, without names. Needs `core.manage_retention`. Raises `Refused`, `Invalid`, `NotFound`, and `Conflict`
    for what is erased already or held for the same case ("on_hold"). Writes `LEGAL_HOLD_PLACED`.
    """
    actor.require(MANAGE)
    person = actor.require_person("Only people place legal holds.")
    words = reference.strip()
    if not _REFERENCE.fullmatch(words):
        say = "Give the case's number, of at most 60 letters, digits, spaces and . / _ -"
        raise Invalid(say, fields={"reference": [say]})
    if subject_type not in Subject.values:
        raise Invalid("Choose what to hold.", fields={"subject_type": ["Choose what to hold."]})
    if (subject_id is None) != (subject_type == Subject.ORGANISATION):
        say = "Name the contact or the conversation, and nothing for a hold on everything."
        raise Invalid(say, fields={"subject_id": [say]})
    with transaction.atomic():
        lock_holds()
        if subject_id is not None:
            _subjects[0].require(subject_type, subject_id)
        values = {"subject_type": subject_type, "subject_id": subject_id, "reference": words}
        if LegalHold.objects.filter(**values, lifted_at=None).exists():
            raise Conflict("This is on hold for the same case already.", code="on_hold")
        hold: LegalHold = LegalHold.objects.create(**values, placed_by=person, placed_at=now or clock_now())
        about = {"subject": subject_type, "subject_id": str(subject_id or "")}
        chain.note(actor, "LEGAL_HOLD_PLACED", hold, new_state="open", **about)
    return hold


def lift_hold(*, actor: Actor, hold_id: UUID, now: datetime | None = None) -> LegalHold:
    """Lift a legal hold: what is old enough goes with the next run. Safe to repeat.

    Needs `core.manage_retention`. Raises `Refused`, `NotFound`. Writes `LEGAL_HOLD_LIFTED`.
    """
    actor.require(MANAGE)
    person = actor.require_person("Only people lift legal holds.")
    with transaction.atomic():
        lock_holds()
        hold = locked(LegalHold, hold_id, MISSING)
        if hold.lifted_at is None:
            hold.lifted_at, hold.lifted_by = now or clock_now(), person
            hold.save(update_fields=["lifted_at", "lifted_by"])
            chain.note(actor, "LEGAL_HOLD_LIFTED", hold, old_state="open", new_state="lifted")
    return hold


def query_holds(*, viewer: Actor) -> QuerySet[LegalHold]:
    """Return the tenant's holds, lifted ones too. Needs `core.view_erasures`."""
    viewer.require(VIEW)
    return LegalHold.objects.all()
