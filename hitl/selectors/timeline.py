"""The timeline of one approval: its audited transitions with the remarks of people."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.selectors import names_of
from core.actors import Actor
from core.audit import chain
from core.models import AuditEntry
from hitl.models import Decision
from hitl.selectors.approvals import VIEW, get_approval, list_decisions

MOST: Final = 500
FLAGGING: Final = ("flagged", "unflagged")
NameReader = Callable[[Iterable[UUID | None]], Mapping[UUID, str]]


@dataclass(frozen=True)
class TimelineEntry:
    """One event: an audit entry with the remark of the person who caused it."""

    seq: int
    at: datetime
    action: str
    actor: str
    actor_kind: str
    person_id: UUID | None
    role: str
    old_state: str
    new_state: str
    reason: str = ""
    channel: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def history(
    *,
    viewer: Actor,
    approval_id: UUID,
    before: int | None = None,
    limit: int = MOST,
    read_names: NameReader = names_of,
) -> list[TimelineEntry]:
    """Return the newest events of an approval below the number `before`, oldest first.

    Needs `hitl.view_approval`, or that it is shared. Three queries, regardless of the length, and one more if people
    set flags; `read_names` saves a page that has read the members already the third.
    """
    if not viewer.may(VIEW):
        get_approval(viewer=viewer, approval_id=approval_id)
    most = min(limit, MOST + 1)
    entries = chain.chain_of("hitl.approval", approval_id, before=before, limit=most)
    decisions = list(list_decisions(viewer=viewer, approval_id=approval_id))
    if any(row.verdict in FLAGGING for row in decisions):
        # Flags that people set or cleared are no transitions: their entries are read apart.
        actions = [f"APPROVAL_{verdict.upper()}" for verdict in FLAGGING]
        about = AuditEntry.objects.filter(object_type="hitl.seal", object_id=approval_id, action__in=actions)
        entries = sorted(
            [*entries, *list((about if before is None else about.filter(seq__lt=before)).order_by("-seq")[:most])],
            key=lambda entry: entry.seq,
        )[-most:]
    said = _words(decisions)
    names = read_names(entry.actor_user_id for entry in entries)
    told = [_told(entry, names, _remark(said, entry, is_newest=before is None)) for entry in reversed(entries)]
    return told[::-1]


def _words(decisions: Iterable[Decision]) -> dict[tuple[str, UUID | None], list[Decision]]:
    """Group remarks by event and person, in order; entries take them from the newest on."""
    found: dict[tuple[str, UUID | None], list[Decision]] = {}
    for row in decisions:
        found.setdefault((row.verdict, row.person_id), []).append(row)
    return found


def _remark(
    said: dict[tuple[str, UUID | None], list[Decision]], entry: AuditEntry, *, is_newest: bool
) -> Decision | None:
    words = said.get((_event(entry)[:10], entry.actor_user_id), [])
    while words and not is_newest and words[-1].created_at > entry.at:
        words.pop()  # it belongs to a newer page
    return words.pop() if words else None


def _event(entry: AuditEntry) -> str:
    return entry.action.removeprefix("APPROVAL_").lower()


def _told(entry: AuditEntry, names: Mapping[UUID, str], remark: Decision | None) -> TimelineEntry:
    label = names.get(entry.actor_user_id) if entry.actor_user_id else entry.actor_name
    return TimelineEntry(
        seq=entry.seq,
        at=remark.created_at if remark else entry.at,
        action=_event(entry),
        actor=label or entry.actor_kind,
        actor_kind=entry.actor_kind,
        person_id=entry.actor_user_id,
        role=entry.role,
        old_state=entry.old_state,
        new_state=entry.new_state,
        reason=remark.reason if remark else "",
        channel=remark.channel if remark else "",
        facts=entry.facts,
    )
