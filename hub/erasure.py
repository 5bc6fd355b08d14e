"""Erase people from the hub: who they are in the back office, what was to be paid to them, and where a CRM has them."""

from collections.abc import Iterator
from typing import ClassVar, Final

from core.clock import now
from core.privacy.erasure.disclosure import DIGEST, SAME, owned
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import HANDLERS, Batch, ErasureHandler, Partner, Reading, Step, Table, emptied
from hub.crm.disclosures import ERASED
from hub.crm.models import GONE, due_from
from hub.crm.words import OTHER_ACCOUNT
from hub.models import CrmContact, CrmNote, CustomerLink, TransactionDraft
from integrations.models import ProviderAccount

EMPTY = {
    "customer": "",
    "description": "",
    "recipient": "",
    "destination": "",
    "token_digest": "",
    "code_digest": "",
}


def _links(person: Person, after: str, limit: int) -> Batch:
    return Batch(CustomerLink.objects.filter(contact_id__in=person.ids("contacts")).delete()[0])


def _drafts(person: Person, after: str, limit: int) -> Batch:
    """Empty drafts; what isn't booked yet never is."""
    rows = TransactionDraft.objects.filter(conversation_id__in=person.ids("conversations"))
    rows.filter(state__in=("open", "confirmed")).update(state=TransactionDraft.State.ENDED)
    return emptied(rows.exclude(masked_recipient="erased"), limit, masked_recipient="erased", **EMPTY)


def _told(person: Person, after: str, limit: int) -> Batch:
    """Have contacts erased at CRMs that may have them, and keep all others from ever getting there."""
    return Batch(_leave_crms(person))


def _leave_crms(person: Person) -> int:
    rows = CrmContact.objects.filter(contact_id__in=person.ids("contacts")).exclude(state__in=GONE)
    notes = CrmNote.objects.filter(contact__contact_id__in=person.ids("contacts"), state=CrmNote.State.WAITING)
    notes.update(state=CrmNote.State.WITHHELD, problem=ERASED)
    gone = {"digest": "", "there": {}, "overruled": {}, "problem": ERASED, "fields": ""}
    # In this order: a row that a worker begins to send meanwhile isn't of the first, and is of the second.
    unsent = rows.filter(sent_at=None).update(state=CrmContact.State.ERASED, **due_from(None), **gone)
    return int(unsent + rows.update(state=CrmContact.State.ERASING, tries=0, **due_from(now()), **gone))


READINGS: Final = (
    Reading(
        model="hub.CustomerLink", title="Your customer number", shown="customer created_at",
        rows=owned(CustomerLink, contact="contacts"),
    ),
    Reading(
        model="hub.TransactionDraft", title="Payments you were asked to confirm",
        shown="customer description recipient destination amount currency state created_at confirmed_at confirmed_by "
        "sent_at transaction_id", rows=owned(TransactionDraft, conversation="conversations"),
        unread={"masked_recipient": SAME, "token_digest code_digest": DIGEST},
        kept="{TRANSACTION_DRAFTS_DAYS} days, or until you are erased.",
    ),
    Reading(
        model="hub.CrmContact", title="Where a CRM has you",
        shown="state outside_id created_at sent_at written_at seen_at problem",
        rows=owned(CrmContact, contact="contacts"),
        unread={"digest there overruled": "Digests of what the CRM has, which are compared with what is here."},
    ),
)  # fmt: skip


class HubErasure(ErasureHandler):
    """Erases a person's drafts and their id in the back office, and has them erased at CRMs."""

    order: ClassVar[int] = 45
    purpose: ClassVar[str] = "To let customers confirm payments, and to keep the organisation's CRM up to date."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("hub.CustomerLink", "Rows are removed.", "customer"),
        Table("hub.TransactionDraft", "That something was to be paid, how much and when, and ids at the back office.",
              "customer description recipient masked_recipient destination token_digest code_digest",
              "vendor_id digest currency transaction_id excluded agent_id agent_owner_id run_id tool_call_id "
              "approval_id"),
        Table("hub.CrmContact", "That a CRM has to erase the person, or has; nothing of them is sent again.",
              "digest there overruled", "outside_id problem fields"),
        Table("hub.CrmNote", "That a conversation was noted there, without its words.", kept="closing problem"),
        Table("hub.CrmSwitch", "Which fields the organisation exchanges with a CRM.", kept="field_map"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("customers", "Who they are in the back office", _links),
        Step("transactions", "What they were asked to confirm", _drafts),
        Step("crm", "Where a CRM has them", _told),
    )

    @classmethod
    def partners(cls, person: Person) -> Iterator[Partner]:
        """Yield the CRMs that may have the person, and the back offices that payments went to."""
        there = CrmContact.objects.filter(contact_id__in=person.ids("contacts"), sent_at__isnull=False)
        paid = TransactionDraft.objects.filter(conversation_id__in=person.ids("conversations"), sent_at__isnull=False)
        for rows, what in ((there, "Name and addresses, in a CRM"), (paid, "Payments, in a back office")):
            for connection in ProviderAccount.objects.filter(pk__in=rows.values("connection")).order_by("pk"):
                yield Partner(f"{connection.name} ({connection.provider})", what, gave=rows is there, got=True)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return whether a CRM still has to erase the person; an account that was disconnected is no longer asked."""
        rows = CrmContact.objects.filter(contact_id__in=person.ids("contacts"), state=CrmContact.State.ERASING)
        rows = rows.filter(connection__is_active=True).exclude(problem=OTHER_ACCOUNT)
        return ["kept_by_crm"] if rows.exists() else []

    @classmethod
    def detach(cls, person: Person) -> None:
        """Send nothing more of the person to a CRM, from this moment on."""
        _leave_crms(person)


HANDLERS.register("hub", HubErasure)
