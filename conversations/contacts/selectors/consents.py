"""Read the consent ledger, and whose addresses its lines are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from conversations.contacts.points import same_channel
from conversations.models import ContactPoint
from core.actors import Actor
from core.db.rows import get_or_missing
from core.models import Consent
from core.reach import ledger
from core.reach.verdict import ANY, STOPPABLE, Entry, has_objected, is_blocked, is_unreachable

VIEW_CONSENT: Final = "core.view_consent"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What counts for a contact now: blocked by a colleague, opted out of, and where the provider can't reach them."""

    is_blocked: bool
    opt_outs: tuple[tuple[str, str], ...] = ()
    unreachable: tuple[str, ...] = ()


def query_consents(*, viewer: Actor, contact_id: UUID | None = None) -> QuerySet[Consent]:
    """Return the ledger's lines, newest first, with `contact_id` or None. Needs `core.view_consent`."""
    viewer.require(VIEW_CONSENT)
    points = ContactPoint.objects.filter(value_index=OuterRef("address_index"))
    found = Consent.objects.select_related("wording").defer("wording__text")
    rows: QuerySet[Any] = found.annotate(contact_id=Subquery(points.values("contact_id")[:1]))
    if contact_id is not None:
        indexes = ContactPoint.objects.filter(contact_id=contact_id).values("value_index")
        rows = rows.filter(address_index__in=indexes)
    return rows


def get_consent(*, viewer: Actor, consent_id: UUID) -> Consent:
    """Return a line of the ledger. Needs `core.view_consent`; raises `NotFound`."""
    return get_or_missing(query_consents(viewer=viewer).filter(pk=consent_id), "There is no such consent.")


def entries_of_points(
    points: Iterable[ContactPoint], lines: Mapping[str, Sequence[Entry]] | None = None
) -> dict[str, list[Entry]]:
    """Return the lines that count for each address, also from others of the same account.

    One query, none if the lines about each address are given.
    """
    rows = list(points)
    own = ledger.entries_of(point.value_index for point in rows) if lines is None else lines
    found = {index: list(entries) for index, entries in own.items()}
    for point in rows:
        for other in rows:
            is_same = other.origin_id == point.origin_id and other.kind in same_channel(point.kind)
            if is_same and other.value_index != point.value_index:
                said = (entry for entry in own[other.value_index] if entry.state in ledger.OF_A_PURPOSE)
                found[point.value_index].extend(said)
    return found


def wishes_of(points: Iterable[ContactPoint]) -> Wishes:
    """Return what counts now for a contact with these points. One query."""
    lines = list(entries_of_points(points).values())
    places = [(entries, place) for entries in lines for place in {entry.channel for entry in entries}]
    opt_outs = {(place, said) for rows, place in places for said in STOPPABLE if has_objected(rows, place, said)}
    return Wishes(
        is_blocked=any(is_blocked(entries, ANY) for entries in lines),
        opt_outs=tuple(sorted(opt_outs)),
        unreachable=tuple(sorted({place for entries, place in places if is_unreachable(entries, place, None)})),
    )
