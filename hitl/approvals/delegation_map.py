"""Who sits in for whom while people are away: bounded chains that cannot go in circles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Final
from uuid import UUID

from core import prepared
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id

LONGEST_CHAIN: Final = 5


@dataclass(frozen=True)
class Link:
    """One lent vote: to whom, by which delegation, and who said so where it was somebody else."""

    to_person: UUID
    delegation_id: UUID
    said_by: UUID | None = None


Links = Mapping[UUID, Link]


def links_at(moment: datetime) -> dict[UUID, Link]:
    """Return the delegations in force at a moment, by the person who is away. One query."""
    return links_of(prepared.exchange([links_call(moment)])[0])


def links_call(moment: datetime) -> Call:
    """Return the query behind `links_at`, to be sent together with others."""
    return Call(_links_statement(), {"tenant": current_tenant_id(), "moment": moment})


def links_of(found: Result) -> dict[UUID, Link]:
    """Return the delegations that `links_call` has found: of a person's several the last one that was made."""
    return {
        giver: Link(to_person, delegation_id, None if said_by == giver else said_by)
        for giver, to_person, delegation_id, said_by in sorted(found.rows, key=itemgetter(2))
    }


@cache
def _links_statement() -> Prepared:
    return prepared.prepared(
        "select from_person_id, to_person_id, id, opened_by_id from hitl_delegation "
        "where tenant_id = $1 and starts_at <= $2 and until > $2 and ended_at is null",
        {"tenant": "uuid", "moment": "timestamptz"},
    )


def trusted(links: Links, excluded: Iterable[UUID]) -> Links:
    """Return the links that may seat somebody on a request: who had a hand in it chooses none of its signers (pure)."""
    hands = set(excluded)
    return {person: link for person, link in links.items() if link.said_by not in hands}


def stand_in(person: UUID, links: Links) -> tuple[UUID, UUID | None]:
    """Return who sits for a person, and by which last link (pure).

    The person himself when nobody does, and when the chain goes in a circle or is too long.
    """
    at, via = person, None
    for _ in range(LONGEST_CHAIN):
        link = links.get(at)
        if link is None:
            return at, via
        at, via = link.to_person, link.delegation_id
        if at == person:
            return person, None
    return (at, via) if at not in links else (person, None)


def with_stand_ins(people: Iterable[UUID], links: Links) -> set[UUID]:
    """Return the people and everybody who sits in for them, however far the chain goes (pure)."""
    found, left = set(), set(people)
    while left:
        person = left.pop()
        found.add(person)
        link = links.get(person)
        if link is not None and link.to_person not in found:
            left.add(link.to_person)
    return found
