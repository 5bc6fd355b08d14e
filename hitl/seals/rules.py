"""Seal the rules of a tenant in its audit chain, and find what was changed outside the application.

The newest entry `RULES_SEALED` holds a digest of every line of rules in force. The key, the order and the proof
against replaced and removed lines are those of the chain: the application's role can only append to it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from accounts.selectors import tenant_zone_name
from core.actors import Actor
from core.audit import chain
from core.db.locks import advisory_lock
from core.errors import Conflict
from core.models import AuditEntry
from core.observability.logging import get_logger
from core.tenancy.models import TenantModel
from core.tenancy.scope import current_tenant_id
from hitl.domain.digest import content_of, encode
from hitl.models import GlobalKillSwitch
from hitl.seals.tables import TABLES, SealedTable, tables_of

log = get_logger(__name__)
RULES: Final = "hitl.rules"
SEALED: Final = "RULES_SEALED"
INSTALLATION: Final = "hitl.globalkillswitch"
ACTIVATED: Final = "KILLSWITCH_ACTIVATED"
RELEASED: Final = "KILLSWITCH_RELEASED"
LOCK: Final = "sealed rules"
FORGED: Final = "the newest seal of the rules was not written by the application"
CHANGED: Final = "Can't save: {} changed outside Walker. Ask the operator to check {} and run seal_rules."
ZONE: Final = "zone"
"""The line of the organisation's time zone: days and months of limits, and times of workflows, are in it."""
_DIGEST_CHARACTERS: Final = 32
_RETIRED: Final = "-"
"""Ends the digest of a line whose rows are not read now."""
T = TypeVar("T")
Line = tuple[type[TenantModel], UUID]


class RuleSeals:
    """The seals of the tenant in scope, read when they are first needed. One query."""

    @cached_property
    def _entries(self) -> list[AuditEntry]:
        sealed = AuditEntry.objects.filter(object_type=RULES, object_id=current_tenant_id()).order_by("-seq")[:1]
        stops = AuditEntry.objects.filter(object_type=INSTALLATION).order_by("object_id", "-seq").distinct("object_id")
        return list(sealed.union(stops, all=True))

    @cached_property
    def _sealed(self) -> AuditEntry | None:
        return next((entry for entry in self._entries if entry.object_type == RULES), None)

    @cached_property
    def forged(self) -> str:
        """Return why no line can be trusted, or ""."""
        return "" if self._sealed is None or chain.is_genuine(self._sealed) else FORGED

    @cached_property
    def _zone(self) -> tuple[ZoneInfo, str]:
        name = tenant_zone_name()
        try:
            return ZoneInfo(name), _digest(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder, such as Europe
            return ZoneInfo("UTC"), ""  # no seal has it

    @property
    def zone(self) -> ZoneInfo:
        """Return the organisation's time zone, UTC if what is stored is none: ask `zone_problem` first. One query."""
        return self._zone[0]

    @property
    def lines(self) -> Mapping[str, str]:
        """Return the digest of each sealed line; none before rules were first sealed, and none of a forged entry."""
        lines: dict[str, str] = {} if self._sealed is None or self.forged else self._sealed.facts["lines"]
        return lines

    def genuine(self) -> "RuleSeals":
        """Return the newest seals that the application wrote: to tell what was changed around a forged entry."""
        if not self.forged:
            return self
        written = AuditEntry.objects.filter(object_type=RULES, object_id=current_tenant_id()).order_by("-seq")
        seals = RuleSeals()
        seals.__dict__["_sealed"] = next((entry for entry in written.iterator() if chain.is_genuine(entry)), None)
        return seals

    @property
    def sealed_at(self) -> datetime | None:
        return None if self._sealed is None else self._sealed.at

    def read_again(self) -> None:
        """Wait for a change of the rules that is about to commit, and forget what was read before it."""
        advisory_lock(LOCK, shared=True)
        for name in ("_entries", "_sealed", "forged", "_zone"):
            self.__dict__.pop(name, None)

    def keys_of(self, table: SealedTable) -> set[UUID]:
        return {UUID(key) for key in _lines_of(table, self.lines)}

    def broken(self, table: SealedTable, rows: Iterable[Any], keys: Collection[UUID] | None = None) -> dict[UUID, str]:
        """Return what was changed, by the key of its line.

        `rows` are all rows of these lines; without `keys`, all rows of the table that are read when it is asked.
        """
        sealed = {UUID(key): digest for key, digest in _lines_of(table, self.lines).items()}
        if keys is None:
            sealed = {key: digest for key, digest in sealed.items() if not digest.endswith(_RETIRED)}
        else:
            sealed = {key: sealed[key] for key in keys if key in sealed}
        stored = _digests(table, rows)
        if self.forged:
            return dict.fromkeys(stored.keys() | (set(keys or ())), self.forged)
        return {
            key: "removed" if key not in stored else "changed" if key in sealed else "added"
            for key in sorted(stored.keys() | sealed.keys())
            if stored.get(key) != sealed.get(key)
        }

    def problem(self, table: SealedTable, rows: Iterable[Any], keys: Collection[UUID] | None = None) -> str:
        """Return the first thing that `broken` finds, or why nothing can be trusted, or ""."""
        broken = self.broken(table, rows, keys)
        return self.forged or next((f"{table.name_to_people(key)} ({what})" for key, what in broken.items()), "")

    def zone_problem(self) -> str:
        """Return whether the organisation's time zone was changed, or "": also before a real one was first sealed."""
        stored = self._zone[1]
        return "" if stored and self.lines.get(ZONE, stored) == stored else "time zone (changed)"

    def stops_everywhere(self) -> dict[UUID, datetime]:
        """Return the stops of the installation that this chain says are in force, and since when.

        An entry that the application did not write releases nothing.
        """
        about = [entry for entry in self._entries if entry.object_type == INSTALLATION]
        return {entry.object_id: entry.at for entry in about if entry.action != RELEASED or not chain.is_genuine(entry)}


def read_checked(seals: RuleSeals, read: Callable[[], tuple[T, str]]) -> tuple[T, str]:
    """Return the rows and what is wrong with their seals, "" if nothing is.

    A change that commits between the two reads looks like one by another hand, so a problem is looked at twice.
    """
    found, problem = read()
    if problem:
        seals.read_again()
        found, problem = read()
        if problem:
            log.error("rules_tampered", what=problem)
    return found, problem


def lock_intact(actor: Actor, *lines: Line) -> None:
    """Lock the rules until the commit; first of all locks. Raises Conflict (`tampered`).

    The change of a row that somebody else has changed would vouch for what they wrote.
    """
    advisory_lock(LOCK)
    seals = RuleSeals()
    for model, key in lines:
        for table in tables_of(model):
            if seals.problem(table, table.rows_of(key), [key]):
                name = table.name_to_people(key)
                said = (f"{name} were", "them") if table.is_plural else (f"{name} was", "it")
                raise Conflict(CHANGED.format(*said), code="tampered", id=str(key))


def note(
    actor: Actor,
    action: str,
    row: TenantModel,
    *others: Line,
    old_state: str = "",
    new_state: str = "",
    **facts: Any,
) -> None:
    """Seal a row of the rules, and `others`, as they are stored, and append the audit entry of the change.

    The last statement before the commit, as `chain.record`. Nothing is sealed after a forged entry.
    """
    advisory_lock(LOCK)
    seals, told = RuleSeals(), [chain.Fact(actor, action, row._meta.label_lower, row.pk, old_state, new_state, facts)]
    if seals.forged:
        log.error("rules_tampered", what=seals.forged)
    else:
        told.insert(0, _entry(actor, _with_stored(seals.lines, [(type(row), row.pk), *others])))
    chain.record_all(told)


def lock_zone(actor: Actor) -> None:
    """Lock the rules until the commit, for a change of the time zone; first of all locks. Raises Conflict (`tampered`).

    Nothing is sealed after a forged entry, so the time zone isn't changed then.
    """
    lock_intact(actor)
    seals = RuleSeals()
    if seals.forged or seals.zone_problem():
        raise Conflict(CHANGED.format("The time zone or the rules were", "them"), code="tampered")


def seal_zone(actor: Actor) -> list[chain.Fact]:
    """Return the entry that seals the time zone as it is stored, with all other lines as they are sealed."""
    return [_entry(actor, {**RuleSeals().lines, ZONE: _digest(tenant_zone_name())})]


def find_broken(seals: RuleSeals) -> dict[str, str]:
    """Return in all sealed tables what happened outside the application to which line, by its name.

    After a forged entry, since the newest one that the application wrote.
    """
    found: dict[str, str] = {}
    seals = seals.genuine()
    for table in TABLES:
        keys = None if table.is_only_newest else seals.keys_of(table) | {table.key_of(row) for row in table.rows()}
        found |= {
            table.name(key): f"{what} outside the application"
            for key, what in seals.broken(table, table.rows(), keys).items()
        }
    return found | ({"time zone": "changed outside the application"} if seals.zone_problem() else {})


def find_released_outside(seals: RuleSeals) -> list[UUID]:
    """Return the stops of the installation that are not in force in the table, but in the tenant's audit chain."""
    active = set(GlobalKillSwitch.objects.filter(released_at=None).values_list("pk", flat=True))
    return sorted(seals.stops_everywhere().keys() - active)


def seal_as_stored(actor: Actor) -> None:
    """Seal all rules of the tenant as they are stored.

    For the operator's command, and tools that write rows straight into the tables: it vouches for all that is stored.
    Must run in a transaction.
    """
    advisory_lock(LOCK)
    seals = RuleSeals()
    changed, told = sorted(find_broken(seals)), []
    if changed or seals.forged:
        lines: dict[str, str] = {}
        for table in TABLES:
            lines |= _stored_lines(table, table.rows())
        told.append(_entry(actor, lines, accepted=changed))
    for key in find_released_outside(seals):
        facts = {"scope": "installation", "accepted": True}
        told.append(chain.Fact(actor, RELEASED, INSTALLATION, key, new_state="released", facts=facts))
    chain.record_all(told)


def _entry(actor: Actor, lines: Mapping[str, str], **facts: Any) -> chain.Fact:
    first = {} if ZONE in lines else {ZONE: _digest(tenant_zone_name())}
    return chain.Fact(actor, SEALED, RULES, current_tenant_id(), facts={"lines": {**first, **lines}, **facts})


def _with_stored(lines: Mapping[str, str], changed: Sequence[Line]) -> dict[str, str]:
    found = dict(lines)
    for model, key in changed:
        for table in tables_of(model):
            for old in _lines_of(table, found) if table.is_only_newest else [str(key)]:
                found.pop(_line(table, old), None)
            found |= _stored_lines(table, table.rows_of(key))
    return found


def _stored_lines(table: SealedTable, rows: Iterable[Any]) -> dict[str, str]:
    return {_line(table, key): digest for key, digest in _digests(table, rows).items()}


def _digests(table: SealedTable, rows: Iterable[Any]) -> dict[UUID, str]:
    contents: dict[UUID, list[str]] = {}
    ends: dict[UUID, str] = {}
    for row in rows:
        key = table.key_of(row)
        contents.setdefault(key, []).append(encode(content_of(row, table.covered)))
        ends[key] = _RETIRED if table.active and not getattr(row, table.active) else ""
    return {key: _digest("\n".join(sorted(rows))) + ends[key] for key, rows in contents.items()}


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _lines_of(table: SealedTable, lines: Mapping[str, str]) -> dict[str, str]:
    start = _line(table, "")
    return {name.removeprefix(start): digest for name, digest in lines.items() if name.startswith(start)}


def _line(table: SealedTable, key: object) -> str:
    return f"{table.model._meta.model_name}:{key}"
