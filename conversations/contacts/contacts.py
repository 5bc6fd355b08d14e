"""Find, create, name, link and tag contacts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.permissions import shares
from accounts.selectors import is_active_member
from conversations import texts
from conversations.contacts import names, points
from conversations.contacts.fields import NAME_LIMIT, language_code, masked
from conversations.contacts.selectors.directory import VIEW_CONTACT
from conversations.models import Contact, ContactPoint, ContactTag
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.db.locks import locked
from core.errors import Conflict, Invalid, NotFound, Refused
from core.privacy.encryption import blind_index
from core.reach import ledger

REPLY: Final = "conversations.reply_conversation"
_TAG = re.compile(r"[\w][\w .&+-]{0,59}")
_NUMBER = re.compile(r"(?:\W*\d){6,}\W*")


class ContactErased(Conflict):
    """The contact was erased after it was found."""

    default_code = "erased"


@dataclass(frozen=True, slots=True)
class FoundContact:
    """The contact behind a point, with what receiving needs."""

    contact_id: UUID
    origin_id: UUID | None
    user_id: UUID | None
    point_id: UUID
    is_verified: bool
    has_name: bool
    has_language: bool

    @property
    def record_id(self) -> UUID:
        """Return the contact that the address had before any merge: its name and rights are the address's."""
        return self.origin_id or self.contact_id


def record_view(*, actor: Actor, contact: Contact) -> None:
    """Record that someone looked at a contact's details.

    Every look is an audit entry. `contact` is the row as the caller has just read it for the actor. Needs
    `conversations.view_contact`. Writes `CONTACT_VIEWED`.
    """
    shares.require(actor, shares.CONTACT, VIEW_CONTACT)
    with transaction.atomic():
        chain.note(actor, "CONTACT_VIEWED", contact)


def point_index(kind: str, value: str) -> str:
    return blind_index(points.index_form(kind, value), column=points.COLUMN)


def together_with(index: str) -> list[str]:
    """Return the indexes of the addresses that say the same as this one: a number and the id of one account."""
    own = ContactPoint.objects.filter(value_index=index).only("contact_id", "origin_id", "kind").first()
    if own is None:
        return []
    rows = ContactPoint.objects.filter(contact_id=own.contact_id, origin_id=own.origin_id)
    same = rows.filter(kind__in=points.same_channel(own.kind)).exclude(value_index=index)
    return list(same.values_list("value_index", flat=True))


def find_or_create(sender: SenderIdentity, index: str) -> FoundContact:
    """Return the contact of a sender, created if new, once even if concurrent.

    Runs in a transaction. The address is locked before its contact, as everywhere.
    """
    found = _find(sender.kind, index, lock=True)
    if found is None:
        name = name_of(sender)
        contact = Contact.objects.create(
            display_name=name,
            masked_name=masked("name", name),
            user_id=_colleague(sender),
            language=language_code(sender.language),
        )
        insert_point(contact, sender, index, is_primary=True)
        winner = _find(sender.kind, index, lock=True)
        if winner is None:
            raise NotFound
        if winner.contact_id != contact.pk:
            contact.delete()
        found = winner
    elif not found.has_name and (name := name_of(sender)):
        unnamed = Contact.objects.filter(pk=found.record_id, masked_name="", erased_at=None)
        if unnamed.update(display_name=name, masked_name=masked("name", name)):
            names.mask_again(found.record_id)
    if not found.has_language and (language := language_code(sender.language)):
        silent = Contact.objects.filter(pk__in={found.contact_id, found.record_id}, language="", erased_at=None)
        silent.update(language=language)
    # The channel has proven: the point is verified, the contact is a colleague.
    user_id = found.user_id
    if sender.verified and not found.is_verified:
        ContactPoint.objects.filter(pk=found.point_id).update(is_verified=True)
    if user_id is None and (user_id := _colleague(sender)):
        Contact.objects.filter(pk=found.record_id, user=None).update(user_id=user_id)
    return replace(found, user_id=user_id, is_verified=sender.verified)


def name_of(sender: SenderIdentity) -> str:
    """Return the name that a channel gives its sender, cut to what is stored; "" for none or a phone number."""
    name = texts.clean(sender.display_name).strip()[:NAME_LIMIT]
    # WhatsApp names a person by their number until it knows better; the name that comes later is then taken.
    is_number = sender.kind in points.same_channel("phone") and _NUMBER.fullmatch(name)
    return "" if is_number else name


def _find(kind: str, index: str, *, lock: bool = False) -> FoundContact | None:
    place = ("id", "contact_id", "origin_id", "is_verified")
    known = ("user_id", "masked_name", "language")
    rows = ContactPoint.objects.filter(kind=kind, value_index=index)
    columns = (*place, *(f"{side}__{name}" for side in ("contact", "origin") for name in known))
    row = (rows.select_for_update(of=("self",)) if lock else rows).values_list(*columns).first()
    if row is None:
        return None
    point_id, contact_id, origin_id, is_verified = row[:4]
    user_id, name, language = row[7:] if origin_id else row[4:7]
    return FoundContact(contact_id, origin_id, user_id, point_id, is_verified, bool(name), bool(language and row[6]))


def insert_point(
    contact: Contact, sender: SenderIdentity, index: str, *, is_primary: bool, origin_id: UUID | None = None
) -> None:
    value = points.normalise(sender.kind, sender.value)
    point = ContactPoint(
        contact=contact,
        origin_id=origin_id,
        kind=sender.kind,
        value=value,
        value_index=index,
        masked_value=masked(sender.kind, value),
        is_verified=sender.verified,
        is_primary=is_primary,
    )
    # Waits for a concurrent insert of the same point, and does nothing when that commits.
    ContactPoint.objects.bulk_create([point], ignore_conflicts=True)


def introduce(*, actor: Actor, sender: SenderIdentity) -> UUID:
    """Create the contact of an address before it writes, and return its id.

    Safe to repeat. With a verified `user_id` the contact is that colleague; only the system may say so, people use
    `link_contact_to_user`. Needs `accounts.manage_membership`; raises `Refused`, and `Invalid` for a bad address.
    """
    actor.require("accounts.manage_membership")
    if sender.user_id is not None and actor.kind != "system":
        raise Refused("Link the contact to the colleague instead, so that it's recorded who did.")
    with transaction.atomic():
        found = find_or_create(sender, point_index(sender.kind, sender.value))
        chain.note(actor, "CONTACT_INTRODUCED", Contact(pk=found.contact_id), user=str(found.user_id or ""))
    return found.contact_id


def add_point(*, actor: Actor, beside: SenderIdentity, sender: SenderIdentity) -> bool:
    """Add another address to the contact of one; return True if it is theirs now.

    False if any contact has it already, or nobody has that one. For channels only, which have proof that both belong
    together. It is on that one's side of a merged contact. A block of the contact holds for it too. Raises `Refused`,
    `Invalid`.
    """
    if actor.kind != "system":
        raise Refused("Only the channel itself can add an address.")
    index = point_index(sender.kind, sender.value)
    if _find(sender.kind, index) is not None:
        return False
    with transaction.atomic():
        # Locked first, as merges do: they come before or after, and the contact is the one who has it then.
        rows = ContactPoint.objects.select_for_update().filter(kind=beside.kind)
        of = rows.filter(value_index=point_index(beside.kind, beside.value)).first()
        if of is None:
            return False
        contact, origin_id = lock_contact(of.contact_id), of.origin_id
        same_kind = ContactPoint.objects.filter(contact=contact, origin_id=origin_id, kind=sender.kind)
        insert_point(contact, sender, index, is_primary=not same_kind.exists(), origin_id=origin_id)
        own = _find(sender.kind, index)
        if own is None or own.contact_id != contact.pk:
            # Another contact got it since the look above: no block of this one is theirs.
            return False
        theirs = ContactPoint.objects.filter(contact=contact, origin_id=origin_id).exclude(value_index=index)
        ledger.copy_blocks(list(theirs.values_list("value_index", flat=True)), index)
    return True


def known_identity(identities: Sequence[SenderIdentity]) -> SenderIdentity:
    """Return the identity that belongs to a contact already, else the first.

    A person who once hid their phone number is found by the provider's id. `identities` must not be empty.
    """
    if len(identities) == 1:
        return identities[0]
    return next((one for one in identities if has_contact(one)), identities[0])


def has_contact(sender: SenderIdentity) -> bool:
    """Return True if a contact has this address."""
    return _find(sender.kind, point_index(sender.kind, sender.value)) is not None


def _colleague(sender: SenderIdentity) -> UUID | None:
    is_proven = sender.verified and sender.user_id is not None and is_active_member(sender.user_id)
    return sender.user_id if is_proven else None


def link_contact_to_user(*, actor: Actor, contact_id: UUID, user_id: UUID | None) -> Contact:
    """Link a contact to a colleague, or to nobody with None.

    The colleague and the actor then count for four eyes: neither may approve requests made through the contact.
    Addresses that came with a merged contact keep the link of that contact, which can still be ended. Needs
    `accounts.manage_membership`; raises `NotFound`, and `Invalid` for someone who is not a member.
    """
    actor.require("accounts.manage_membership")
    if user_id is not None and not is_active_member(user_id):
        raise Invalid("This person isn't a member of this organisation.", fields={"user": ["Choose a colleague."]})
    with transaction.atomic():
        contact = lock_contact(contact_id, may_be_merged=user_id is None)
        if contact.user_id != user_id:
            # A repeat changes nothing, so that nobody can take over who made the link.
            contact.user_id, contact.linked_by_id = user_id, actor.user_id if user_id else None
            contact.save(update_fields=["user", "linked_by"])
        chain.note(actor, "CONTACT_LINKED", contact, user=str(user_id or ""))
    return contact


def add_tag(*, actor: Actor, contact_id: UUID, name: str) -> ContactTag:
    """Tag a contact, which adds it to an audience. Safe to repeat.

    Needs `conversations.reply_conversation`; raises `NotFound`, and `Invalid` for a bad name.
    """
    actor.require("conversations.reply_conversation")
    word = " ".join(name.split())
    if not _TAG.fullmatch(word):
        raise Invalid("A tag has to be a short word.", fields={"name": ["Use letters, digits and spaces."]})
    with transaction.atomic():
        contact = lock_contact(contact_id)
        tag: ContactTag
        tag, created = ContactTag.objects.get_or_create(contact=contact, name=word)
        if created:
            chain.note(actor, "CONTACT_TAGGED", contact, tag=str(tag.pk))
    return tag


def remove_tag(*, actor: Actor, contact_id: UUID, name: str) -> None:
    """Remove a contact's tag.

    Needs `conversations.reply_conversation`; raises `NotFound`.
    """
    actor.require("conversations.reply_conversation")
    with transaction.atomic():
        if not ContactTag.objects.filter(contact_id=contact_id, name=name).delete()[0]:
            raise NotFound
        chain.note(actor, "CONTACT_UNTAGGED", Contact(pk=contact_id))


def lock_to_edit(actor: Actor, contact_id: UUID) -> Contact:
    """Return a contact, locked, that an actor may edit: by their role, or as it is shared with them to act.

    Raises `Refused`, and as `lock_contact` does.
    """
    shares.require(actor, shares.CONTACT, REPLY)
    rows = Contact.objects.filter(shares.within(actor, shares.CONTACT, REPLY), pk=contact_id)
    if not actor.may(REPLY) and not rows.exists():
        raise NotFound
    return lock_contact(contact_id)


def lock_contact(contact_id: UUID, *, may_be_merged: bool = False) -> Contact:
    """Return a contact, locked. Raises `NotFound`, `ContactErased`, and `Conflict` ("merged")."""
    contact = locked(Contact, contact_id)
    if contact.erased_at is not None:
        raise ContactErased("This contact has been erased.")
    if contact.merged_into_id is not None and not may_be_merged:
        problem = "This contact was merged into another one. Open that one."
        raise Conflict(problem, code="merged", contact_id=str(contact.merged_into_id))
    return contact
