"""Read contacts back from CRMs: in the background, one worker a connection at a time.

A page and the position of the next one are committed together, so that a worker that takes over goes on there.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from conversations.models import Contact
from conversations.services import read_detail, revise_contacts
from core.actors import system
from core.audit import chain
from core.clock import now
from core.errors import Invalid
from core.reliability import lease
from hub.crm.fields import TAKEN, Direction, Owner, Rules, digests_of, ours_of, properties_of, rules_of
from hub.crm.models import GONE, CrmContact, CrmSwitch
from hub.crm.words import AWAY, DELETED, ENDLESS, MERGED_THERE
from integrations.crm import services
from integrations.crm.types import CONTACTS, REFUSED, CrmPage, CrmRecord, NotDone
from integrations.models import SyncCursor
from integrations.sync import services as sync
from integrations.sync.services import EVERY, LEASE, LeaseLost, fail

State = CrmContact.State
STREAM: Final = CONTACTS
ACTOR: Final = system("crm")
SECONDS: Final = 30.0
"""After these a worker begins no further page: the next sweep does."""
CALL_SECONDS: Final = 15.0
MOST_PAGES: Final = 20_000


def read_due() -> int:
    """Read the connections that are due, for as long as a sweep may take; return how many. For the sweep."""
    return sync.read_due(STREAM, read)


def read(cursor: SyncCursor) -> None:
    """Read what changed since a claimed cursor's position (outside calls)."""
    switch = CrmSwitch.objects.select_related("connection").get(connection_id=cursor.connection_id)
    Reading(cursor, switch, rules_of(switch, switch.connection)).read()


@dataclass
class Reading:
    """One reading by a worker: some or all pages.

    The cursor's position has that of the system as `at`, and `of` which connecting it is; while all contacts are read
    it also has when that `began` and last `moved` on, how many were `read` and how many there are in `all`.
    """

    cursor: SyncCursor
    switch: CrmSwitch
    rules: Rules

    def read(self) -> None:
        """Read page after page, until the last one or until there is no time or quota left (outside calls)."""
        read = {name: rule for name, rule in self.rules.items() if rule.direction != Direction.OUT}
        fields = properties_of(read)
        if self.cursor.position.get("of") != self._connected():  # it may reach another account
            self.cursor.position = {}
        until = time.monotonic() + SECONDS
        while True:
            position = dict(self.cursor.position)
            found = services.read_page(self.switch.connection, position.get("at", {}), fields, seconds=CALL_SECONDS)
            if isinstance(found, NotDone):
                self.stop(found)
                return
            records = by_contact(found.records)
            rows = {row.contact_id: row for row in self._rows().filter(contact_id__in=records)} if records else {}
            news = self.date_rivals(self.news_in(records, rows), rows)
            if isinstance(news, NotDone):
                self.stop(news)
                return
            position = self.position_after(found)
            if position.get("pages", 0) > MOST_PAGES:
                self.stop(NotDone(ENDLESS))
                return
            self.keep(found, news, position)
            self.cursor.position = position
            if found.is_last:
                return
            self.switch.connection.refresh_from_db()  # it may have been ended, or made again
            if self._connected() != position["of"] or time.monotonic() > until:
                lease.release(self.cursor, until=now())
                return

    def stop(self, failed: NotDone) -> None:
        """End a reading whose next page wasn't returned: it goes on there, one that never ends only by hand.

        A position that is refused may have ended: then it begins again.
        """
        if failed.is_wait:
            lease.release(self.cursor, until=now() + timedelta(seconds=failed.seconds))
            return
        ended: dict[str, Any] = {}
        if failed.code == ENDLESS:
            ended = {"paused_at": now(), "position": self._position(self.cursor.position.get("at", {}))}
        elif failed.code == REFUSED and not failed.fields and self.cursor.position.get("at"):
            ended = {"position": self.begun_again()}
        fail(self.cursor, failed.code, seconds=failed.seconds, **ended)

    def begun_again(self) -> dict[str, Any]:
        """Return where to begin in place of a position that has ended: after the last end of a reading, else all."""
        last = self.cursor.last_success_at
        if "began" in self.cursor.position or last is None:
            return {}
        return self._position(services.position_at(self.switch.connection, last))

    def position_after(self, page: CrmPage) -> dict[str, Any]:
        old = self.cursor.position
        if page.is_last:
            return self._position(page.position)
        counted = {"pages": old.get("pages", 0) + 1}
        if "began" in old or not old:
            moment = now().isoformat()
            counted |= {
                "began": old.get("began") or moment,
                "moved": moment,
                "read": old.get("read", 0) + len(page.records),
                "all": max(old.get("all") or page.left or 0, old.get("read", 0) + len(page.records)),
            }
        return self._position(page.position) | counted

    def keep(self, page: CrmPage, changed: Mapping[UUID, CrmRecord], position: Mapping[str, Any]) -> None:
        """Commit what a page changes, with the position of the next one; the last page ends the reading."""
        old = self.cursor.position
        began = datetime.fromisoformat(old["began"]) if "began" in old else now() if not old else None
        if began is None and not changed:
            self.move(page, position)
            return
        with transaction.atomic():
            self.move(page, position)
            changes = self.take(changed)
            if began is not None:
                self._rows().filter(contact_id__in=by_contact(page.records)).update(seen_at=now())
            if began is not None and page.is_last:
                since = self.switch.connection.connected_at or self.switch.connection.created_at
                mark_missing(self._rows().filter(written_at__gte=since), began)
            if changes:  # last: it takes the heads of the audit chain and the stream
                revise_contacts(actor=ACTOR, changes=changes)

    def move(self, page: CrmPage, position: Mapping[str, Any]) -> None:
        moment = now()
        columns: dict[str, Any] = {"position": position, "failures": 0, "last_error": ""}
        if page.is_last:
            is_mine = lease.release(self.cursor, until=moment + EVERY, last_success_at=moment, **columns)
        else:
            is_mine = lease.renew(self.cursor, LEASE, **columns)
        if not is_mine:
            raise LeaseLost

    def news_in(self, records: Mapping[UUID, CrmRecord], rows: Mapping[UUID, CrmContact]) -> dict[UUID, CrmRecord]:
        """Return the records that say something new, by the rows of their contacts."""
        return {of: record for of, record in records.items() if self.is_news(rows.get(of), of, record)}

    def is_news(self, row: CrmContact | None, of: UUID, record: CrmRecord) -> bool:
        if row is None or row.state in GONE:
            return row is None or row.state == State.ERASED
        if row.outside_id != record.number or row.problem in AWAY or record.merged:
            return True
        return not self._digests(of, readable(record)).items() <= row.there.items()

    def date_rivals(
        self, news: Mapping[UUID, CrmRecord], rows: Mapping[UUID, CrmContact]
    ) -> Mapping[UUID, CrmRecord] | NotDone:
        """Learn when values were changed there that the newest of two counts for (an outside call, if there are any).

        A record's own date may be that of any other change.
        """
        newest = {
            name: rule.property
            for name, rule in self.rules.items()
            if (rule.direction, rule.owner) == (Direction.BOTH, Owner.NEWEST)
        }
        if not newest or not news:
            return news
        rivals = []
        for of, person in Contact.objects.in_bulk(news).items():
            row, said = rows.get(of) or CrmContact(contact=person), readable(news[of])
            row.contact = person
            if any(self.differs(name, said.get(name, ""), row) and self.is_new_here(name, row) for name in newest):
                rivals.append(news[of].number)
        if not rivals:
            return news
        dates = services.read_changes(self.switch.connection, rivals, newest, seconds=CALL_SECONDS)
        if isinstance(dates, NotDone):
            return dates
        return {of: replace(record, changes=dates.get(record.number, {})) for of, record in news.items()}

    def take(self, records: Mapping[UUID, CrmRecord]) -> dict[UUID, dict[str, str]]:
        """Take what records say into what is known of the CRM, and return what changes of contacts.

        In the caller's transaction.
        """
        moment = now()
        # Contacts before their rows, as an erasure does.
        people = Contact.objects.filter(pk__in=records).order_by("pk").select_for_update().in_bulk()
        self.link(people, moment)
        rows = list(self._rows().filter(contact_id__in=people).order_by("pk").select_for_update())
        changes: dict[UUID, dict[str, str]] = {}
        for row in rows:
            row.contact, record = people[row.contact_id], records[row.contact_id]
            if row.state in GONE:  # it is there again
                row.state, row.due_at, row.sent_at = State.ERASING, moment, moment
                continue
            values = readable(record)
            digests = self._digests(row.contact_id, values)
            differ = [name for name, text in values.items() if self.differs(name, text, row)]
            if taken := {name: values[name] for name in differ if self.is_taken(name, row, record)}:
                changes[row.contact_id] = taken
            overruled = {name: digests[name] for name in differ if name not in taken}
            if row.problem in AWAY:  # it is there again
                row.state, row.problem, row.digest, row.due_at = State.WAITING, "", "", moment
            elif not overruled.items() <= row.overruled.items():
                # Ours is sent again, but only once against the same value: a rule there may make it every time.
                row.digest, row.due_at, row.overruled = "", moment, row.overruled | overruled
            elif not all(values.values()):  # ours may fill what is empty there
                row.due_at = moment
            row.there |= digests
            row.outside_id, row.sent_at = record.number, row.sent_at or moment
        for row in rows:
            row.waiting_since = row.waiting_since or row.due_at
        columns = ["state", "problem", "digest", "due_at", "waiting_since", "there", "overruled", "outside_id"]
        CrmContact.objects.bulk_update(rows, [*columns, "sent_at"])
        merged = {number for record in records.values() for number in record.merged}
        if merged:
            swallowed = (
                self._rows().filter(outside_id__in=merged).exclude(state__in=GONE).exclude(contact_id__in=records)
            )
            swallowed.update(**gone_there(MERGED_THERE))
        return changes

    def link(self, people: Mapping[UUID, Contact], moment: datetime) -> None:
        """Make the rows of contacts that have none and are there by our id; those erased here are erased there."""
        known = set(self._rows().filter(contact_id__in=people).values_list("contact_id", flat=True))
        new = [
            CrmContact(
                connection=self.switch.connection,
                contact=person,
                state=State.WAITING if person.erased_at is None else State.ERASING,
                sent_at=moment,
                due_at=moment,
                waiting_since=moment,
            )
            for person in people.values()
            if person.pk not in known and person.merged_into_id is None and person.user_id is None
        ]
        CrmContact.objects.bulk_create(new, ignore_conflicts=True)

    def differs(self, name: str, text: str, row: CrmContact) -> bool:
        """Return True if a value was changed there to one that isn't ours."""
        is_known = self._digests(row.contact_id, {name: text}).items() <= row.there.items()
        return bool(text) and text != ours_of(row.contact, name) and not is_known

    def is_taken(self, name: str, row: CrmContact, record: CrmRecord) -> bool:
        """Return True if the value there counts, and False if ours does."""
        rule, person = self.rules[name], row.contact
        if person.erased_at or person.merged_into_id or person.user_id:
            return False
        ours = ours_of(person, name)
        if not ours or rule.direction == Direction.IN or rule.owner == Owner.THEIRS:
            return True
        if rule.owner == Owner.OURS:
            return False
        if not self.is_new_here(name, row):
            return True  # it was changed there alone
        last = chain.last_of(Contact._meta.label_lower, person.pk, actions=[TAKEN[name][1]])
        return last is None or last.at < record.changes.get(name, record.changed_at)

    def is_new_here(self, name: str, row: CrmContact) -> bool:
        """Return True if our value isn't known to have been there, too."""
        ours = ours_of(row.contact, name)
        return bool(ours) and not self._digests(row.contact_id, {name: ours}).items() <= row.there.items()

    def _connected(self) -> str:
        return str(self.switch.connection.connected_at)

    def _position(self, at: Mapping[str, Any]) -> dict[str, Any]:
        return {"at": dict(at), "of": self._connected()}

    def _rows(self) -> QuerySet[CrmContact]:
        return CrmContact.objects.filter(connection=self.switch.connection)

    def _digests(self, of: UUID, values: Mapping[str, str]) -> dict[str, str]:
        return digests_of(self.switch.connection, of, values)


def by_contact(records: Iterable[CrmRecord]) -> dict[UUID, CrmRecord]:
    """Return records by the contact that they belong to; our id may have been overwritten with anything."""
    found = {}
    for record in records:
        with suppress(ValueError):
            found[UUID(record.key)] = record
    return found


def readable(record: CrmRecord) -> dict[str, str]:
    """Return the values of a record as Walker stores them, without those that it can't."""
    found = {}
    for name, text in record.values.items():
        with suppress(Invalid):
            found[name] = read_detail(name=name, text=text) if text.strip() else ""
    return found


def mark_missing(rows: QuerySet[CrmContact], began: datetime) -> None:
    """Note which contacts a reading of all, which began then, didn't see: the search shows what is new late."""
    unseen = rows.filter(Q(seen_at=None) | Q(seen_at__lt=began), state=State.WRITTEN, written_at__lt=began - EVERY)
    unseen.update(**gone_there(DELETED))


def gone_there(problem: str) -> dict[str, Any]:
    """Return the columns of a contact that isn't there any more; only a person may have it made again."""
    return {
        "state": State.PARKED, "problem": problem, "digest": problem, "fields": "", "outside_id": "", "there": {},
        "overruled": {},
    }  # fmt: skip
