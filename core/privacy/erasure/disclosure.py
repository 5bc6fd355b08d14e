"""What an export of a person reads: who they are, which rows are theirs, and values without other people's data."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import reduce
from operator import attrgetter, or_
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from core.models import Erasure
from core.privacy.erasure.person import Person, traces_of
from core.privacy.erasure.registry import (
    BATCH,
    Partner,
    Reading,
    Rows,
    Texts,
    among,
    every,
    handlers,
    rows_holding,
    window,
)
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from core.tenancy.models import TenantModel

SAME: Final = "The same again, masked."
DIGEST: Final = "A digest, by which the row is found."
SEALED: Final = "With it others could act in your name."
A_FILE: Final = "A file of the archive."
LINK: Final = re.compile(r"(https?://[^\s/?#\"'<>]+)[/?#][^\s\"'<>]*", re.IGNORECASE)


def person_to_read(subject: str, targets: Mapping[str, Iterable[UUID]]) -> Person:
    """Return a contact or a member with the ids of their rows and the words to find others; nothing is written."""
    person = Person(Erasure(subject_type=subject), {})
    for kind, keys in targets.items():
        person.add(kind, keys)
    for handler in handlers():
        handler.gather(person)
    traces = traces_of(handler.words(person) for handler in handlers())
    return Person(person.erasure, person.targets, tuple(traces["names"]), tuple(traces["addresses"]))


def partners_of(person: Person) -> list[Partner]:
    """Return from where data of a person came and where it went, over all apps."""
    return [partner for handler in handlers() for partner in handler.partners(person)]


def values_of(person: Person, reading: Reading, row: Any, members: Sequence[str]) -> dict[str, Any]:
    """Return what an export shows of a row, without what is empty; other people's data is masked.

    `members` are the names of the organisation's people, which no rule could tell from other words.
    """
    others = tuple(reading.others(person, row)) if reading.others else ()

    def masked(text: str) -> str:
        # Links in mails let people in: nobody who holds the file may follow them.
        return person.but_for_own(lambda part: mask_text(part, others, members), LINK.sub(r"\1/…", text))

    values = {name: attrgetter(name)(row) for name in reading.shown.split()}
    values |= {name: with_texts(attrgetter(name)(row), masked) for name in reading.masked.split()}
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def kept_in_words(reading: Reading, chosen: Mapping[str, int]) -> str:
    """Return for how long rows of a table are kept, in the numbers of the settings and the organisation's own."""

    def number(found: re.Match[str]) -> str:
        value = getattr(settings, found[1])
        return str(value.days if isinstance(value, timedelta) else value)

    days = chosen.get(reading.model)
    aged = f" At the organisation's choice no longer than {days} days." if days else ""
    return re.sub(r"\{([A-Z_]+)\}", number, reading.kept) + aged


def owned(model: type[TenantModel], **whose: str) -> Rows:
    """Return what reads a person's rows: those with one of their ids, by column and the kinds of its ids."""

    def read(person: Person) -> Iterable[Any]:
        found = _is_owned(person, whose)
        return () if found is None else every(model.objects.filter(found))

    return read


def owned_unindexed(model: type[TenantModel], **whose: str) -> Rows:
    """Do the same for columns without an index: the tenant's rows are looked through in windows."""

    def read(person: Person) -> Iterable[Any]:
        found = _is_owned(person, whose)
        return () if found is None else looked_through(model.objects.filter(found))

    return read


def _is_owned(person: Person, whose: Mapping[str, str]) -> Q | None:
    ids = {column: [key for kind in kinds.split() for key in person.ids(kind)] for column, kinds in whose.items()}
    parts = [Q(**{f"{column}__in": keys}) for column, keys in ids.items() if keys]
    return reduce(or_, parts) if parts else None


def looked_through(rows: Any) -> Iterator[Any]:
    """Yield all matches, window by window of the tenant's rows."""
    after, more = "", True
    while more:
        found, after = among(rows, after, BATCH * 10)
        yield from found
        yield None
        more = bool(after)


def holding(texts: Texts, claim: str = "") -> Rows:
    """Return what reads rows with an address of the person, whose ids become the person's of the kind `claim`."""

    def read(person: Person) -> Iterator[Any]:
        after, more = "", True
        while more:
            keys, after = rows_holding(texts, person.addresses, person.is_addressed_in, after, BATCH)
            if claim and keys:
                person.add(claim, keys)
            yield from texts.model.objects.filter(pk__in=keys).order_by("pk") if keys else ()
            yield None
            more = bool(after)

    return read


def saying(model: type[TenantModel], *columns: str) -> Rows:
    """Return what reads rows with an address of the person in encrypted columns, which are opened one by one."""

    def read(person: Person) -> Iterator[Any]:
        after, more = "", bool(person.addresses)
        while more:
            rows, after = window(model.objects.all(), after, BATCH)
            yield from (row for row in rows if person.is_addressed_in([getattr(row, name) for name in columns]))
            yield None
            more = bool(after)

    return read


def each_once(*found: Rows) -> Rows:
    """Return what reads rows that are found in several ways, each once."""

    def read(person: Person) -> Iterator[Any]:
        seen: set[Any] = set()
        for rows in found:
            for row in rows(person):
                if row is None:
                    yield None
                elif row.pk not in seen:
                    seen.add(row.pk)
                    yield row

    return read


def in_pages(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield rows in pages, also empty ones while a reader is still looking, so that a worker can say that it lives."""
    page: list[Any] = []
    for row in rows:
        if row is not None:
            page.append(row)
        if row is None or len(page) == size:
            yield page
            page = []
    yield page
