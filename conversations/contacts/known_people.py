"""Write down contacts by hand: who they are and how they are reached."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from conversations import texts
from conversations.contacts import contacts, points
from conversations.models import Contact, ContactPoint
from conversations.types import PointKind, SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict, Invalid

REPLY: Final = "conversations.reply_conversation"
_NUMBER: Final = re.compile(r"\+\d{7,15}")


def create_contact(*, actor: Actor, name: str = "", language: str = "", phone: str = "", email: str = "") -> Contact:
    """Create a contact with a phone number, an email address or both.

    Nothing is sent, and it says nothing about consent. Needs `conversations.reply_conversation`. Raises `Refused`,
    `Invalid`, and `Conflict` ("known_address") with the `contact_id` of the one who has an address already. Writes
    `CONTACT_CREATED`.
    """
    actor.require(REPLY)
    addresses = _checked(phone, email)
    shown = texts.checked(name, limit=contacts.NAME_LIMIT).strip() if name.strip() else ""
    code = contacts.language_code(language)
    if language.strip() and not code:
        raise Invalid("This isn't a language.", fields={"language": ["Use a code such as en, de or pt_BR."]})
    with transaction.atomic():
        contact: Contact = Contact.objects.create(
            display_name=shown, masked_name=contacts.masked("name", shown) if shown else "", language=code
        )
        for kind, value in addresses:
            _give(contact, kind, value)
        chain.record(
            actor=actor,
            action="CONTACT_CREATED",
            object_type="conversations.contact",
            object_id=contact.pk,
            facts={"addresses": ",".join(kind for kind, _ in addresses)},
        )
    return contact


def revise_contact(
    *, actor: Actor, contact_id: UUID, name: str | None = None, language: str | None = None
) -> Contact | None:
    """Change a contact's name, language or both; what is None stays.

    Needs `conversations.reply_conversation`. Raises `Refused`, `NotFound`, `Invalid`, `ContactErased`. Writes
    `CONTACT_NAMED`, `CONTACT_LANGUAGE_SET`.
    """
    actor.require(REPLY)
    contact = None
    with transaction.atomic():
        if name is not None:
            contact = contacts.name_contact(actor=actor, contact_id=contact_id, display_name=name)
        if language is not None:
            contact = contacts.set_language(actor=actor, contact_id=contact_id, language=language)
    return contact


def _checked(phone: str, email: str) -> list[tuple[PointKind, str]]:
    """Return the addresses as they are stored. Raises `Invalid` for none, and for what is no address."""
    found: list[tuple[PointKind, str]] = []
    if phone.strip():
        number = points.normalise("phone", phone) if any(sign.isdigit() for sign in phone) else ""
        if not _NUMBER.fullmatch(number):
            raise Invalid("This isn't a phone number.", fields={"phone": ["Enter it with its country, such as +34."]})
        found.append(("phone", number))
    if email.strip():
        try:
            validate_email(email.strip())
        except ValidationError as error:
            raise Invalid("This isn't an email address.", fields={"email": ["Enter an email address."]}) from error
        found.append(("email", points.normalise("email", email)))
    if not found:
        raise Invalid("A contact needs an address.", fields={"phone": ["Enter a phone number or an email address."]})
    return found


def _give(contact: Contact, kind: PointKind, value: str) -> None:
    """Give a new contact an address that nobody has. Raises `Conflict`, also where another was quicker."""
    index = contacts.point_index(kind, value)
    contacts.insert_point(contact, SenderIdentity(kind, value), index, is_primary=True)
    owner = ContactPoint.objects.get(kind=kind, value_index=index).contact_id
    if owner != contact.pk:
        raise Conflict("Another contact has this address.", code="known_address", contact_id=str(owner))
