"""Seal approvals with a keyed MAC over everything that decides them, and find what was changed outside.

Each assignment and execution has a MAC of its own, as each decision has (`decision_mac`). The seal of an
approval covers its columns and the sets of these rows, and its newest audit entry carries the seal.
"""

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from core.actors import Actor
from core.audit import chain
from core.errors import Unavailable
from core.models import AuditEntry
from core.privacy.encryption import current_key_id, derive_key
from hitl.approvals.integrity import sealed_columns
from hitl.approvals.integrity.decision_mac import verify
from hitl.domain.digest import content_of, encode
from hitl.domain.state_machine import OPEN
from hitl.models import Approval, Assignment, Decision, Execution

REQUEST: Final = "hitl.approval"
RESEALED: Final = "hitl.seal"
"""The kind of audit entry of a change without a transition, such as a lease."""
FACT: Final = "seal"
TAMPERED: Final = "tampered"
"""The audit fact of a transition of a request that was not intact: what was changed."""
_SET_CHARACTERS: Final = 24


@dataclass
class Rows:
    """The rows that belong to one approval, of all its revisions."""

    assignments: list[Assignment] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)


def load_rows(ids: Collection[UUID]) -> dict[UUID, Rows]:
    """Read the rows of approvals, in three queries."""
    found = {key: Rows() for key in ids}
    for assignment in Assignment.objects.filter(approval_id__in=ids).order_by("id"):
        found[assignment.approval_id].assignments.append(assignment)
    for decision in Decision.objects.filter(approval_id__in=ids).order_by("id"):
        found[decision.approval_id].decisions.append(decision)
    for execution in Execution.objects.filter(approval_id__in=ids).order_by("id"):
        found[execution.approval_id].executions.append(execution)
    return found


def find_broken(approvals: Sequence[Approval]) -> dict[UUID, str]:
    """Return what was changed outside the application, by approval; intact ones are left out.

    Four queries. The approvals must be as stored, and locked if anything is built on the answer.
    """
    ids = [approval.pk for approval in approvals]
    rows, entries = load_rows(ids), newest_entries(ids)
    broken = {
        approval.pk: first_broken(approval, rows[approval.pk], entries.get(approval.pk)) for approval in approvals
    }
    return {key: what for key, what in broken.items() if what}


def newest_entries(ids: Collection[UUID]) -> dict[UUID, AuditEntry]:
    """Return the newest audit entry that says something of the seal of each approval."""
    return chain.newest_about((REQUEST, RESEALED), ids, facts=(FACT, TAMPERED))


def first_broken(approval: Approval, rows: Rows, entry: AuditEntry | None) -> str:
    """Return the first row that is not as it was sealed, or "" if all are; `entry` is the newest audit entry."""
    if not approval.seal:
        return "the request has no seal"
    for assignment in rows.assignments:
        if not is_row_intact(assignment):
            return f"assignment {assignment.pk} was changed or added"
    for execution in rows.executions:
        if not is_row_intact(execution):
            return f"execution {execution.pk} was changed or added"
    for decision in rows.decisions:
        if not verify(decision):
            return f"decision {decision.pk} was changed or added"
    key_id, mac, sets = _parts(approval.seal)
    for name, was, now in zip(("assignments", "decisions", "executions"), sets, _sets_of(rows), strict=False):
        if was != now:
            return f"one of its {name} was removed, changed or put back"
    if len(sets) != len(_sets_of(rows)) or not _is_mac(mac, approval, key_id, sets):
        return "the request was changed"
    if entry is None or not chain.is_genuine(entry):
        return "its newest audit entry was not written by the application"
    return "" if entry.facts.get(FACT) == mac else "the request is not as its newest audit entry says"


def is_intact(approval: Approval, rows: Rows) -> bool:
    """Return True if the seal fits the stored approval and rows whose own MACs are right."""
    key_id, mac, sets = _parts(approval.seal)
    return sets == _sets_of(rows) and _is_mac(mac, approval, key_id, sets)


def seal_row(row: Assignment | Execution) -> None:
    """Set the MAC of an assignment or execution as it is."""
    key_id = current_key_id()
    row.seal = f"{key_id}:{_row_mac(row, key_id)}"


def is_row_intact(row: Assignment | Execution) -> bool:
    """Return True if this application wrote the assignment or execution exactly so."""
    key_id, _, mac = row.seal.partition(":")
    try:
        return hmac.compare_digest(mac.encode(), _row_mac(row, key_id).encode())
    except Unavailable:  # a key that this installation does not have
        return False


def seal_approval(approval: Approval, rows: Rows) -> None:
    """Set the seal of an approval, as it is stored with rows that have their MACs."""
    key_id, sets = current_key_id(), _sets_of(rows)
    approval.seal = ":".join((key_id, _approval_mac(approval, key_id, sets), *sets))


def mac_of(approval: Approval) -> str:
    """Return the part of a seal that its audit entry carries."""
    return _parts(approval.seal)[1]


def seal_stored(ids: Collection[UUID]) -> list[Approval]:
    """Seal approvals as they are stored; return those whose seal changed.

    The caller holds their locks and has verified them. Six queries at most.
    """
    rows, changed = load_rows(ids), []
    for model, name in ((Assignment, "assignments"), (Execution, "executions")):
        stale = [row for each in rows.values() for row in getattr(each, name) if not is_row_intact(row)]
        for row in stale:
            seal_row(row)
        if stale:
            model.objects.bulk_update(stale, ["seal"])
    for approval in Approval.objects.filter(pk__in=ids).order_by("pk"):
        if not is_intact(approval, rows[approval.pk]):
            seal_approval(approval, rows[approval.pk])
            changed.append(approval)
    if changed:
        Approval.objects.bulk_update(changed, ["seal"])
    return changed


def entry_of(approval: Approval, actor: Actor) -> chain.Fact:
    """Return the audit entry of a seal that comes with no transition."""
    facts = {"version": approval.version, FACT: mac_of(approval)}
    return chain.Fact(actor, "APPROVAL_SEALED", RESEALED, approval.pk, approval.state, approval.state, facts)


def seal_as_stored(ids: Collection[UUID], actor: Actor) -> None:
    """Seal approvals that were written straight into the tables, each with an audit entry, in the tenant's scope.

    For tools that make or change many rows at once. It vouches for all that is stored: never call it for
    rows that somebody else could have changed. Must run in a transaction.
    """
    chain.record_all([entry_of(approval, actor) for approval in seal_stored(ids)])


def _parts(seal: str) -> tuple[str, str, list[str]]:
    key_id, _, rest = seal.partition(":")
    mac, *sets = rest.split(":")
    return key_id, mac, sets


def _sets_of(rows: Rows) -> list[str]:
    """Return a digest of each set of rows; deleted, added and older rows make another one."""
    decisions = [encode(content_of(row, sealed_columns.DECISION.always)) for row in rows.decisions]
    sets = ([row.seal for row in rows.assignments], decisions, [row.seal for row in rows.executions])
    return [hashlib.sha256("\n".join(sorted(each)).encode()).hexdigest()[:_SET_CHARACTERS] for each in sets]


def _is_mac(mac: str, approval: Approval, key_id: str, sets: Sequence[str]) -> bool:
    try:
        return hmac.compare_digest(mac.encode(), _approval_mac(approval, key_id, sets).encode())
    except Unavailable:  # a key that this installation does not have
        return False


def _approval_mac(approval: Approval, key_id: str, sets: Sequence[str]) -> str:
    names = sealed_columns.APPROVAL.always
    if approval.state in OPEN:
        names += sealed_columns.APPROVAL.while_open
    return _mac(approval.tenant_id, key_id, "approval", {**content_of(approval, names), "sets": list(sets)})


def _row_mac(row: Assignment | Execution, key_id: str) -> str:
    table = row._meta.model_name or ""
    columns = sealed_columns.ASSIGNMENT if table == "assignment" else sealed_columns.EXECUTION
    return _mac(row.tenant_id, key_id, table, content_of(row, columns.always))


def _mac(tenant_id: UUID, key_id: str, table: str, content: Mapping[str, Any]) -> str:
    key = derive_key(f"seal|{table}|{tenant_id}", key_id=key_id)
    return hmac.digest(key, encode(content).encode(), "sha256").hex()
