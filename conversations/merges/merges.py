"""Merge two contacts of the same person, and take it back.

Every address keeps what it proves: addresses and conversations that came with a merged contact name it as their
`origin`, and get neither the rights, nor the answers, nor the chat history of the other's addresses.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, UUIDField, Value
from django.db.models.functions import Coalesce, NullIf

from accounts.selectors import names_of_members
from conversations import texts
from conversations.contacts import names
from conversations.contacts.fields import COLUMNS, FIELDS
from conversations.contacts.selectors.names import names_of_contact
from conversations.events import stream_events
from conversations.inbox.teams.seen import require_all_seen
from conversations.merges.selectors import MERGE, require_whole
from conversations.models import (
    AudienceSend,
    Contact,
    ContactMerge,
    ContactPoint,
    ContactTag,
    Conversation,
    CustomValue,
)
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, Invalid, NotFound
from core.privacy.pii import mask_text
from core.privacy.retention.holds import lock_holds

UNDO_WITHIN: Final = timedelta(days=14)
REASON_LIMIT: Final = 500
MISSING: Final = "There is no such contact."


def merge_contacts(
    *, actor: Actor, contact_id: UUID, into_id: UUID, reason: str, now: datetime | None = None
) -> ContactMerge:
    """Merge a contact into another one of the same person.

    Its addresses, conversations and tags go to the other one, which new messages find, and the values of custom fields
    that the other one hasn't got. Blocks and consents stay with the addresses. Needs `conversations.merge_contact`.
    Raises `Refused`, also for somebody limited to teams who doesn't see all conversations of both ("not_all_seen"),
    `NotFound`, `Invalid` for a contact with itself or without a reason, and `Conflict`: "erased", "merged",
    "different_colleagues" for contacts of two colleagues, "changed" when an address was added at the same moment.
    Writes `CONTACT_MERGED` about both.
    """
    actor.require(MERGE)
    if contact_id == into_id:
        raise Invalid("A contact can't be merged with itself.", fields={"into_id": ["Choose another contact."]})
    why = texts.clean(reason).strip()
    if not why or len(why) > REASON_LIMIT:
        problem = f"Say in at most {REASON_LIMIT} characters why they are the same person."
        raise Invalid(problem, fields={"reason": [problem]})
    with transaction.atomic():
        contact, into = _locked_pair(contact_id, into_id)
        require_all_seen(actor, [contact_id, into_id])
        require_whole(contact, into)
        refuse_two_colleagues(contact, into)
        talks = _locked_talks([contact.pk])
        has = ContactTag.objects.filter(contact=into).values_list("name", flat=True)
        rows = ContactTag.objects.filter(contact=contact).exclude(name__in=list(has))
        ids = _ids(rows)
        ContactTag.objects.filter(pk__in=ids).update(contact=into)
        known = CustomValue.objects.filter(contact=into).values_list("field", flat=True)
        values = _ids(CustomValue.objects.filter(contact=contact).exclude(field__in=list(known)))
        CustomValue.objects.filter(pk__in=values).update(contact=into)
        moved: dict[str, Any] = {
            "points": _ids(ContactPoint.objects.filter(contact=contact)),
            "conversations": [str(talk.pk) for talk in talks],
            "tags": ids,
            "values": values,
            "earlier": _ids(Contact.objects.filter(merged_into=contact)),
            "fields": _fill_in(contact, into),
        }
        came_with = Coalesce(F("origin_id"), Value(contact.pk), output_field=UUIDField())
        for model in (ContactPoint, Conversation):
            model.objects.filter(contact=contact).update(contact=into, origin=came_with)
        # A campaign that reached one of them doesn't message the person once more; it stays so after an undo.
        keys = AudienceSend.objects.filter(contact=contact, left_out="").values_list("send_key", flat=True)
        sends = [AudienceSend(send_key=key, contact=into) for key in keys]
        AudienceSend.objects.bulk_create(sends, ignore_conflicts=True)
        Contact.objects.filter(merged_into=contact).update(merged_into=into)
        Contact.objects.filter(pk=contact.pk).update(merged_into=into)
        merge: ContactMerge = ContactMerge.objects.create(
            contact=into,
            merged=contact,
            reason=why,
            masked_reason=mask_text(why, names_of_contact(into.pk), names_of_members()),
            moved=moved,
            merged_by_id=actor.user_id,
            merged_at=now or clock_now(),
        )
        names.mask_again(into.pk)
        _publish(talks)
        _record(actor, "CONTACT_MERGED", merge, **{kind: len(found) for kind, found in moved.items()})
    return merge


def undo_merge(*, actor: Actor, contact_id: UUID, now: datetime | None = None) -> ContactMerge:
    """Take a merged contact out of the other one again, within 14 days.

    Its addresses go back with all of their conversations, also those that began since: an answer in one of them must
    not go to the other person. Tags that moved go back if they are still there; what colleagues wrote down since
    stays with the other contact. Needs `conversations.merge_contact`. Raises `Refused`, `NotFound`, and `Conflict`:
    "not_merged", "erased", "merged_further", "too_late", "on_hold". Writes `CONTACT_MERGE_UNDONE` about both.
    """
    actor.require(MERGE)
    moment = now or clock_now()
    with transaction.atomic():
        merge: ContactMerge | None = ContactMerge.objects.filter(merged=contact_id, undone_at=None).first()
        if merge is None:
            if not Contact.objects.filter(pk=contact_id).exists():
                raise NotFound(MISSING)
            raise Conflict("This contact isn't merged into another one.", code="not_merged")
        contact, into = _locked_pair(contact_id, merge.contact_id)
        require_all_seen(actor, [contact.pk, into.pk])
        problem = why_not_undo(merge, contact, into, moment)
        if problem is not None:
            raise problem
        held = lock_holds()
        if not held.everything and held.keeps(contacts=[contact.pk, into.pk], conversations=()):
            say = "They are on legal hold as one person, and one of them would no longer be. Lift the hold first."
            raise Conflict(say, code="on_hold")
        if not ContactMerge.objects.filter(pk=merge.pk, undone_at=None).update(
            undone_at=moment, undone_by_id=actor.user_id
        ):
            raise Conflict("This contact isn't merged into another one.", code="not_merged")
        records = [contact.pk, *(UUID(key) for key in merge.moved["earlier"])]
        talks = _locked_talks([into.pk], origin__in=records)
        origin = NullIf(F("origin_id"), Value(contact.pk), output_field=UUIDField())
        for model in (ContactPoint, Conversation):
            model.objects.filter(contact=into, origin__in=records).update(contact=contact, origin=origin)
        has = ContactTag.objects.filter(contact=contact).values_list("name", flat=True)
        gone = ContactTag.objects.filter(pk__in=merge.moved["tags"], contact=into).exclude(name__in=list(has))
        gone.update(contact=contact)
        known = CustomValue.objects.filter(contact=contact).values_list("field", flat=True)
        moved = CustomValue.objects.filter(pk__in=merge.moved.get("values", ()), contact=into)
        moved.exclude(field__in=list(known)).filter(changed_at__lte=merge.merged_at).update(contact=contact)
        _empty_again(merge, contact, into)
        Contact.objects.filter(pk__in=records[1:], merged_into=into).update(merged_into=contact)
        Contact.objects.filter(pk=contact.pk).update(merged_into=None)
        merge.refresh_from_db()
        _publish(talks)
        _record(actor, "CONTACT_MERGE_UNDONE", merge, conversations=len(talks))
    return merge


def why_not_undo(merge: ContactMerge, contact: Contact, into: Contact, now: datetime) -> Conflict | None:
    """Return why a merge can't be undone; None if it can."""
    if contact.erased_at is not None or into.erased_at is not None:
        return Conflict("This person was erased, so there is nothing to undo.", code="erased")
    if into.merged_into_id is not None:
        return Conflict("The other contact was merged further. Undo that merge first.", code="merged_further")
    if now >= merge.merged_at + UNDO_WITHIN:
        return Conflict(f"A merge can be undone for {UNDO_WITHIN.days} days.", code="too_late")
    return None


def refuse_two_colleagues(contact: Contact, into: Contact) -> None:
    """Raise `Conflict` if two contacts are linked to different colleagues.

    Those merged into them count.
    """
    people = Contact.objects.filter(user__isnull=False)
    both = people.filter(pk__in=[contact.pk, into.pk]) | people.filter(merged_into__in=[contact.pk, into.pk])
    if len(set(both.values_list("user_id", flat=True))) > 1:
        problem = "They are linked to two different colleagues, so they can't be the same person."
        raise Conflict(problem, code="different_colleagues")


def _locked_pair(contact_id: UUID, into_id: UUID) -> tuple[Contact, Contact]:
    """Lock both contacts and their addresses, the addresses first, as a message that arrives does."""
    pair = [contact_id, into_id]
    points = ContactPoint.objects.select_for_update(of=("self",)).filter(contact__in=pair).order_by("pk")
    before = set(points.values_list("pk", flat=True))
    rows = Contact.objects.select_for_update(of=("self",)).filter(pk__in=pair).order_by("pk")
    found = {row.pk: row for row in rows}
    if len(found) != len(pair):
        raise NotFound(MISSING)
    if before != set(ContactPoint.objects.filter(contact__in=pair).values_list("pk", flat=True)):
        raise Conflict("An address was added at the same moment. Try again.", code="changed")
    return found[contact_id], found[into_id]


def _locked_talks(contacts: Collection[UUID], **those: Any) -> list[Conversation]:
    """Lock conversations in the order in which others lock several of them."""
    rows = Conversation.objects.select_for_update(of=("self",)).filter(contact__in=contacts, **those)
    return list(rows.order_by("pk"))


def _fill_in(contact: Contact, into: Contact) -> list[str]:
    """Give the other contact the fields that it hasn't got, and return what it got."""
    given = [field for field in FIELDS if field.is_in(contact) and not field.is_in(into)]
    for column in (column for field in given for column in field.columns):
        setattr(into, column, getattr(contact, column))
    if given:
        into.save(update_fields=COLUMNS)
    return [field.name for field in given]


def _empty_again(merge: ContactMerge, contact: Contact, into: Contact) -> None:
    """Take back what `_fill_in` gave, unless somebody changed it since."""
    given = [field for field in FIELDS if field.name in merge.moved["fields"]]
    for field in given:
        if getattr(into, field.columns[0]) == getattr(contact, field.columns[0]):
            for column in field.columns:
                setattr(into, column, "")
    if given:
        into.save(update_fields=COLUMNS)


def _publish(talks: Collection[Conversation]) -> None:
    """Tell the lists of conversations that the customer of those that are live has another name."""
    live = [talk.pk for talk in talks if talk.state != Conversation.State.CLOSED]
    stream_events.append_all_to_inbox(Conversation.objects.filter(pk__in=live).order_by("pk"), "conversation_merged")


def _ids(rows: Any) -> list[str]:
    return [str(key) for key in rows.order_by("pk").values_list("pk", flat=True)]


def _record(actor: Actor, action: str, merge: ContactMerge, **facts: Any) -> None:
    """Write an entry about each of the two contacts."""
    about = {"merge": str(merge.pk), "merged": str(merge.merged_id), "into": str(merge.contact_id)}
    for contact_id in (merge.merged_id, merge.contact_id):
        chain.note(actor, action, Contact(pk=contact_id), **about, **facts)
