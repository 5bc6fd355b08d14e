"""The evidence of one approval: everything about it that an auditor needs, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.models import Membership, Tenant
from accounts.selectors import erased_people, names_of
from core.actors import Actor
from core.audit import anchors, chain
from core.models import AuditEntry
from core.privacy.erasure.person import GONE
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from core.tenancy.scope import current_tenant_id
from hitl.actions import registry
from hitl.approvals.integrity import sealed_columns, seals
from hitl.approvals.integrity.decision_mac import has_original_reason, verify
from hitl.approvals.integrity.verification import find_broken
from hitl.approvals.state.outcomes import digest_of
from hitl.domain.replay import ReplayError, replay
from hitl.evidence.signed_file import plain
from hitl.evidence.verify_evidence import canonical
from hitl.models import Approval, Decision, Execution, Notification, OverrideReview, Revision

ENTRIES: Final = 5000
"""The most audit entries of one approval in an export; newer ones are left out, and it says so."""
NOTIFICATIONS: Final = 1000
_REQUEST: Final = (
    "reference state version kind kind_version revision requester_kind requester_id agent_id conversation_id run_id "
    "channel cost currency reach priority holds compliance_flags excluded superseded_by_id level votes_required "
    "votes_received created_at expires_at execute_by sla_due_at decided_at decided_by_id decided_as moved_at "
    "resolved_at"
).split()
_SAID: Final = ("summary", "preview", "facts", "notes", "custom", "tags")
_TRIES: Final = 5
"""How often a request that moves while it is read is read again."""


@dataclass(frozen=True)
class Evidence:
    """Header and content of the evidence of one approval."""

    header: dict[str, Any]
    content: dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """Who exports, when and how."""

    exporter: Actor
    moment: datetime
    in_clear: bool = False
    broken: str = ""
    """Why the audit log could not be anchored, if it could not."""

    @property
    def mask(self) -> Callable[[Any], Any]:
        """Return what changes the texts of a document for the reader."""
        return (lambda value: value) if self.in_clear else (lambda value: with_texts(value, mask_text))


def collect(approval: Approval, terms: Terms) -> Evidence:
    """Return the evidence of an approval as it is stored. The number of queries is fixed, but for the anchors.

    One that moved since it was read, or meanwhile, is read again: what belongs together was true at one moment.
    """
    for _ in range(_TRIES):
        evidence = _collected(approval, terms)
        now = Approval.objects.get(pk=approval.pk)
        if now.version == approval.version:
            break
        approval = now
    return evidence


def _collected(approval: Approval, terms: Terms) -> Evidence:
    rows = seals.load_rows([approval.pk])[approval.pk]
    revisions = list(Revision.objects.filter(approval=approval).order_by("revision"))
    told = list(Notification.objects.filter(approval=approval).order_by("id")[:NOTIFICATIONS])
    reviews = list(OverrideReview.objects.filter(approval=approval).order_by("id"))
    entries = list(_about(approval).order_by("seq")[:ENTRIES])
    held = anchors.covering([entry.seq for entry in entries])
    mask = terms.mask
    content = {
        "request": _request(approval, mask),
        "digest": {"algorithm": "SHA-256", "value": approval.digest, "canonical": _canonical(approval, mask)},
        "risk": {
            "score": approval.risk_score,
            "level": approval.risk_level,
            "factors": approval.risk_factors,
            "scoring": approval.risk_version,
            "policy": approval.risk_policy,
        },
        "workflow": {"id": approval.workflow_id, "version": approval.workflow_version, "snapshot": approval.snapshot},
        "seal": _seal(approval, mask),
        "assignments": [_row(row, sealed_columns.ASSIGNMENT) for row in rows.assignments],
        "votes": [_vote(row, mask) for row in rows.decisions],
        "revisions": [_revision(row, mask) for row in revisions],
        "executions": [_execution(row, mask) for row in rows.executions],
        "reviews": [_review(row, mask) for row in reviews],
        "notifications": [_notification(row, mask) for row in told],
        "audit": [_entry(entry, held) for entry in entries],
        "anchors": [anchors.as_json(anchor) for anchor in held],
        "findings": {"problems": _problems(approval, rows.decisions, entries, terms)},
        "people": _people(approval, rows, revisions, told, reviews, entries),
    }
    return Evidence(header_of(terms, reference=approval.reference, approval=approval.pk), plain(content))


def header_of(terms: Terms, **more: Any) -> dict[str, Any]:
    """Return who exported what, when, of which organisation and how."""
    exporter = terms.exporter
    organisation = Tenant.objects.only("name").get(pk=current_tenant_id())
    header: dict[str, Any] = plain(
        {
            "installation": settings.PUBLIC_URL,
            "organisation": {"id": organisation.pk, "name": organisation.name},
            "exported_at": terms.moment,
            "exported_by": {
                "person": exporter.user_id,
                "name": names_of([exporter.user_id]).get(exporter.user_id, "") if exporter.user_id else exporter.name,
                "role": exporter.role,
                "by": exporter.kind,
            },
            "personal_data": "in clear" if terms.in_clear else "masked",
            **more,
        }
    )
    return header


def pseudonym(person_id: UUID) -> str:
    """Return how an erased person is named: always the same, and nothing of who it was."""
    return f"Erased person {sha256(person_id.bytes).hexdigest()[:8]}"


def _about(approval: Approval) -> Any:
    return AuditEntry.objects.filter(object_type__in=(seals.REQUEST, seals.RESEALED), object_id=approval.pk)


def _request(approval: Approval, mask: Callable[[Any], Any]) -> dict[str, Any]:
    said = {name: mask(getattr(approval, name)) for name in _SAID}
    payload = mask(approval.payload)
    state = "erased" if approval.payload == GONE else "complete" if payload == approval.payload else "masked"
    kind = registry.get(approval.kind).title if registry.is_known(approval.kind) else approval.kind
    columns = {name: getattr(approval, name) for name in _REQUEST}
    return {**columns, **said, "kind_title": kind, "payload": payload, "payload_state": state}


def _canonical(approval: Approval, mask: Callable[[Any], Any]) -> str | None:
    """Return the bytes that the digest is over, as text; None where a part of them is masked or erased."""
    if approval.payload == GONE or mask(approval.payload) != approval.payload:
        return None
    names = ("revision", "kind", "kind_version", "payload")
    over = {"tenant": approval.tenant_id, "approval": approval.pk, **{name: getattr(approval, name) for name in names}}
    return canonical(plain(over)).decode()


def _seal(approval: Approval, mask: Callable[[Any], Any]) -> dict[str, Any]:
    names = sealed_columns.APPROVAL.always
    if approval.is_open:
        names += sealed_columns.APPROVAL.while_open
    sealed = seals.content_of(approval, names)
    open_names = sealed_columns.APPROVAL.while_open
    withheld = [name for name in open_names if name in sealed and mask(sealed[name]) != sealed[name]]
    shown = {name: value for name, value in sealed.items() if name not in withheld}
    return {"value": approval.seal, "sealed": shown, "withheld": withheld}


def _row(row: Any, columns: sealed_columns.Columns) -> dict[str, Any]:
    return {"sealed": seals.content_of(row, columns.always), "seal": row.seal}


def _vote(row: Decision, mask: Callable[[Any], Any]) -> dict[str, Any]:
    return {"sealed": seals.content_of(row, sealed_columns.DECISION.always), "reason": mask(row.reason)}


def _revision(row: Revision, mask: Callable[[Any], Any]) -> dict[str, Any]:
    names = "revision event person_id actor_kind digest_before risk_before risk_after created_at".split()
    return {**{name: getattr(row, name) for name in names}, "diff": mask(row.diff)}


def _execution(row: Execution, mask: Callable[[Any], Any]) -> dict[str, Any]:
    late = row.late_reports.order_by("id").values("fence", "outcome", "reported_at")
    said = {"result": mask(row.result), "error": mask(row.error), "late_reports": list(late)}
    return {**_row(row, sealed_columns.EXECUTION), **said}


def _review(row: OverrideReview, mask: Callable[[Any], Any]) -> dict[str, Any]:
    names = "revision opened_by_id opened_at closed_by_id closed_at".split()
    return {**{name: getattr(row, name) for name in names}, "finding": mask(row.finding)}


def _notification(row: Notification, mask: Callable[[Any], Any]) -> dict[str, Any]:
    names = (
        "revision level channel recipient_id template status provider provider_message_id created_at sent_at "
        "delivered_at read_at failed_at is_reminder attempts"
    ).split()
    return {**{name: getattr(row, name) for name in names}, "failure_reason": mask(row.failure_reason)}


def _entry(entry: AuditEntry, held: Sequence[Any]) -> dict[str, Any]:
    anchor = next((each for each in held if each.first <= entry.seq <= each.last), None)
    return {
        "entry": chain.content_of(entry),
        "hash": entry.hash,
        "anchor": anchor.number if anchor else None,
        "path": anchors.path_to(anchor, entry.seq) if anchor else [],
    }


def _problems(
    approval: Approval, votes: Sequence[Decision], entries: Sequence[AuditEntry], terms: Terms
) -> list[dict[str, str]]:
    """Return what the installation itself finds wrong, with the keys that an auditor does not have."""
    found = [("audit", terms.broken)] if terms.broken else []
    found += [("seal", what) for what in find_broken([approval]).values()]
    if approval.payload == GONE:
        emptied = Q(object_type="core.erasure", facts__approvals__contains=[str(approval.pk)])
        if not AuditEntry.objects.filter(emptied, action__endswith=".approvals_emptied").exists():
            found.append(("request", "it is gone, and no erasure recorded it"))
    elif digest_of(approval) != approval.digest:
        found.append(("request", "it does not match its digest"))
    for place, vote in enumerate(votes, start=1):
        if not verify(vote):
            found.append((f"votes/{place}", "it was not written by the application"))
        elif vote.reason and not has_original_reason(vote):
            found.append((f"votes/{place}", "its reason was changed"))
    for place, entry in enumerate(entries, start=1):
        if not chain.is_genuine(entry):
            found.append((f"audit/{place}", f"entry {entry.seq} was not written by the application"))
    try:
        replay(entry for entry in entries if entry.object_type == seals.REQUEST)
    except ReplayError as error:
        found.append(("audit", str(error)))
    if len(entries) == ENTRIES:
        found.append(("audit", f"there are more than {ENTRIES} entries; the newest are left out"))
    return [{"item": item, "what": what} for item, what in found]


def _people(
    approval: Approval,
    rows: seals.Rows,
    revisions: Iterable[Revision],
    told: Iterable[Notification],
    reviews: Iterable[OverrideReview],
    entries: Iterable[AuditEntry],
) -> list[dict[str, Any]]:
    """Return everybody who is named by an id, with their name and role now."""
    ids: set[UUID | None] = {approval.requester_id, approval.decided_by_id, approval.assigned_to_id}
    ids |= {*approval.excluded, *(entry.actor_user_id for entry in entries)}
    for assignment in rows.assignments:
        ids |= {assignment.person_id, assignment.rightful_id, assignment.for_person_id}
    for vote in rows.decisions:
        ids |= {vote.person_id, vote.on_behalf_of_id}
    ids |= {row.person_id for row in revisions} | {row.recipient_id for row in told}
    ids |= {person for row in reviews for person in (row.opened_by_id, row.closed_by_id)}
    known = sorted(person for person in ids if person is not None)
    names, erased = names_of(known), erased_people()
    roles = dict(Membership.objects.filter(user_id__in=known, erased_at=None).values_list("user_id", "role"))
    return [
        {
            "id": person,
            "name": pseudonym(person) if person in erased else names.get(person) or "Not a member any more",
            "role_now": roles.get(person, ""),
            "is_erased": person in erased,
        }
        for person in known
    ]
