"""The evidence of one approval: everything about it that an auditor needs, as JSON."""

from collections.abc import Callable, Sequence
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
from core.tenancy.scope import current_tenant_id
from hitl.actions import registry
from hitl.approvals.integrity import sealed_columns, seals
from hitl.approvals.integrity.decision_mac import has_original_reason, verify
from hitl.approvals.integrity.verification import find_broken
from hitl.approvals.state.outcomes import digest_of
from hitl.domain.digest import content_of
from hitl.domain.replay import ReplayError, replay
from hitl.evidence.signed_file import plain
from hitl.evidence.verify_evidence import canonical
from hitl.models import Approval, Notification, OverrideReview, Revision

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
_REVISION: Final = "revision event person_id actor_kind digest_before risk_before risk_after created_at".split()
_REVIEW: Final = "revision opened_by_id opened_at closed_by_id closed_at".split()
_NOTIFICATION: Final = (
    "revision level channel recipient_id template status provider provider_message_id created_at sent_at delivered_at "
    "read_at failed_at is_reminder attempts"
).split()
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

    def mask_of(self, approval: Approval) -> Callable[[Any], Any]:
        """Return what changes the texts of a document for the reader."""
        return (lambda value: value) if self.in_clear else approval.masked


def collect(approval: Approval, terms: Terms) -> Evidence:
    """Return the evidence of an approval as it is stored. The number of queries is fixed, but for the anchors.

    One that moved since it was read, or meanwhile, is read again: what belongs together was true at one moment.
    """
    for _ in range(_TRIES):
        evidence = Reading(approval, terms).evidence()
        now = Approval.objects.get(pk=approval.pk)
        if now.version == approval.version:
            break
        approval = now
    return evidence


class Reading:
    """One reading of an approval and its rows, for a reader under these terms."""

    def __init__(self, approval: Approval, terms: Terms) -> None:
        self.approval, self.terms, self.mask = approval, terms, terms.mask_of(approval)
        self.rows = seals.load_rows([approval.pk])[approval.pk]
        self.revisions = list(Revision.objects.filter(approval=approval).order_by("revision"))
        self.told = list(Notification.objects.filter(approval=approval).order_by("id")[:NOTIFICATIONS])
        self.reviews = list(OverrideReview.objects.filter(approval=approval).order_by("id"))
        about = AuditEntry.objects.filter(object_type__in=(seals.REQUEST, seals.RESEALED), object_id=approval.pk)
        self.entries = list(about.order_by("seq")[:ENTRIES])
        self.held = anchors.covering([entry.seq for entry in self.entries])

    def evidence(self) -> Evidence:
        approval, rows = self.approval, self.rows
        content = {
            "request": self.request(),
            "digest": {"algorithm": "SHA-256", "value": approval.digest, "canonical": self.canonical()},
            "risk": {
                "score": approval.risk_score,
                "level": approval.risk_level,
                "factors": approval.risk_factors,
                "scoring": approval.risk_version,
                "policy": approval.risk_policy,
            },
            "workflow": {
                "id": approval.workflow_id,
                "version": approval.workflow_version,
                "snapshot": approval.snapshot,
            },
            "seal": self.seal(),
            "assignments": [_row(row, sealed_columns.ASSIGNMENT) for row in rows.assignments],
            "votes": [
                {"sealed": content_of(row, sealed_columns.DECISION.always), "reason": self.mask(row.reason)}
                for row in rows.decisions
            ],
            "revisions": [self.columns(row, _REVISION, "diff") for row in self.revisions],
            "executions": [
                {
                    **_row(row, sealed_columns.EXECUTION),
                    **self.columns(row, (), "result", "error"),
                    "late_reports": list(row.late_reports.order_by("id").values("fence", "outcome", "reported_at")),
                }
                for row in rows.executions
            ],
            "reviews": [self.columns(row, _REVIEW, "finding") for row in self.reviews],
            "notifications": [self.columns(row, _NOTIFICATION, "failure_reason") for row in self.told],
            "audit": [self.entry(entry) for entry in self.entries],
            "anchors": [anchors.as_json(anchor) for anchor in self.held],
            "findings": {"problems": self.problems()},
            "people": self.people(),
        }
        return Evidence(header_of(self.terms, reference=approval.reference, approval=approval.pk), plain(content))

    def columns(self, row: Any, names: Sequence[str], *masked: str) -> dict[str, Any]:
        """Return columns of a row, some of them as the reader may see them."""
        return {name: getattr(row, name) for name in names} | {name: self.mask(getattr(row, name)) for name in masked}

    def request(self) -> dict[str, Any]:
        """Return the request, and whether its content is complete."""
        approval, payload = self.approval, self.mask(self.approval.payload)
        state = "erased" if approval.payload == GONE else "complete" if payload == approval.payload else "masked"
        kind = registry.get(approval.kind).title if registry.is_known(approval.kind) else approval.kind
        columns = self.columns(approval, _REQUEST, *_SAID)
        return {**columns, "kind_title": kind, "payload": payload, "payload_state": state}

    def canonical(self) -> str | None:
        """Return the bytes that the digest is over, as text; None where a part of them is masked or erased."""
        approval = self.approval
        if approval.payload == GONE or self.mask(approval.payload) != approval.payload:
            return None
        over = self.columns(approval, ("revision", "kind", "kind_version", "payload"))
        return canonical(plain({"tenant": approval.tenant_id, "approval": approval.pk, **over})).decode()

    def seal(self) -> dict[str, Any]:
        """Return the seal of the request, what it is over, and what of that is withheld."""
        names, open_names = sealed_columns.APPROVAL.always, sealed_columns.APPROVAL.while_open
        sealed = content_of(self.approval, names + open_names if self.approval.is_open else names)
        withheld = [name for name in open_names if name in sealed and self.mask(sealed[name]) != sealed[name]]
        shown = {name: value for name, value in sealed.items() if name not in withheld}
        return {"value": self.approval.seal, "sealed": shown, "withheld": withheld}

    def entry(self, entry: AuditEntry) -> dict[str, Any]:
        """Return an audit entry with its path to the anchor that covers it."""
        anchor = next((each for each in self.held if each.first <= entry.seq <= each.last), None)
        return {
            "entry": chain.content_of(entry),
            "hash": entry.hash,
            "anchor": anchor.number if anchor else None,
            "path": anchors.path_to(anchor, entry.seq) if anchor else [],
        }

    def problems(self) -> list[dict[str, str]]:
        """Return what the installation itself finds wrong, with the keys that an auditor does not have."""
        approval, entries = self.approval, self.entries
        found = [("audit", self.terms.broken)] if self.terms.broken else []
        found += [("seal", what) for what in find_broken([approval]).values()]
        if approval.payload == GONE:
            by = ("core.erasure", "core.retentionchoice")
            emptied = Q(object_type__in=by, facts__approvals__contains=[str(approval.pk)])
            if not AuditEntry.objects.filter(emptied, action__endswith=".approvals_emptied").exists():
                found.append(("request", "it is gone, and neither an erasure nor its age explains it"))
        elif digest_of(approval) != approval.digest:
            found.append(("request", "it does not match its digest"))
        for place, vote in enumerate(self.rows.decisions, start=1):
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

    def people(self) -> list[dict[str, Any]]:
        """Return everybody who is named by an id, with their name and role now."""
        approval = self.approval
        ids: set[UUID | None] = {approval.requester_id, approval.decided_by_id, approval.assigned_to_id}
        ids |= {*approval.excluded, *(entry.actor_user_id for entry in self.entries)}
        for assignment in self.rows.assignments:
            ids |= {assignment.person_id, assignment.rightful_id, assignment.for_person_id}
        for vote in self.rows.decisions:
            ids |= {vote.person_id, vote.on_behalf_of_id}
        ids |= {row.person_id for row in self.revisions} | {row.recipient_id for row in self.told}
        ids |= {person for row in self.reviews for person in (row.opened_by_id, row.closed_by_id)}
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


def _row(row: Any, columns: sealed_columns.Columns) -> dict[str, Any]:
    return {"sealed": content_of(row, columns.always), "seal": row.seal}


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
