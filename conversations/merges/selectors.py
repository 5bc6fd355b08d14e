"""What speaks for and against two contacts being the same person, and what a merge of them would move."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from conversations.contacts.selectors.directory import VIEW_CONTACT, read_contact
from conversations.inbox.teams.seen import held_conversations, require_all_seen
from conversations.models import Contact, ContactMerge, ContactPoint, Conversation, Message
from core.actors import Actor
from core.errors import Conflict, Invalid

MERGE: Final = "conversations.merge_contact"
LOOKED_AT: Final = 200
"""The newest messages of each contact that are searched for the other's addresses."""
ALIKE: Final = 10
PLACES: Final = ("email", "phone", "username", "customer")
DIGITS: Final = 8
_NUMBER: Final = re.compile(r"\d[\d ()./-]{6,20}\d")


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that speaks for it (`good`), against it (`bad`), or is only worth knowing (`note`); masked."""

    code: str
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class MergePreview:
    """Two contacts, what is known of whether they are one person, and what would move."""

    contact: Contact
    into: Contact
    signs: Sequence[Sign]
    addresses: int
    conversations: int
    open_conversations: int
    tags: Sequence[str]
    merged: int

    @property
    def pair(self) -> tuple[Contact, Contact]:
        """Return both, the one that goes first."""
        return self.contact, self.into


def preview_merge(*, viewer: Actor, contact_id: UUID, into_id: UUID) -> MergePreview:
    """Return what a merge would do. Changes nothing; all that it tells is masked.

    Needs `conversations.merge_contact` and `conversations.view_contact`. Raises `Refused`, also for somebody limited
    to teams who doesn't see all conversations of both ("not_all_seen"), `NotFound`, `Invalid`, and `Conflict`
    ("erased", "merged").
    """
    viewer.require(MERGE)
    if contact_id == into_id:
        raise Invalid("A contact can't be merged with itself.", fields={"into_id": ["Choose another contact."]})
    require_all_seen(viewer, [contact_id, into_id])
    contact, into = (read_contact(viewer=viewer, contact_id=key) for key in (contact_id, into_id))
    require_whole(contact, into)
    talks = held_conversations(viewer).filter(contact=contact)
    has = {tag.name for tag in into.tags.all()}
    return MergePreview(
        contact,
        into,
        signs=_signs(contact, into),
        addresses=len(contact.points.all()),
        conversations=talks.count(),
        open_conversations=talks.exclude(state=Conversation.State.CLOSED).count(),
        tags=sorted(tag.name for tag in contact.tags.all() if tag.name not in has),
        merged=Contact.objects.filter(merged_into=contact).count(),
    )


def require_whole(*contacts: Contact) -> None:
    """Raise `Conflict` for contacts that are erased or merged into others."""
    for contact in contacts:
        if contact.erased_at is not None:
            raise Conflict("This contact has been erased.", code="erased")
        if contact.merged_into_id is not None:
            problem = "This contact was merged into another one already."
            raise Conflict(problem, code="merged", contact_id=str(contact.merged_into_id))


def query_merges(*, viewer: Actor, contact_id: UUID) -> QuerySet[ContactMerge]:
    """Return the merges into or of a contact, newest first, with their people. Needs `conversations.view_contact`."""
    viewer.require(VIEW_CONTACT)
    rows: QuerySet[ContactMerge] = ContactMerge.objects.filter(Q(contact=contact_id) | Q(merged=contact_id))
    people = rows.select_related("contact", "merged", "merged_by", "undone_by")
    return people.defer("reason", "contact__display_name", "merged__display_name").order_by("-id")


def contacts_alike(*, viewer: Actor, contact: Contact) -> list[Contact]:
    """Return other contacts with the same masked name, the newest first. Needs `conversations.view_contact`."""
    viewer.require(VIEW_CONTACT)
    if not contact.masked_name:
        return []
    rows = Contact.objects.filter(masked_name=contact.masked_name, erased_at=None, merged_into=None)
    found = rows.exclude(pk=contact.pk).defer("display_name").prefetch_related("points")
    return list(found.order_by("-id")[:ALIKE])


def _signs(contact: Contact, into: Contact) -> list[Sign]:
    found = [*_names(contact, into), *_colleagues(contact, into)]
    found += _named_addresses(contact, into) + _named_addresses(into, contact)
    for one, which in ((contact, "to merge"), (into, "to keep")):
        if not any(point.is_verified for point in one.points.all()):
            words = f"No address of the contact {which} is proven: anybody may have written from it."
            found.append(Sign("not_proven", "bad", words))
    if not any(sign.tone == "good" for sign in found):
        found.append(Sign("no_evidence", "bad", "Nothing stored here shows that they are the same person."))
    return found


def _names(contact: Contact, into: Contact) -> list[Sign]:
    one, other = (" ".join(each.display_name.casefold().split()) for each in (contact, into))
    if not one or not other:
        return []
    if one == other:
        return [Sign("same_name", "note", f"Both are called {into.masked_name}. Names can be chosen freely.")]
    return [Sign("other_name", "bad", f"They have different names: {contact.masked_name} and {into.masked_name}.")]


def _colleagues(contact: Contact, into: Contact) -> list[Sign]:
    if contact.user_id and contact.user_id == into.user_id:
        return [Sign("same_colleague", "good", "Both are linked to the same colleague.")]
    if contact.user_id and into.user_id:
        return [Sign("different_colleagues", "bad", "They are linked to two different colleagues: that is refused.")]
    if contact.user_id or into.user_id:
        words = "One of them is linked to a colleague. The other's addresses don't get that colleague's rights."
        return [Sign("one_colleague", "note", words)]
    return []


def _named_addresses(contact: Contact, other: Contact) -> list[Sign]:
    """Look for the other's addresses in what a contact wrote, proven messages first."""
    points = list(ContactPoint.objects.filter(contact=other, kind__in=PLACES))
    if not points:
        return []
    mine = Message.objects.filter(conversation__contact=contact, direction=Message.Direction.IN)
    said = list(mine.order_by("-id").only("tenant_id", "body", "sender_verified", "created_at")[:LOOKED_AT])
    found = []
    for point in points:
        hits = [message for message in said if _holds(message.body, point)]
        best = next((message for message in hits if message.sender_verified), hits[0] if hits else None)
        if best is None:
            continue
        proof = "a proven message" if best.sender_verified else "a message without proof of its sender"
        proven = "proven " if point.is_verified else ""
        words = f"{contact.shown_name} named the other's {proven}address {point.masked_value} in {proof}"
        day = f"{best.created_at:%d %b %Y}"
        tone = "good" if best.sender_verified and point.is_verified else "note"
        found.append(Sign("names_the_address", tone, f"{words} on {day}."))
    return found


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def _holds(text: str, point: ContactPoint) -> bool:
    if point.kind == ContactPoint.Kind.PHONE:
        wanted = _digits(point.value)[-DIGITS:]
        return len(wanted) == DIGITS and any(_digits(number).endswith(wanted) for number in _NUMBER.findall(text))
    return len(point.value) > 4 and point.value.casefold() in text.casefold()
