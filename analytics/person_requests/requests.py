"""Record what people ask of their data, who works on it, and the answer; show their words, and know what is due."""

from calendar import monthrange
from collections.abc import Collection
from datetime import date, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.models import Membership
from accounts.privacy.reveals import REVEALABLES, SHORTEST_REASON, Revealable, require_grant
from accounts.selectors import hold_membership, names_of_members, roster, tenant_zone
from analytics.models import PersonRequest
from conversations.events.stream_events import contact_changed
from conversations.models import Contact, ContactPoint
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.events.publish import publish
from core.models import Consent
from core.observability import facts
from core.observability.facts import Fact
from core.privacy.pii import mask_text
from core.reach import ledger
from core.reach.verdict import ANY, STOPPABLE
from core.text.clean import text_problem

HANDLE: Final = "analytics.handle_requests"
DUE_AFTER: Final = 1
"""Months for an answer (GDPR, article 12(3)), and how many more an extension gives."""
EXTENDED_BY: Final = 2
SOON: Final = timedelta(days=7)
LONGEST: Final = 4_000
MISSING: Final = "There is no such request."
OBJECT: Final = "analytics.personrequest"
WORDS: Final = "words"
"""The field of a reveal."""
Kind, State = PersonRequest.Kind, PersonRequest.State
OUTCOMES: Final = (State.FULFILLED, State.REFUSED, State.WITHDRAWN)


def months_after(day: date, months: int) -> date:
    """Return the same day some months later, the last one of a month that is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def open_for_contact(
    *, actor: Actor, contact_id: UUID, kind: str, received_on: date, wish: str = "", purpose: str = ""
) -> PersonRequest:
    """Record a request of a contact, due a calendar month after it was received.

    An objection to messages (`purpose`) also records an opt-out for each of their addresses. Needs
    `analytics.handle_requests`; raises `NotFound`, `Invalid` with the fields, and `Conflict` for a contact who was
    erased ("erased") or merged into another one ("merged", with their `contact_id`). Writes `PERSON_REQUEST_OPENED`
    and `CONSENT_RECORDED`.
    """
    actor.require(HANDLE)
    row = PersonRequest(kind=kind, received_on=received_on, wish=wish.strip(), purpose=purpose)
    _check(row)
    with transaction.atomic():
        # Locked before it is looked at: an erasure or a merge has been seen, or finds the request and the opt-out.
        indexes = _locked_addresses([contact_id])
        contact: Contact = get_or_missing(Contact.objects.filter(pk=contact_id), "There is no such contact.")
        if contact.erased_at is not None:
            raise Conflict("This contact has been erased.", code="erased")
        if contact.merged_into_id is not None:
            problem = "This contact was merged into another one. Record the request there."
            raise Conflict(problem, code="merged", contact_id=str(contact.merged_into_id))
        row.contact = contact
        _store(actor, row, [contact.pk], indexes)
    return row


def open_for_member(
    *, actor: Actor, membership_id: UUID, kind: str, received_on: date, wish: str = "", purpose: str = ""
) -> PersonRequest:
    """Record a request of a member, present or former.

    The rest is as in `open_for_contact`. An objection is about the address that their mail goes to and the contacts
    that are linked to them. Needs `analytics.handle_requests`; raises `NotFound`, `Invalid` and `Conflict` ("erased").
    """
    actor.require(HANDLE)
    row = PersonRequest(kind=kind, received_on=received_on, wish=wish.strip(), purpose=purpose)
    _check(row)
    with transaction.atomic():
        membership = locked(Membership, membership_id, "There is no such member.")
        if membership.erased_at is not None:
            raise Conflict("This person was erased.", code="erased")
        row.membership = membership
        # The addresses of one that was merged are now those of the contact that it was merged into.
        own = Contact.objects.filter(user_id=membership.user_id)
        linked = Contact.objects.filter(Q(user_id=membership.user_id) | Q(pk__in=own.values("merged_into_id")))
        contact_ids = list(linked.order_by("pk").values_list("pk", flat=True))
        mail = ledger.index_of_mail(membership.user.mail_address)
        _store(actor, row, contact_ids, [*_locked_addresses(contact_ids), mail])
    return row


def _check(row: PersonRequest) -> None:
    """Check what is said of a new request. Raises `Invalid`."""
    wrong: dict[str, list[str]] = {}
    if row.kind not in Kind.values:
        wrong["kind"] = ["Choose access, portability, correction, erasure or objection."]
    if row.received_on > clock_now().astimezone(tenant_zone()).date():
        wrong["received_on"] = ["This is in the future."]
    if row.purpose and (row.kind != Kind.OBJECTION or row.purpose not in STOPPABLE):
        wrong["purpose"] = ["Only an objection can be to messages: reply, service, notice or marketing."]
    if problem := text_problem(row.wish, LONGEST):
        wrong["wish"] = [problem]
    if wrong:
        raise Invalid("This request can't be recorded.", fields=wrong)


def _locked_addresses(contact_ids: Collection[UUID]) -> list[str]:
    """Lock contacts and their addresses, these first as everywhere, and return what the ledger knows these by."""
    points = ContactPoint.objects.filter(contact_id__in=contact_ids).order_by("pk")
    list(points.select_for_update(of=("self",)).values_list("pk"))
    list(Contact.objects.select_for_update(of=("self",)).filter(pk__in=contact_ids).order_by("pk").values_list("pk"))
    # Read again: an address that is added at this moment waits, or is here.
    return list(points.values_list("value_index", flat=True))


def _store(actor: Actor, row: PersonRequest, contact_ids: Collection[UUID], addresses: Collection[str]) -> None:
    """Store a request, with the opt-outs of an objection to messages; in the caller's transaction."""
    row.due_on, row.opened_by_id = months_after(row.received_on, DUE_AFTER), actor.user_id
    indexes = sorted(set(addresses)) if row.purpose else []
    said = [
        line
        for index in indexes
        for line in ledger.add_lines(
            address_index=index,
            channel=ANY,
            state=Consent.State.WITHDRAWN,
            source=ledger.source_of(actor),
            purposes=[row.purpose],
            recorded_by=actor.user_id,
            others=indexes,
        )
    ]
    row.save(force_insert=True)
    told = {"kind": row.kind, "due_on": row.due_on.isoformat(), "purpose": row.purpose}
    entries = [chain.Fact(actor, "PERSON_REQUEST_OPENED", row._meta.label_lower, row.pk, "", row.state, told)]
    for line in said:
        wish = {"channel": line.channel, "purpose": line.purpose, "state": str(line.state)}
        entries.append(chain.Fact(actor, "CONSENT_RECORDED", line._meta.label_lower, line.pk, facts=wish))
    publish(events=[contact_changed(key) for key in contact_ids] if said else [], audit=entries)


def assign_request(*, actor: Actor, person_request_id: UUID, person_id: UUID) -> PersonRequest:
    """Say who works on an open request.

    Needs `analytics.handle_requests`, as the person does; raises `NotFound`, `Invalid`, and `Conflict` for a closed
    one. Writes `PERSON_REQUEST_ASSIGNED`.
    """
    actor.require(HANDLE)
    with transaction.atomic():
        # Who ends a membership locks it first: their open requests are then nobody's, or never were theirs.
        hold_membership(person_id)
        if person_id not in roster().holding(HANDLE):
            problem = "Choose someone who may answer privacy requests."
            raise Invalid(problem, fields={"person_id": [problem]})
        row = _open_one(person_request_id)
        row.handler_id = person_id
        row.save(update_fields=["handler"])
        chain.note(actor, "PERSON_REQUEST_ASSIGNED", row, person=str(person_id))
    return row


def extend_request(*, actor: Actor, person_request_id: UUID, reason: str) -> PersonRequest:
    """Extend an open request by two months, once, with the reason.

    The person has to hear of it before the first month is over. Needs `analytics.handle_requests`; raises `NotFound`,
    `Invalid` (short reason), and `Conflict` for one that is closed, extended already ("extended") or overdue
    ("too_late"). Writes `PERSON_REQUEST_EXTENDED`.
    """
    actor.require(HANDLE)
    problem = text_problem(reason, LONGEST, needed=True)
    if problem or len(reason.strip()) < SHORTEST_REASON:
        raise Invalid("Give a reason.", fields={"reason": [problem or "Write a few more words."]})
    moment = clock_now()
    with transaction.atomic():
        row = _open_one(person_request_id)
        if why_not := why_not_extend(row, moment.astimezone(tenant_zone()).date()):
            raise Conflict(why_not, code="extended" if row.extended_at else "too_late")
        row.due_on = months_after(row.received_on, DUE_AFTER + EXTENDED_BY)
        row.extension_reason, row.extended_at = reason.strip() if may_keep_words(row) else "", moment
        row.save(update_fields=["due_on", "extension_reason", "extended_at"])
        chain.note(actor, "PERSON_REQUEST_EXTENDED", row, due_on=row.due_on.isoformat())
    return row


def why_not_extend(row: PersonRequest, today: date) -> str:
    """Return why an open request can't be extended, "" if it can."""
    if row.extended_at is not None:
        return "This request was extended already."
    return "It's too late: people have to hear of an extension within the first month." if row.due_on < today else ""


def close_request(*, actor: Actor, person_request_id: UUID, outcome: str, answer: str = "") -> PersonRequest:
    """Close an open request with its outcome and answer; for good.

    A request that the person withdrew needs no answer, and once they are erased none is kept. Needs
    `analytics.handle_requests`; raises `NotFound`, `Invalid` with the fields, and `Conflict` for a closed one. Writes
    `PERSON_REQUEST_CLOSED`.
    """
    actor.require(HANDLE)
    wrong: dict[str, list[str]] = {}
    if outcome not in OUTCOMES:
        wrong["outcome"] = ["Choose fulfilled, refused or withdrawn."]
    with transaction.atomic():
        row = _open_one(person_request_id)
        keeps = may_keep_words(row)
        if problem := text_problem(answer, LONGEST, needed=keeps and outcome != State.WITHDRAWN):
            wrong["answer"] = [problem]
        if wrong:
            raise Invalid("This request can't be closed.", fields=wrong)
        row.state, row.answer = outcome, answer.strip() if keeps else ""
        row.closed_by_id, row.closed_at = actor.user_id, clock_now()
        row.save(update_fields=["state", "answer", "closed_by", "closed_at"])
        chain.note(actor, "PERSON_REQUEST_CLOSED", row, old_state=State.OPEN, new_state=row.state, kind=row.kind)
    return row


def may_keep_words(row: PersonRequest) -> bool:
    """Return True unless the person was erased: nothing would remove what is written of them afterwards."""
    person = row.contact or row.membership
    return person is not None and person.erased_at is None


def _open_one(person_request_id: UUID) -> PersonRequest:
    """Return an open request, locked. Raises `NotFound`, `Conflict`."""
    row = locked(PersonRequest, person_request_id, MISSING)
    if row.state != State.OPEN:
        raise Conflict("This request is closed.", state=row.state)
    return row


def query_requests(*, viewer: Actor) -> QuerySet[PersonRequest]:
    """Return all requests, each with its person. Needs `analytics.handle_requests`."""
    viewer.require(HANDLE)
    return PersonRequest.objects.select_related("contact", "membership__user")


def get_request(*, viewer: Actor, person_request_id: UUID, clear: bool = False) -> PersonRequest:
    """Return one request with its person.

    `clear` needs an open reveal of its field `words`. Needs `analytics.handle_requests`; raises `NotFound`, and
    `Refused` ("no_grant").
    """
    found: PersonRequest = get_or_missing(query_requests(viewer=viewer).filter(pk=person_request_id), MISSING)
    if clear:
        require_grant(actor=viewer, object_type=OBJECT, object_id=person_request_id, field=WORDS)
    return found


def masked(row: PersonRequest, words: str) -> str:
    """Return words of a request without personal data, and without what its person and colleagues are called."""
    if not words:
        return ""
    called = row.contact.display_name if row.contact else ""
    if row.membership is not None:
        called = row.membership.user.get_full_name()
    return mask_text(words, tuple(filter(None, [called])), names_of_members())


class RevealableRequest(Revealable):
    """What a person asked for in their words, and what they were answered."""

    object_type: ClassVar[str] = OBJECT
    fields: ClassVar[tuple[str, ...]] = (WORDS,)

    @classmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the masked request."""
        get_request(viewer=viewer, person_request_id=object_id)


REVEALABLES.register("person_request", RevealableRequest)


def link_to(row: PersonRequest) -> str:
    """Return the path of a request's page."""
    return reverse("admin:analytics_personrequest_change", args=[row.pk])


def due_soon() -> int:
    """Return how many open requests are due within a week, or overdue."""
    return int(PersonRequest.objects.filter(state=State.OPEN, due_on__lte=clock_now().date() + SOON).count())


facts.register(Fact("requests_due", "Privacy requests that are due within a week, or overdue", due_soon))
