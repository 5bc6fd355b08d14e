"""Keep what visitors say about themselves before they write."""

import hashlib

from django.db import transaction

from conversations.contacts import contacts
from conversations.contacts.known_people import checked_email
from conversations.models import Contact, ContactPoint
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.errors import Refused
from core.models import Consent
from core.reach import ledger


def introduce_visitor(*, actor: Actor, sender: SenderIdentity, email: str = "", agreed_to: str = "") -> None:
    """Keep a visitor's name and email address as those of a contact, and that they agreed to a sentence.

    The address is not proven: one that another contact has stays theirs. The consent is one to replies in this chat;
    the digest of its sentence is in the audit log. Safe to repeat. For contacts only; raises `Refused`, and `Invalid`
    for what is no address. Writes `CONSENT_RECORDED` and `VISITOR_INTRODUCED`.
    """
    if actor.kind != "contact":
        raise Refused("Only visitors introduce themselves.")
    address = checked_email(email) if email.strip() else ""
    index = contacts.point_index(sender.kind, sender.value)
    with transaction.atomic():
        found = contacts.find_or_create(sender, index)
        contact = Contact.objects.get(pk=found.contact_id)
        is_kept = bool(address) and _keep_address(contact, address)
        wording = hashlib.sha256(agreed_to.encode()).hexdigest()[:16] if agreed_to else ""
        added = _agree(index) if agreed_to else []
        for line in added:
            facts = {"channel": line.channel, "purpose": str(line.purpose), "state": str(line.state)}
            chain.note(actor, "CONSENT_RECORDED", line, **facts, wording=wording)
        chain.note(
            actor, "VISITOR_INTRODUCED", contact, named=bool(sender.display_name), email=is_kept, wording=wording
        )


def _keep_address(contact: Contact, address: str) -> bool:
    """Add an address to a contact; False where another one has it."""
    index = contacts.point_index("email", address)
    has_one = ContactPoint.objects.filter(contact=contact, origin=None, kind="email").exists()
    contacts.insert_point(contact, SenderIdentity("email", address), index, is_primary=not has_one)
    owners = ContactPoint.objects.filter(kind="email", value_index=index)
    return owners.filter(contact=contact).exists()


def _agree(index: str) -> list[Consent]:
    """Add the line of the consent, unless it counts already."""
    known = Consent.objects.filter(address_index=index, channel="webchat", purpose=Consent.Purpose.REPLY)
    newest = known.order_by("-at", "-id").first()
    if newest is not None and newest.state == Consent.State.GIVEN:
        return []
    return ledger.add_lines(
        address_index=index,
        channel="webchat",
        state=Consent.State.GIVEN,
        source=Consent.Source.CUSTOMER,
        purposes=[Consent.Purpose.REPLY],
    )
