"""The switch of each connection: whether contacts are sent to its CRM, and what became of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, TextChoices

from conversations.models import Contact
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.rows import get_row
from core.errors import Conflict
from core.reliability.rate_limit import limit_per_hour
from hub.crm.disclosures import ERASED, Disclosure, disclosures_of
from hub.crm.fields import find_rules, properties_of
from hub.crm.models import GONE, CrmContact, CrmNote, CrmSwitch, due_from
from hub.crm.words import OFF, describe
from integrations.crm.services import find_missing
from integrations.models import ProviderAccount

MANAGE: Final = "integrations.manage_connection"
VIEW_CONTACT: Final = "conversations.view_contact"
OBJECT: Final = "integrations.provideraccount"
MISSING: Final = "This connection doesn't exist."
TRIES_PER_HOUR: Final = 60
LOOKED_AT: Final = 200
SHOWN: Final = 10
State, NoteState = CrmContact.State, CrmNote.State
FAILING: Final = (State.WAITING, State.PARKED, State.ERASING)
"""The states in which a problem is a failure; in the others it is what somebody wishes."""


@dataclass(frozen=True)
class Standing:
    """What became of contacts and notes, from our own rows; `reasons` are sentences with how many each is about.

    `there` is how many contacts are known to be at the CRM, written or read.
    """

    contacts: Mapping[str, int]
    notes: Mapping[str, int]
    reasons: list[tuple[str, int]]
    there: int


def start_sending(*, actor: Actor, connection_id: UUID) -> CrmSwitch:
    """Send contacts to the CRM of a connection from now on, once it has all properties (outside calls).

    Safe to repeat. Needs `MANAGE`. Raises `NotFound`, `Conflict` ("no_crm", "missing_properties" with their names),
    `Unavailable` and `TooMany`. Writes `CRM_SENDING_STARTED`.
    """
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    limit_per_hour(f"crm-start:{account.pk}", limit=TRIES_PER_HOUR, sentence="That was tried often. Wait an hour.")
    missing = find_missing(account, properties_of(find_rules(account)))
    if missing:
        say = f"Make these properties there first: {'; '.join(missing)}."
        raise Conflict(say, code="missing_properties")
    return _switch(actor, account, "CRM_SENDING_STARTED", sends=True)


def stop_sending(*, actor: Actor, connection_id: UUID) -> CrmSwitch:
    """Send nothing more to the CRM of a connection; what is there stays, and erased people are still erased there.

    Safe to repeat. Needs `MANAGE`. Raises `NotFound`. Writes `CRM_SENDING_STOPPED`.
    """
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    return _switch(actor, account, "CRM_SENDING_STOPPED", sends=False)


def _switch(actor: Actor, account: ProviderAccount, action: str, *, sends: bool) -> CrmSwitch:
    with transaction.atomic():
        moment = now()
        switch: CrmSwitch
        found = {"sends_contacts": sends, "changed_at": moment}
        switch, _ = CrmSwitch.objects.select_for_update().get_or_create(connection=account, defaults=found)
        if switch.sends_contacts != sends:
            switch.sends_contacts, switch.changed_at = sends, moment
            switch.save(update_fields=["sends_contacts", "changed_at"])
        rows = CrmContact.objects.filter(connection=account).exclude(state__in=GONE)
        rows.update(**due_from(moment if sends else None))
        if not sends:
            waiting = CrmNote.objects.filter(contact__connection=account, state=NoteState.WAITING)
            waiting.update(state=NoteState.WITHHELD, problem=OFF)
        chain.record(actor, action, OBJECT, account.pk, facts={"provider": account.provider})
    return switch


def retry_parked(*, actor: Actor, connection_id: UUID) -> int:
    """Send again what the CRM refused, after somebody has mended it there; return how many contacts that is.

    Needs `MANAGE`. Raises `NotFound`, and `Conflict` ("not_sending", "nothing_parked"). Writes `CRM_CONTACTS_RETRIED`.
    """
    actor.require(MANAGE)
    account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
    if not is_sending(account.pk):
        raise Conflict("No contacts are sent now. Turn sending on first.", code="not_sending")
    with transaction.atomic():
        notes = CrmNote.objects.filter(contact__connection=account, state=NoteState.PARKED)
        notes = notes.exclude(contact__state__in=GONE)
        theirs = set(notes.values_list("contact_id", flat=True))
        notes.update(state=NoteState.WAITING, problem="")
        parked = CrmContact.objects.filter(Q(state=State.PARKED) | Q(pk__in=theirs), connection=account)
        # Without a digest all of it is written: a contact that was deleted there is made again before its notes.
        count = parked.exclude(state__in=GONE).update(**due_from(now()), digest="", there={}, tries=0)
        if not count:
            raise Conflict("Nothing was refused.", code="nothing_parked")
        chain.record(actor, "CRM_CONTACTS_RETRIED", OBJECT, account.pk, facts={"contacts": count})
    return count


def is_sending(connection_id: UUID) -> bool:
    """Return True if contacts are sent over a connection."""
    return CrmSwitch.objects.filter(connection_id=connection_id, sends_contacts=True).exists()


def has_refused(connection_id: UUID) -> bool:
    """Return True if the CRM of a connection refused a contact or a note."""
    contacts = CrmContact.objects.filter(connection_id=connection_id, state=State.PARKED)
    notes = CrmNote.objects.filter(contact__connection_id=connection_id, state=NoteState.PARKED)
    return contacts.exists() or notes.exclude(contact__state__in=GONE).exists()


def standing_of(connection_id: UUID) -> Standing:
    """Return what became of contacts and notes. Four queries, no outside call."""
    rows = CrmContact.objects.filter(connection_id=connection_id)
    notes = CrmNote.objects.filter(contact__connection_id=connection_id)
    counted: Counter[str] = Counter()
    told = Count("pk")
    for problem, fields, count in rows.exclude(problem="").values_list("problem", "fields").annotate(count=told):
        counted[describe(problem, fields)] += count
    for problem, count in notes.exclude(problem="").values_list("problem").annotate(count=told):
        counted[describe(problem)] += count
    by_state = rows.order_by().values_list("state").annotate(count=told, there=Count("pk", filter=~Q(outside_id="")))
    states = list(by_state)
    return Standing(
        contacts=_labelled({state: count for state, count, _ in states}, State),
        notes=_labelled(dict(notes.order_by().values_list("state").annotate(count=told)), NoteState),
        reasons=counted.most_common(),
        there=sum(there for *_, there in states),
    )


def failures_of(*, viewer: Actor, connection_id: UUID) -> list[tuple[Contact, str]]:
    """Return the newest contacts for which something failed, a note perhaps, and what; without their clear names.

    Two queries; none for who may not see contacts.
    """
    if not viewer.may(VIEW_CONTACT):
        return []
    rows = CrmContact.objects.filter(connection_id=connection_id, state__in=FAILING).exclude(problem__in=("", ERASED))
    rows = rows.select_related("contact").defer("contact__display_name").order_by("-id")
    notes = CrmNote.objects.filter(contact__connection_id=connection_id, state=NoteState.PARKED)
    notes = notes.exclude(contact__state__in=GONE).select_related("contact__contact")
    notes = notes.defer("contact__contact__display_name").order_by("-id")
    found = [(row.contact, describe(row.problem, row.fields)) for row in rows[:SHOWN]]
    return found + [(note.contact.contact, f"A note: {describe(note.problem)}") for note in notes[:SHOWN]]


def preview_of(*, viewer: Actor) -> tuple[list[Disclosure], int]:
    """Return what would leave of up to ten of the newest contacts, and how many were looked at. Needs `MANAGE`."""
    viewer.require(MANAGE)
    newest = list(
        Contact.objects.filter(erased_at=None, merged_into=None, user=None).order_by("-created_at")[:LOOKED_AT]
    )
    found = disclosures_of(newest)
    leaving = [found[contact.pk] for contact in newest if not found[contact.pk].reason]
    return leaving[:SHOWN], len(newest)


def _labelled(found: Mapping[str, int], states: type[TextChoices]) -> dict[str, int]:
    return {str(state.label): found.get(state.value, 0) for state in states}
