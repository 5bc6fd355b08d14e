"""Write down contacts by hand: who they are and how they are reached."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from accounts.permissions import shares
from conversations.contacts import contacts, names, points
from conversations.contacts.fields import FIELDS, ContactField
from conversations.custom_fields.values import LOCK, read_values, write_values
from conversations.events import stream_events
from conversations.models import Contact, ContactPoint, CustomField
from conversations.types import PointKind, SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Conflict, Invalid
from core.events.publish import publish

T = TypeVar("T")
Address = tuple[PointKind, str]
REPLY: Final = "conversations.reply_conversation"
_NUMBER: Final = re.compile(r"\+\d{7,15}")


def create_contact(*, actor: Actor, phone: str = "", email: str = "", **said: str) -> Contact:
    """Create a contact with a phone number, an email address or both.

    What is said fills its `FIELDS`; TypeError for others. Nothing is sent, and it says nothing about consent. Needs
    `conversations.reply_conversation`. Raises `Refused`, `Invalid`, and `Conflict` ("known_address") with the
    `contact_id` of the one who has an address already. Writes `CONTACT_CREATED`.
    """
    actor.require(REPLY)
    addresses = _checked(phone, email)
    values = {field: field.read(text) for field, text in _fields(said) if text.strip()}
    with transaction.atomic():
        columns = {column: value for field in values for column, value in field.values(values[field]).items()}
        contact = insert_contact(addresses, **columns)
        note_created(actor, contact, addresses)
    return contact


def insert_contact(addresses: Sequence[Address], **columns: Any) -> Contact:
    """Insert a contact with addresses as they are stored, for a service that calls `note_created` at its end.

    Raises `Conflict` ("known_address") with the `contact_id` of the one who has an address already; roll it back then.
    """
    contact: Contact = Contact.objects.create(**columns)
    for kind, value in addresses:
        index = contacts.point_index(kind, value)
        contacts.insert_point(contact, SenderIdentity(kind, value), index, is_primary=True)
        # Another contact has it, also one that was quicker.
        owner = ContactPoint.objects.get(kind=kind, value_index=index).contact_id
        if owner != contact.pk:
            raise Conflict("Another contact has this address.", code="known_address", contact_id=str(owner))
    return contact


def note_created(actor: Actor, contact: Contact, addresses: Sequence[Address]) -> None:
    """Write `CONTACT_CREATED`."""
    chain.note(actor, "CONTACT_CREATED", contact, addresses=",".join(kind for kind, _ in addresses))


def revise_contact(*, actor: Actor, contact_id: UUID, **said: str | None) -> Contact | None:
    """Change the details of a contact that `FIELDS` names.

    What is None or missing stays; TypeError for other fields. Needs `conversations.reply_conversation`, or that it is
    shared to act. Raises `Refused`, `NotFound`, `Invalid`, `ContactErased`. Writes what each field names, such as
    `CONTACT_NAMED`.
    """
    shares.require(actor, shares.CONTACT, REPLY)
    values = {field: field.read(text) for field, text in _fields(said) if text is not None}
    if not values:
        return None
    with transaction.atomic():
        contact = contacts.lock_to_edit(actor, contact_id)
        _write(actor, {contact: values})
    return contact


def revise_contacts(*, actor: Actor, changes: Mapping[UUID, Mapping[str, str]]) -> set[UUID]:
    """Change the details of several contacts in one transaction.

    As `revise_contact` does, but without those who were erased or merged; returns the ids of the others. Needs
    `conversations.reply_conversation`. Raises `Refused`, `Invalid`.
    """
    actor.require(REPLY)
    read = {of: {field: field.read(text) for field, text in _fields(said)} for of, said in changes.items()}
    with transaction.atomic():
        found = Contact.objects.filter(pk__in=read, erased_at=None, merged_into=None).order_by("pk").select_for_update()
        locked = {contact: read[contact.pk] for contact in found}
        _write(actor, locked)
    return {contact.pk for contact in locked}


def set_contact_fields(*, actor: Actor, contact_id: UUID, values: Mapping[str, Any]) -> Contact:
    """Set values of a contact's custom fields by their keys.

    None or an empty text removes one. Only what is named changes, so that two colleagues who do it at once keep both.
    Needs `conversations.reply_conversation`, or that it is shared to act. Raises `Refused`, `NotFound`, `Invalid` with
    the keys, `ContactErased`, and `Conflict` ("merged"). Writes `CONTACT_FIELDS_SET` with the ids of the
    fields, never the values.
    """
    shares.require(actor, shares.CONTACT, REPLY)
    with transaction.atomic():
        advisory_lock(LOCK, shared=True)  # the fields stay as they are
        contact = contacts.lock_to_edit(actor, contact_id)
        found = read_values(CustomField.Subject.CONTACT, values)
        if changed := write_values(found, contact=contact):
            fact = chain.Fact(
                actor, "CONTACT_FIELDS_SET", contact._meta.label_lower, contact.pk, facts={"fields": changed}
            )
            publish(events=[stream_events.contact_changed(contact.pk)], audit=[fact])
    return contact


def read_detail(*, name: str, text: str) -> str:
    """Return what is stored of a text in one of `FIELDS`.

    Raises `Invalid`, and TypeError for other fields.
    """
    ((field, said),) = _fields({name: text})
    return field.read(said)


def checked_address(address: str) -> Address:
    """Return whether an address is a phone number or an email address, and it as it is stored. Raises `Invalid`."""
    (found,) = _checked("", address) if "@" in address else _checked(address, "")
    return found


def checked_email(email: str) -> str:
    """Return an email address as it is stored. Raises `Invalid` for what is none."""
    try:
        validate_email(email.strip())
    except ValidationError as error:
        raise Invalid("This isn't an email address.", fields={"email": ["Enter an email address."]}) from error
    return points.normalise("email", email)


def _write(actor: Actor, changes: Mapping[Contact, Mapping[ContactField, str]]) -> None:
    """Write the details of locked contacts, the events of all and then the audit entries of all."""
    for contact, values in changes.items():
        columns = {column: value for field in values for column, value in field.values(values[field]).items()}
        for column, value in columns.items():
            setattr(contact, column, value)
        contact.save(update_fields=list(columns))
        if "display_name" in columns:
            names.mask_again(contact.pk)
    publish(
        events=[stream_events.contact_changed(contact.pk) for contact in changes],
        audit=[
            chain.Fact(
                actor,
                field.action,
                contact._meta.label_lower,
                contact.pk,
                facts={field.name: value} if field.is_code else {},
            )
            for contact, values in changes.items()
            for field, value in values.items()
        ],
    )


def _fields(said: Mapping[str, T]) -> list[tuple[ContactField, T]]:
    """Return what is said of each field, in their order."""
    if unknown := said.keys() - {field.name for field in FIELDS}:
        raise TypeError(f"Contacts have no field {', '.join(sorted(unknown))}.")
    return [(field, said[field.name]) for field in FIELDS if field.name in said]


def _checked(phone: str, email: str) -> list[Address]:
    """Return the addresses as they are stored. Raises `Invalid` for none, and for what is no address."""
    found: list[Address] = []
    if phone.strip():
        number = points.normalise("phone", phone) if any(sign.isdigit() for sign in phone) else ""
        if not _NUMBER.fullmatch(number):
            raise Invalid("This isn't a phone number.", fields={"phone": ["Enter it with its country, such as +34."]})
        found.append(("phone", number))
    if email.strip():
        found.append(("email", checked_email(email)))
    if not found:
        raise Invalid("A contact needs an address.", fields={"phone": ["Enter a phone number or an email address."]})
    return found
