"""Export the evidence of one approval."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.privacy.reveals import REVEALABLES, Revealable, require_grant, reveal
from core.actors import Actor
from core.audit import anchors, chain
from core.clock import now as clock_now
from core.reliability.rate_limit import limit_per_hour
from core.tenancy.scope import current_tenant_id
from hitl.domain.permissions import EXPORT
from hitl.evidence import page, record, signed_file
from hitl.selectors import approvals as selectors
from hitl.selectors.approvals import VIEW

Format = Literal["json", "html"]
TYPES: Final[dict[Format, str]] = {"json": "application/json", "html": "text/html; charset=utf-8"}
OBJECT: Final = "hitl.evidence"
"""The kind of audit entries of exports and reveals: those of the approval itself are its transitions only."""
FIELD: Final = "request"


class RevealableApproval(Revealable):
    """What is requested, with the texts around it."""

    object_type: ClassVar[str] = OBJECT
    fields: ClassVar[tuple[str, ...]] = (FIELD,)

    @classmethod
    def require(cls, *, viewer: Actor, object_id: UUID) -> None:
        """Raise `NotFound` or `Refused` unless the viewer may see the approval."""
        selectors.get_approval(viewer=viewer, approval_id=object_id)


REVEALABLES.register("approval", RevealableApproval)


@dataclass(frozen=True)
class File:
    """An exported file."""

    name: str
    content: bytes
    content_type: str


def export_approval(
    *,
    actor: Actor,
    approval_id: UUID,
    format: Format = "json",
    in_clear: bool = False,
    reason: str = "",
    now: datetime | None = None,
) -> File:
    """Export the signed evidence of an approval.

    As JSON to verify, or as a page to read and print. Who may: holders of `hitl.export_evidence` who may view
    approvals. Personal data is masked; with `in_clear` it is shown to people who may see it and have an open reveal
    of the approval, and a `reason` opens one. Audit entry `EVIDENCE_EXPORTED`. Raises Refused, NotFound, Invalid
    (short reason), TooMany. Call it outside a transaction.
    """
    actor.require(EXPORT)
    actor.require(VIEW)
    limit_exports(actor)
    approval = selectors.get_approval(viewer=actor, approval_id=approval_id)
    moment = now or clock_now()
    kind = RevealableApproval.object_type
    if in_clear and reason.strip():
        reveal(actor=actor, object_type=kind, object_id=approval.pk, fields=[FIELD], reason=reason, now=moment)
    if in_clear:
        require_grant(actor=actor, object_type=kind, object_id=approval.pk, field=FIELD)
    terms = record.Terms(actor, moment, in_clear, anchor_all(moment))
    with transaction.atomic():
        evidence = record.collect(approval, terms)
        content = signed_file.write("approval", evidence.header, evidence.content)
        digest = hashlib.sha256(content).hexdigest()
        facts = {"reference": approval.reference, "sha256": digest, "format": format, "in_clear": in_clear}
        chain.record(actor, "EVIDENCE_EXPORTED", OBJECT, approval.pk, facts=facts)
    if format == "html":
        content = page.render(json.loads(content), digest).encode()
    return File(f"walker-evidence-{approval.reference}.{format}", content, TYPES[format])


def anchor_all(moment: datetime) -> str:
    """Anchor every audit entry, so that each can be proven; return why that is not possible, or ""."""
    try:
        anchors.extend(now=moment)
    except anchors.BrokenChain as error:
        return str(error)
    return ""


def limit_exports(actor: Actor) -> None:
    """Count an export; raises `TooMany` after `settings.EVIDENCE_PER_HOUR` of one person or key."""
    limit = settings.EVIDENCE_PER_HOUR
    say = f"You can export evidence {limit} times an hour. Export a period instead, or try again later."
    limit_per_hour(f"{current_tenant_id()}:evidence:{actor.user_id or actor.id}", limit=limit, sentence=say)
