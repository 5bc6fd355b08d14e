"""Erasing a contact: what was said with him, and every trace of him elsewhere."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from conversations.models import Contact
from core.actors import Actor
from core.errors import NotFound
from core.models import Erasure
from core.privacy.erasure import services as erasures

ERASE: Final = "conversations.erase_contact"


def erase_contact(*, actor: Actor, contact_id: UUID, reason: str, now: datetime | None = None) -> Erasure:
    """Erase an outside person for good and return how far that is; a repeat returns the same erasure.

    Name, addresses and tags go at once, open conversations are closed, and who writes again is a new
    contact; a worker does the rest. `reason` is one of `Erasure.Reason`. Needs
    `conversations.erase_contact` and a second factor. Raises `Refused`, `Invalid`, `NotFound`, and
    `Conflict` ("in_the_way") naming the requests that are being carried out. Writes
    `contact.erasure_asked`, and `contact.erased` at the end. Announces nothing.
    """
    erasures.require_eraser(actor=actor, permission=ERASE, reason=reason)
    with transaction.atomic():
        if Contact.objects.select_for_update(of=("self",)).filter(pk=contact_id).values_list("pk").first() is None:
            raise NotFound("There is no such contact.")
        return erasures.open_erasure(
            actor=actor,
            subject_type=erasures.Subject.CONTACT,
            subject_id=contact_id,
            reason=reason,
            targets={"contacts": [contact_id]},
            now=now,
        )
