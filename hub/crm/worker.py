"""Write a contact and the notes on their closed conversations to a CRM, or erase them there: once, by one worker."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Min, Q, Window
from django.db.models.functions import RowNumber

from core.clock import now as clock_now
from core.errors import WalkerError
from core.observability.logging import get_logger
from core.privacy.encryption import blind_index
from core.reliability import lease
from core.tenancy.scope import platform_scope
from hub.crm.disclosures import Disclosure, disclosures_of
from hub.crm.fields import DIGEST, Direction, digests_of, find_rules, leaving, properties_of
from hub.crm.models import GONE, CrmContact, CrmNote, CrmSwitch, is_due
from hub.crm.notes import note_of
from hub.crm.words import AWAY, FAILED, LATER, OFF, OTHER_ACCOUNT, PARKED, STOPPED
from integrations import platforms
from integrations.crm import services
from integrations.crm.types import CrmContact as Told
from integrations.crm.types import NotDone

log = get_logger(__name__)
State, NoteState = CrmContact.State, CrmNote.State
LEASE: Final = timedelta(seconds=60)
"""Longer than the calls between two renewals."""
FIRST_WAIT, LONGEST_WAIT, DAY = 15, 3600, 86_400
NOTES_AT_ONCE: Final = 20
AT_ONCE: Final = 50
"""The most of a connection in one sweep."""
BATCH: Final = 500
MOST_TRIES: Final = 1000


def list_due(*, now: datetime | None = None) -> list[tuple[Any, ...]]:
    """Return tenant and id of the rows that a worker has to look at, where their connection works. For the sweep."""
    moment = now or clock_now()
    with platform_scope():
        rows = CrmContact.objects.filter(
            is_due(moment), lease.free(moment), connection__in=platforms.working_accounts()
        )
        # The first of each connection before the second of any: many of one keep no other waiting.
        longest_due = F("due_at").asc(nulls_last=True)
        place = Window(RowNumber(), partition_by=F("connection_id"), order_by=longest_due)
        ranked = rows.annotate(place=place).filter(place__lte=AT_ONCE).order_by("place", longest_due)
        return list(ranked.values_list("tenant_id", "pk")[:BATCH])


def write_lag() -> float:
    """Return for how many seconds a contact has waited to go to a CRM, of the one that waits longest, 0 if none does.

    What a person has stopped or has to look for in another account doesn't count. For alerts, in the tenant's scope.
    One query.
    """
    waiting = Q(due_at__isnull=False) | Q(lease_until__isnull=False)
    rows = CrmContact.objects.filter(waiting, connection__in=platforms.working_accounts())
    oldest = rows.exclude(problem__in=(STOPPED, OTHER_ACCOUNT)).aggregate(oldest=Min("waiting_since"))["oldest"]
    return max(0.0, (clock_now() - oldest).total_seconds()) if oldest else 0.0


def send_contact(*, row_id: UUID, now: datetime | None = None) -> None:
    """Bring a CRM up to date about one contact (outside calls). For the system, outside transactions. Safe to repeat.

    What was written already makes no call. What the CRM refuses is parked; all else that fails is tried again later.
    """
    moment = now or clock_now()
    rows = CrmContact.objects.filter(pk=row_id)
    # Emptied with the claim: what changes from here on makes it due again.
    row = lease.claim(rows, LEASE, where=is_due(moment), now=moment, due_at=None)
    if row is None:
        return
    try:
        failed = erase_there(row) if row.state in GONE else bring_up_to_date(row, moment)
    except WalkerError as problem:
        failed = NotDone(problem.code)
    except Exception:  # boundary: one contact that fails keeps no other waiting
        log.exception("crm_contact_failed", row=str(row.pk))
        failed = NotDone(FAILED)
    if failed is not None:
        try_later(row, moment, failed)


def bring_up_to_date(row: CrmContact, moment: datetime) -> NotDone | None:
    """Write the contact if it has changed, then its notes; return the failure after which it is tried again."""
    told = look_at(row)
    if told.reason:
        row.notes.filter(state=NoteState.WAITING).update(state=NoteState.WITHHELD, problem=told.reason)
        withheld = {"state": State.WITHHELD, "problem": told.reason, "fields": "", "digest": ""}
        _finish(row, **({} if told.reason == OFF else withheld))
        return None
    rules = find_rules(row.connection)
    contact = leaving(row, told.contact, rules)
    digest, parts = digest_of(row, contact), digests_of(row.connection, row.contact_id, contact.told())
    rest = {name: known for name, known in row.there.items() if name not in parts}
    # Written, or taken from there; of nothing nobody knows.
    is_there = bool(row.outside_id and parts) and parts.items() <= row.there.items()
    if row.problem in AWAY and row.digest:  # only a person may have it made again, which empties the digest
        _release(row)
        return None
    if row.digest != digest and not is_there:
        # Emptied first: if the answer is lost, nobody knows which values are there.
        if not _begin(row, moment, digest="", there=rest):
            _release(row)
            return None
        number = services.write_contact(row.connection, contact, properties_of(rules))
        if isinstance(number, NotDone):
            if not number.is_final:
                return number
            _finish(row, state=State.PARKED, problem=number.code, fields=",".join(number.fields), digest=digest)
            return None
        mine = lease.held(row).exclude(state__in=GONE)
        mine.update(digest=digest, there=rest | parts, outside_id=number, written_at=moment)
        row.outside_id = number
    elif row.state == State.PARKED and not is_there:
        _release(row)
        return None
    failed = write_notes(row, moment)
    if failed is None:
        is_more = row.notes.filter(state=NoteState.WAITING).exists()
        more = {"due_at": moment, "waiting_since": row.waiting_since} if is_more else {}
        _finish(row, state=State.WRITTEN, problem="", fields="", tries=0, **more)
    return failed


def look_at(row: CrmContact) -> Disclosure:
    """Return what may leave of a contact now, or why nothing does.

    Everything is read from the database again: the row may have been claimed some calls ago.
    """
    row.refresh_from_db(fields=["connection", "contact"])
    told = disclosures_of([row.contact])[row.contact_id]
    is_on = CrmSwitch.objects.filter(connection=row.connection, sends_contacts=True).exists()
    return told if is_on else replace(told, reason=OFF)


def write_notes(row: CrmContact, moment: datetime) -> NotDone | None:
    """Write the notes that wait; return the failure after which the rest is tried again."""
    waiting = row.notes.filter(state=NoteState.WAITING).select_related("conversation__channel_account")
    for note in waiting.order_by("id")[:NOTES_AT_ONCE]:
        mine = CrmNote.objects.filter(pk=note.pk, state=NoteState.WAITING)
        if look_at(row).reason or not mine.exists() or not _begin(row, moment):
            return None  # another worker goes on, the next look withholds the rest, or the person was erased
        key = f"walker:closing:{note.closing}"
        failed = services.add_note(row.connection, row.outside_id, note_of(note), key)
        if not isinstance(failed, NotDone):
            mine.update(state=NoteState.WRITTEN, problem="", written_at=moment)
        elif failed.is_final:
            mine.update(state=NoteState.PARKED, problem=failed.code)
        else:
            return failed
    return None


def erase_there(row: CrmContact) -> NotDone | None:
    """Erase a person there who was erased here; return the failure after which it is tried again."""
    if row.state == State.ERASING:
        sent = {name: rule for name, rule in find_rules(row.connection).items() if rule.direction != Direction.IN}
        erased = services.erase_contact(row.connection, str(row.contact_id), properties_of(sent))
        if isinstance(erased, NotDone):
            return erased
        last, connected_at = max(filter(None, (row.sent_at, row.written_at)), default=None), row.connection.connected_at
        if not erased and last and connected_at and last < connected_at:
            return NotDone(OTHER_ACCOUNT, seconds=DAY)  # it may have them, and nobody can ask it
    _release(row, state=State.ERASED, outside_id="", problem="", tries=0)
    return None


def _begin(row: CrmContact, moment: datetime, **columns: Any) -> bool:
    """Note that a call is about to be made, which an erasure has to undo; False if there may be none any more."""
    mine = lease.held(row).exclude(state__in=GONE)
    until = clock_now() + LEASE
    return bool(mine.update(lease_until=until, sent_at=row.sent_at or moment, **columns))


def _finish(row: CrmContact, **columns: Any) -> None:
    """Write how it ended, unless the person was erased meanwhile: then the row waits for that."""
    if not _release(row, where=~Q(state__in=GONE), **columns):
        _release(row)


def _release(row: CrmContact, **columns: Any) -> bool:
    """Give a row back as `lease.release` does: only what came meanwhile waits on, unless `columns` say more."""
    columns = {"waiting_since": F("due_at"), **columns}
    return lease.release(row, **columns)


def try_later(row: CrmContact, moment: datetime, failed: NotDone) -> None:
    """Try again later: after what the CRM asks for, or after a pause that doubles."""
    tries = 0 if failed.code == STOPPED else row.tries
    pause = max(failed.seconds, pause_after(tries))
    columns: dict[str, Any] = {
        "due_at": moment + timedelta(seconds=pause),
        "waiting_since": row.waiting_since or moment,
        "tries": min(tries + 1, MOST_TRIES),
        "problem": failed.code if failed.code in {*LATER, *PARKED} else FAILED,
        "fields": "",
    }
    if row.state == State.PARKED:
        columns["digest"] = ""  # of what was refused: it isn't there
    if row.state in GONE:
        lease.release(row, **columns)
    else:
        _finish(row, state=State.WAITING, **columns)


def pause_after(tries: int) -> float:
    """Return the seconds after which the next try is made, unless the CRM asks for more."""
    return min(FIRST_WAIT * 2.0 ** min(tries, 8), LONGEST_WAIT)


def digest_of(row: CrmContact, contact: Told) -> str:
    """Return a digest of what leaves, with a key, so that nobody who reads it can try out addresses.

    Another one after the connection was made again: nobody knows what is in the account that it reaches then.
    """
    said = [f"{name}={value}" for name, value in sorted(contact.told().items())]
    return blind_index("\n".join([str(row.contact_id), str(row.connection.connected_at), *said]), column=DIGEST)
