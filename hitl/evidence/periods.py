"""Evidence of all requests of a period, written by a worker part by part."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from core.actors import Actor, ActorKind
from core.audit import chain
from core.clock import now as clock_now
from core.db.locks import locked
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.jobs.queues import enqueue_after_commit
from core.tenancy.scope import platform_scope
from hitl.domain.permissions import EXPORT
from hitl.evidence import record, signed_file
from hitl.evidence.export import OBJECT, anchor_all, limit_exports
from hitl.evidence.models import KEPT
from hitl.models import Approval, EvidenceExport, EvidencePart
from hitl.selectors.approvals import VIEW

MOST: Final = 10_000
"""The most requests in one export."""
AT_ONCE: Final = 50
"""Requests in one part, which is written in one transaction."""
STALE: Final = timedelta(minutes=1)
"""After which an export that did not move is taken up again."""
State = EvidenceExport.State


def export_period(*, actor: Actor, since: datetime, until: datetime, now: datetime | None = None) -> EvidenceExport:
    """Start an export of the requests that were made in a period.

    Who may: holders of `hitl.export_evidence` who may view approvals. `until` is not included. Personal data is always
    masked. A worker writes it; its file is kept for seven days. Audit entry `EVIDENCE_PERIOD_REQUESTED`. Raises
    Refused, Invalid (no or more than 10,000 requests, end before begin), TooMany.
    """
    actor.require(EXPORT)
    actor.require(VIEW)
    limit_exports(actor)
    moment = now or clock_now()
    if since >= until:
        raise Invalid("The period ends before it begins.", fields={"until": ["Choose a later day."]})
    total = len(_asked(since, min(until, moment)).values_list("pk")[: MOST + 1])
    if total > MOST:
        say = f"There are more than {MOST:,} requests in this period. Export a shorter one."
        raise Invalid(say, fields={"until": ["Choose an earlier day."]})
    if not total:
        raise Invalid("Nothing was requested in this period.", fields={"since": ["Choose another period."]})
    with transaction.atomic():
        export: EvidenceExport = EvidenceExport.objects.create(
            since=since,
            until=min(until, moment),
            total=total,
            requested_by_id=actor.user_id,
            exporter_kind=actor.kind,
            exporter_role=actor.sealed_role,
            created_at=moment,
            moved_at=moment,
        )
        enqueue_after_commit("write_evidence", export.pk)
        facts = {"since": since.isoformat(), "until": export.until.isoformat(), "requests": total}
        _audit(actor, "EVIDENCE_PERIOD_REQUESTED", export, facts)
    return export


def stop_export(*, actor: Actor, export_id: UUID, now: datetime | None = None) -> EvidenceExport:
    """Stop an export that is being written, and remove what is written.

    Who may: holders of `hitl.export_evidence`. Audit entry `EVIDENCE_PERIOD_STOPPED`. Raises Refused, NotFound,
    Conflict if it is not being written any more.
    """
    actor.require(EXPORT)
    with transaction.atomic():
        export = locked(EvidenceExport, export_id, "This export doesn't exist.")
        if export.state != State.RUNNING:
            raise Conflict("This export isn't being written any more.", state=export.state)
        export.parts.all().delete()
        _set(export, state=State.STOPPED, finished_at=now or clock_now())
        _audit(actor, "EVIDENCE_PERIOD_STOPPED", export, {"written": export.written})
    return export


def query_exports(*, viewer: Actor) -> QuerySet[EvidenceExport]:
    """Return the exports of periods, as a query. Needs `hitl.export_evidence`."""
    viewer.require(EXPORT)
    return EvidenceExport.objects.all()


def get_export(*, viewer: Actor, export_id: UUID) -> EvidenceExport:
    """Return one export. Needs `hitl.export_evidence`. Raises NotFound."""
    return get_or_missing(query_exports(viewer=viewer).filter(pk=export_id), "This export doesn't exist.")


def work_on(export_id: UUID, *, now: datetime | None = None) -> bool:
    """Write the next part of an export; return True if there is more to do.

    For the worker. Two at once do not write the same part: the row is locked, and a second one does nothing.
    """
    moment = now or clock_now()
    broken = anchor_all(moment)
    with transaction.atomic():
        rows = EvidenceExport.objects.select_for_update(skip_locked=True).filter(pk=export_id, state=State.RUNNING)
        export = rows.first()
        if export is None:
            return False
        last = export.parts.order_by("-number").values_list("number", "last_approval").first() or (0, None)
        approvals = _asked(export.since, export.until)
        page = list((approvals.filter(pk__gt=last[1]) if last[1] else approvals)[:AT_ONCE])
        kind: ActorKind = "api_key" if export.exporter_kind == "api_key" else "user"
        exporter = Actor(kind=kind, user_id=export.requested_by_id, role=export.exporter_role)
        if page:
            _write_part(export, last[0] + 1, page, record.Terms(exporter, moment, broken=broken))
            _set(export, moved_at=moment)
            return True
        _finish(export, last[0] + 1, record.Terms(exporter, moment))
    return False


def _asked(since: datetime, until: datetime) -> QuerySet[Approval]:
    return Approval.objects.filter(created_at__gte=since, created_at__lt=until).order_by("pk")


def _write_part(export: EvidenceExport, number: int, page: Sequence[Approval], terms: record.Terms) -> None:
    lines, records = [], []
    for approval in page:
        evidence = record.collect(approval, terms)
        line = signed_file.write("approval", evidence.header, evidence.content)
        people = {person["id"]: person["name"] for person in evidence.content["people"]}
        request = evidence.content["request"]
        lines.append(line + b"\n")
        records.append(
            {
                "reference": approval.reference,
                "approval": str(approval.pk),
                "sha256": hashlib.sha256(line).hexdigest(),
                "kind_title": request["kind_title"],
                "state": request["state"],
                "risk_level": evidence.content["risk"]["level"],
                "created_at": request["created_at"],
                "decided_by": people.get(request["decided_by_id"], ""),
            }
        )
        export.wrong += bool(evidence.content["findings"]["problems"])
    export.written += len(page)
    _store(export, number, b"".join(lines), records, page[-1].pk)


def _finish(export: EvidenceExport, number: int, terms: record.Terms) -> None:
    """Write the list of all records, which is the last line."""
    parts = export.parts.order_by("number").values_list("records", flat=True)
    records = [row for rows in parts for row in rows]
    header = record.header_of(terms, **signed_file.plain({"since": export.since, "until": export.until}))
    line = signed_file.write("period", header, {"records": records})
    _store(export, number, line + b"\n", [], None)
    digest = hashlib.sha256(line).hexdigest()
    _set(export, state=State.DONE, moved_at=terms.moment, finished_at=terms.moment, sha256=digest)
    facts = {"requests": export.written, "wrong": export.wrong, "sha256": digest}
    _audit(terms.exporter, "EVIDENCE_PERIOD_EXPORTED", export, facts)


def _store(export: EvidenceExport, number: int, text: bytes, records: list[dict[str, str]], last: UUID | None) -> None:
    # Packed parts one after the other are one packed file.
    content = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    EvidencePart.objects.create(export=export, number=number, last_approval=last, content=content, records=records)


def _set(export: EvidenceExport, **values: Any) -> None:
    counts = {"written": export.written, "wrong": export.wrong}
    EvidenceExport.objects.filter(pk=export.pk).update(**counts, **values)
    for name, value in values.items():
        setattr(export, name, value)


def _audit(actor: Actor, action: str, export: EvidenceExport, facts: dict[str, Any]) -> None:
    chain.record(actor, action, OBJECT, export.pk, new_state=export.state, facts=facts)


def read_period(*, actor: Actor, export_id: UUID) -> Iterator[bytes]:
    """Return the packed file of an export, part by part.

    Who may: holders of `hitl.export_evidence`. Audit entry `EVIDENCE_PERIOD_READ`. Raises Refused, NotFound, Conflict
    (`not_ready`) while it is written and after it was removed. Read it in the tenant's scope.
    """
    parts = _ready(actor, export_id).parts
    # One by one: a part is large.
    return (_packed(parts.get(number=number)) for number in parts.order_by("number").values_list("number", flat=True))


def read_register(*, actor: Actor, export_id: UUID) -> tuple[dict[str, Any], str]:
    """Return an export's list of requests and its SHA-256; else as `read_period`."""
    export = _ready(actor, export_id)
    last = export.parts.order_by("-number")[0]
    return json.loads(gzip.decompress(_packed(last))), export.sha256


def _ready(actor: Actor, export_id: UUID) -> EvidenceExport:
    actor.require(EXPORT)
    with transaction.atomic():
        export = locked(EvidenceExport, export_id, "This export doesn't exist.")
        if export.state != State.DONE:
            say = {
                State.RUNNING: "This export is still being written.",
                State.STOPPED: "This export was stopped. Start another one.",
            }.get(State(export.state), "The file of this export was removed. Export the period again.")
            raise Conflict(say, code="not_ready", state=export.state)
        _audit(actor, "EVIDENCE_PERIOD_READ", export, {})
    return export


def _packed(part: EvidencePart) -> bytes:
    return base64.b64decode(part.content)


def remove_files(exports: QuerySet[EvidenceExport], *, now: datetime | None = None) -> int:
    """Remove the files of exports; return how many. For the sweep and for erasures."""
    found = list(exports.exclude(state__in=[State.REMOVED, State.STOPPED]).values_list("pk", flat=True))
    # The state first: it waits for a worker that writes a part, and none is written afterwards.
    changed = EvidenceExport.objects.filter(pk__in=found).update(state=State.REMOVED, finished_at=now or clock_now())
    EvidencePart.objects.filter(export_id__in=found).delete()
    return int(changed)


def list_left(*, now: datetime | None = None) -> list[tuple[UUID, UUID]]:
    """Return (tenant, export) whose task was lost or whose worker died."""
    before = (now or clock_now()) - STALE
    with platform_scope():
        rows = EvidenceExport.objects.filter(state=State.RUNNING, moved_at__lt=before).order_by("moved_at")
        return list(rows.values_list("tenant_id", "pk")[:100])


def tenants_with_old_files(*, now: datetime | None = None) -> list[UUID]:
    """Return the tenants that have files older than they are kept. For the sweep."""
    with platform_scope():
        rows = EvidenceExport.objects.filter(state=State.DONE, finished_at__lt=(now or clock_now()) - KEPT)
        return list(rows.order_by().values_list("tenant_id", flat=True).distinct())


def remove_old_files(*, now: datetime | None = None) -> int:
    """Remove the files of the tenant in scope that are older than they are kept."""
    moment = now or clock_now()
    return remove_files(EvidenceExport.objects.filter(state=State.DONE, finished_at__lt=moment - KEPT), now=moment)
