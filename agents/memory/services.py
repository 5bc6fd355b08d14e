"""Read, correct and remove what is remembered of a contact."""

from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.privacy.reveals import require_grant
from agents.memory.kinds import CHOICES, clean_value
from agents.memory.models import ContactFact
from agents.memory.notes import replace_fact
from conversations.models import Contact
from conversations.selectors import read_contact
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound

VIEW: Final = "conversations.view_contact"
CHANGE: Final = "conversations.reply_conversation"
CONTACT: Final = "conversations.contact"
SHOWN: Final = 50
MISSING: Final = "There is no such fact."


def query_facts(*, viewer: Actor, contact_id: UUID, clear: bool = False) -> QuerySet[ContactFact]:
    """Return what is remembered of a contact with its history, newest first; without removed ones.

    `clear` needs an open reveal of the contact's field `contact`. Needs `conversations.view_contact`; raises
    `NotFound`, and `Refused` ("no_grant").
    """
    read_contact(viewer=viewer, contact_id=contact_id)
    if clear:
        require_grant(actor=viewer, object_type=CONTACT, object_id=contact_id, field="contact")
    return _rows(contact_id, clear=clear)


def list_facts(*, viewer: Actor, contact_id: UUID, clear: bool = False) -> list[ContactFact]:
    """Return the same for a page about the contact, which has checked what is revealed. One query.

    Needs `conversations.view_contact`.
    """
    viewer.require(VIEW)
    return list(_rows(contact_id, clear=clear)[:SHOWN])


def get_fact(*, viewer: Actor, contact_id: UUID, fact_id: UUID, clear: bool = False) -> ContactFact:
    """Return one fact. Needs what `query_facts` needs; raises `NotFound`."""
    found: ContactFact | None = (
        query_facts(viewer=viewer, contact_id=contact_id, clear=clear).filter(pk=fact_id).first()
    )
    if found is None:
        raise NotFound(MISSING)
    return found


def correct_fact(*, actor: Actor, contact_id: UUID, fact_id: UUID, value: str) -> ContactFact:
    """Put another value in the place of a current fact, which stays as history; return the new one.

    It counts more than what the contact said before. The same value changes nothing. Needs
    `conversations.reply_conversation`; raises `NotFound`, `Invalid`, and `Conflict` ("erased", or "not_current" for a
    fact that was replaced or removed).
    """
    actor.require(CHANGE)
    with transaction.atomic():
        old = _current(contact_id, fact_id)
        clean = clean_value(old.kind, value)
        if not clean:
            raise Invalid("Some fields are not valid.", fields={"value": [problem_of(old.kind)]})
        if clean == old.value:
            return old
        new = replace_fact(old, clean, author_id=actor.user_id)
        _record(actor, "CONTACT_FACT_CORRECTED", old, new=str(new.pk))
    return new


def remove_fact(*, actor: Actor, contact_id: UUID, fact_id: UUID) -> None:
    """Remove a current fact with its history; the message it came from doesn't bring it back.

    Needs `conversations.reply_conversation`; raises `NotFound`, and `Conflict` ("erased", or "not_current").
    """
    actor.require(CHANGE)
    with transaction.atomic():
        fact = _current(contact_id, fact_id)
        moment = now()
        place = ContactFact.objects.filter(contact_id=fact.contact_id, kind=fact.kind, place=fact.place)
        place.filter(superseded_at=None).update(superseded_at=moment)
        place.filter(removed_at=None).update(value="", masked_value="", removed_at=moment)
        _record(actor, "CONTACT_FACT_REMOVED", fact)


def problem_of(kind: str) -> str:
    """Return what is wrong with a value that is none of this kind."""
    if kind in CHOICES:
        return f"Choose one of: {', '.join(CHOICES[kind])}."
    return {
        "preferred_name": "Enter a name of at most three words, in letters.",
        "customer_number": "Enter a number of at most 20 letters and digits.",
        "order_number": "Enter a number of at most 20 letters and digits.",
        "budget_range": "Enter an amount such as “500 EUR”, “up to 500 EUR” or “500–800 EUR”.",
    }.get(kind, "Enter at most six words, without personal data.")


def _rows(contact_id: UUID, *, clear: bool) -> QuerySet[ContactFact]:
    rows = ContactFact.objects.filter(contact__in=_person(contact_id), removed_at=None).select_related("message")
    rows = rows.order_by("-id")
    only: QuerySet[ContactFact] = rows.defer("message__body", "message__masked_body", "message__metadata")
    return only if clear else only.defer("value")


def _person(contact_id: UUID) -> QuerySet[Contact]:
    """Return the contact and those merged into it: people see what is remembered of all of them."""
    rows: QuerySet[Contact] = Contact.objects.filter(Q(pk=contact_id) | Q(merged_into=contact_id)).order_by()
    return rows.values("pk")  # type: ignore[return-value]


def _current(contact_id: UUID, fact_id: UUID) -> ContactFact:
    """Return a current fact; its contact's row is locked."""
    contact = locked(Contact, contact_id, "There is no such contact.")
    if contact.erased_at is not None:
        raise Conflict("This contact has been erased.", code="erased")
    found: ContactFact | None = ContactFact.objects.filter(pk=fact_id, contact__in=_person(contact_id)).first()
    if found is None:
        raise NotFound(MISSING)
    if not found.is_current:
        raise Conflict("This was replaced or removed in the meantime. Reload the page.", code="not_current")
    return found


def _record(actor: Actor, action: str, fact: ContactFact, **facts: str) -> None:
    said = {"fact": str(fact.pk), "kind": fact.kind, **facts}
    chain.record(actor, action, CONTACT, fact.contact_id, facts=said)
