"""The consent ledger: lines are added and never changed; the newest of an address, channel and purpose counts."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor
from core.clock import now as clock_now
from core.db.locks import advisory_lock
from core.models import Consent
from core.privacy.encryption import blind_index
from core.reach.verdict import ADDRESS_COLUMN, ANY, STOPPABLE, Entry, has_objected, is_blocked, is_unreachable, latest

State = Consent.State
OF_A_PURPOSE: Final = (State.GIVEN, State.WITHDRAWN)
RECORDED: Final = (*OF_A_PURPOSE, State.REACHABLE)
"""The states that people record about an address; the others have services of their own."""


class Proof(TypedDict, total=False):
    """What a consent is proven by: the version of the words, how, where, the evidence; and when it expires."""

    wording_id: UUID | None
    way: str
    place: str
    evidence: str
    expires_at: datetime | None


def index_of(plain: str) -> str:
    """Return the blind index of an address in normal form, in the tenant in scope."""
    return blind_index(plain, column=ADDRESS_COLUMN)


def index_of_mail(address: str) -> str:
    """Return the blind index of a mail address."""
    return index_of(unicodedata.normalize("NFKC", address).strip().lower())


def source_of(actor: Actor) -> str:
    """Return the source of a line that somebody records: a program with a key, or a colleague."""
    return Consent.Source.API if actor.auth_strength == "api_key" else Consent.Source.STAFF


def entries_of(indexes: Iterable[str]) -> dict[str, list[Entry]]:
    """Return the newest line of each kind by address, without consents that have expired. One query.

    An expired consent uncovers what was said before: an opt-out counts again, an older consent doesn't.
    """
    wanted = list(dict.fromkeys(indexes))
    found: dict[str, list[Entry]] = {index: [] for index in wanted}
    for row in _newest(wanted):
        if not row.is_expired:
            said = Entry(row.channel, row.purpose, row.state, row.at, str(row.pk), row.expires_at)
            found[row.address_index].append(said)
    return found


def _newest(indexes: Sequence[str]) -> QuerySet[Consent]:
    kinds = ("address_index", "channel", "purpose", "state")
    return Consent.objects.filter(address_index__in=indexes).order_by(*kinds, "-at", "-id").distinct(*kinds)


def add_lines(
    *,
    address_index: str,
    channel: str,
    state: str,
    source: str,
    purposes: Sequence[str] = STOPPABLE,
    recorded_by: UUID | None = None,
    at: datetime | None = None,
    others: Collection[str] = (),
    proof: Proof | None = None,
) -> list[Consent]:
    """Add a line for each purpose where it changes what counts; in the caller's transaction.

    A state that isn't about purposes is one line. Repeats add nothing, but for consents with a `proof`, which is kept;
    `others` are the person's other addresses, from which something else may have been said since. The caller writes
    the audit entry.
    """
    everywhere = sorted({address_index, *others})
    for index in everywhere:
        advisory_lock(f"consent:{index}")
    moment = at or clock_now()
    found = entries_of(everywhere)
    known, said = found[address_index], [row for rows in found.values() for row in rows]
    columns: dict[str, Any] = {**(proof or {})}
    rows = [
        Consent(
            address_index=address_index,
            channel=channel,
            purpose=purpose,
            state=state,
            source=source,
            at=moment,
            recorded_by=recorded_by,
            **columns,
        )
        for purpose in (purposes if state in OF_A_PURPOSE else ("",))
        if proof or not _counts_already(known, said, channel, purpose, state, moment)
    ]
    Consent.objects.bulk_create(rows)
    return rows


def copy_blocks(indexes: Collection[str], to: str) -> None:
    """Block a new address as the person's others are, for the same reason; in the caller's transaction."""
    rows = _newest(list(indexes)).filter(state__in=(State.BLOCKED, State.UNBLOCKED))
    newest: dict[tuple[str, str], Consent] = {}
    for row in sorted(rows, key=lambda one: (one.at, str(one.pk))):
        newest[row.address_index, row.channel] = row
    for row in newest.values():
        if row.state == State.BLOCKED:
            add_lines(
                address_index=to,
                channel=row.channel,
                state=State.BLOCKED,
                source=row.source,
                recorded_by=row.recorded_by,
            )


def _counts_already(
    entries: Sequence[Entry], said: Sequence[Entry], channel: str, purpose: str, state: str, moment: datetime
) -> bool:
    """Return True if a line would change nothing, from those of its address and all that the person said."""
    if state == State.WITHDRAWN:
        # What was said since on another channel, or from another address, may have lifted it.
        places = {row.channel for row in said} if channel == ANY else {channel}
        is_own = has_objected([row for row in entries if row.channel == channel], channel, purpose)
        return is_own and all(has_objected(said, place, purpose) for place in places)
    if state == State.GIVEN:
        newest = latest(entries, (channel,), OF_A_PURPOSE, purpose)
        return newest is not None and newest.state == state and newest.at >= moment
    if state in (State.BLOCKED, State.UNBLOCKED):
        is_so = is_blocked([row for row in entries if row.channel == channel], channel)
        return is_so == (state == State.BLOCKED)
    if state == State.REACHABLE:
        places = {row.channel for row in entries} if channel == ANY else {channel}
        return not any(is_unreachable(entries, place, None) for place in places)
    newest = latest(entries, (channel,), (state,))
    return newest is not None and newest.at >= moment
