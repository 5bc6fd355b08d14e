"""Erase a contact: their conversations and every trace of them elsewhere."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from conversations.models import Contact, ContactPoint
from core.actors import Actor
from core.db.locks import locked
from core.errors import Conflict
from core.models import Erasure
from core.privacy.erasure import services as erasures

ERASE: Final = "conversations.erase_contact"


def erase_contact(*, actor: Actor, contact_id: UUID, reason: str, now: datetime | None = None) -> Erasure:
    """Erase a contact permanently and return the erasure.

    A repeat returns the same one.
    Name, addresses, tags and custom fields go at once and open conversations are closed; a worker does the rest. Who
    writes again is a new contact. `reason` is one of `Erasure.Reason`. Needs
    `conversations.erase_contact` and a second factor. What was merged into the contact is erased with it. Raises
    `Refused`, `Invalid`, `NotFound`, and `Conflict`: "in_the_way" naming the requests that are being executed,
    "merged" with the `contact_id` of the contact that this one was merged into. Writes
    `contact.erasure_asked`, and `contact.erased` at the end.
    """
    erasures.require_eraser(actor=actor, permission=ERASE, reason=reason)
    with transaction.atomic():
        contact = lock_whole(contact_id)
        if contact.merged_into_id and not contact.erased_at:
            problem = "This contact was merged into another one. Erase that one: it has the data of both."
            raise Conflict(problem, code="merged", contact_id=str(contact.merged_into_id))
        return erasures.open_erasure(
            actor=actor,
            subject_type=erasures.Subject.CONTACT,
            subject_id=contact_id,
            reason=reason,
            targets={"contacts": [contact_id]},
            now=now,
        )


def lock_whole(contact_id: UUID) -> Contact:
    """Return a contact, locked with its addresses: no message of theirs arrives meanwhile. Raises `NotFound`."""
    # The addresses first, as a message that arrives locks them: see `message_store`.
    points = ContactPoint.objects.select_for_update(of=("self",)).filter(contact=contact_id)
    list(points.order_by("pk").values_list("pk"))
    return locked(Contact, contact_id, "There is no such contact.")
