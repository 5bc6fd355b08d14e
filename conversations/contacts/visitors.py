"""Keep what visitors say about themselves before they write."""

import hashlib
from typing import Any

from django.db import transaction

from conversations.contacts import contacts, points
from conversations.contacts.known_people import checked_email
from conversations.models import Contact
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.errors import Refused
from core.models import Consent
from core.privacy.encryption import blind_index
from core.reach import ledger
from core.reach.verdict import latest


def introduce_visitor(*, actor: Actor, sender: SenderIdentity, email: str = "", agreed_to: str = "") -> None:
    """Keep a visitor's name, email address and consent with their contact.

    The address was only typed: nobody is found, reached, merged or erased by it, and each visitor has their own, so
    that it takes nothing from its owner. The consent to a sentence is one to replies in this chat; the sentence's
    digest is in the audit log. Safe to repeat. For contacts only; raises `Refused`, and `Invalid` for what is no
    address. Writes `CONSENT_RECORDED` and `VISITOR_INTRODUCED`.
    """
    if actor.kind != "contact":
        raise Refused("Only visitors introduce themselves.")
    address = checked_email(email) if email.strip() else ""
    index = contacts.point_index(sender.kind, sender.value)
    said: dict[str, Any] = {"named": bool(sender.display_name), "email": False}
    if agreed_to:
        said["wording"] = hashlib.sha256(agreed_to.encode()).hexdigest()[:16]
    with transaction.atomic():
        contact = Contact.objects.get(pk=contacts.find_or_create(sender, index).contact_id)
        if address and not contact.points.filter(kind="typed").exists():
            # Not the index of the address, which many tables are searched by.
            own_index = blind_index(f"{index} {address}", column=points.COLUMN)
            contacts.insert_point(contact, SenderIdentity("typed", address), own_index, is_primary=False)
            said["email"] = True
        said_here = ledger.entries_of([index])[index]
        newest = latest(said_here, ("webchat",), ledger.OF_A_PURPOSE, Consent.Purpose.REPLY)
        if agreed_to and (newest is None or newest.state != Consent.State.GIVEN):
            (line,) = ledger.add_lines(
                address_index=index,
                channel="webchat",
                state=Consent.State.GIVEN,
                source=Consent.Source.CUSTOMER,
                purposes=[Consent.Purpose.REPLY],
                proof={"way": Consent.Way.CHAT, "evidence": said["wording"]},
            )
            facts = {"channel": line.channel, "purpose": str(line.purpose), "state": str(line.state)}
            chain.note(actor, "CONSENT_RECORDED", line, **facts, wording=said["wording"])
        chain.note(actor, "VISITOR_INTRODUCED", contact, **said)
