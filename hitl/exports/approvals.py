"""Export the list of approvals as a table or as JSON lines."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from console.names import name_in, names_of
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.privacy.visible_text import visible
from core.reliability.rate_limit import limit_per_hour
from core.tenancy.scope import current_tenant_id
from core.text.tables import FORMATS, Format
from hitl.approvals.state.conflicts import rule_title
from hitl.display import flag_words, requester_words
from hitl.domain.permissions import EXPORT_LIST
from hitl.models import Approval
from hitl.policy.limits.flags import label_flags
from hitl.selectors.approvals import VIEW

MOST: Final = 10_000
"""The most requests in one file."""
AT_ONCE: Final = 500
"""Requests that are read and sent together."""
CUT: Final = (
    f"Only the first {MOST:,} requests of the list are in this file. Narrow the list by filters to export the rest."
)
COLUMNS: Final = (
    *("reference", "kind", "summary", "state", "risk", "cost", "currency", "flags", "requester"),
    *("created_at", "due_at", "decided_at", "decided_by", "outcome"),
)
READ: Final = (
    *("reference", "kind", "summary", "state", "risk_level", "cost", "currency", "compliance_flags"),
    *("requester_id", "requester_kind", "created_at", "sla_due_at", "decided_at", "decided_by_id", "decided_name"),
    *("decided_role", "decided_as", "tenant_id", "people"),
)


@dataclass(frozen=True)
class ListFile:
    """A file of a list, written part by part while it is sent."""

    name: str
    content_type: str
    parts: Iterator[bytes]
    total: int
    is_cut: bool


def export_list(
    *,
    actor: Actor,
    rows: QuerySet[Approval],
    filters: Iterable[str] = (),
    format: Format = "csv",
    now: datetime | None = None,
) -> ListFile:
    """Export a list of approvals in its order, at most 10,000.

    `rows` is the narrowed list; `filters` are the names of what narrows it, for the audit log. Who may: holders of
    `hitl.export_approval` who may view approvals. Summaries are always masked. Audit entry `APPROVALS_EXPORTED`.
    Raises Refused, TooMany. Read the parts in the tenant's scope.
    """
    actor.require(EXPORT_LIST)
    actor.require(VIEW)
    limit_exports(actor)
    ids = list(rows.values_list("pk", flat=True)[: MOST + 1])
    is_cut, ids = len(ids) > MOST, ids[:MOST]
    facts = {"filters": sorted(set(filters)), "format": format, "requests": len(ids), "is_cut": is_cut}
    tenant_id = current_tenant_id()
    with transaction.atomic():
        chain.record(actor, "APPROVALS_EXPORTED", "hitl.approvals", tenant_id, facts=facts)
    shape = FORMATS[format]
    name = f"walker-approvals-{now or clock_now():%Y-%m-%d}.{format}"
    return ListFile(name, shape.content_type, _parts(ids, format, is_cut=is_cut), len(ids), is_cut)


def limit_exports(actor: Actor) -> None:
    """Count an export; raises `TooMany` after `settings.EXPORTS_PER_HOUR` of one person or key."""
    limit = settings.EXPORTS_PER_HOUR
    say = f"You can export lists {limit} times an hour. Try again later."
    limit_per_hour(f"{current_tenant_id()}:list-export:{actor.user_id or actor.id}", limit=limit, sentence=say)


def _parts(ids: Sequence[UUID], format: Format, *, is_cut: bool) -> Iterator[bytes]:
    """Yield the file; each part takes two queries, however many of its requests there are."""
    shape, labels = FORMATS[format], label_flags()
    yield shape.head(COLUMNS)
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        found = Approval.objects.only(*READ).in_bulk(chunk)
        rows = [found[key] for key in chunk if key in found]
        yield b"".join(map(shape.line, lines_of(rows, labels)))
    if is_cut:
        yield shape.note(CUT, COLUMNS)


def lines_of(
    rows: Sequence[Approval], labels: dict[str, str] | None = None, *, in_clear: bool = False
) -> list[dict[str, Any]]:
    """Return the columns of requests that were read with `READ`; `labels` are those of flags. At most two queries."""
    labels = label_flags() if labels is None else labels
    names = names_of(person for row in rows for person in (row.requester_id, row.decided_by_id))
    return [_columns_of(row, names, labels, in_clear=in_clear) for row in rows]


def _columns_of(
    approval: Approval, names: dict[UUID, str], labels: dict[str, str], *, in_clear: bool
) -> dict[str, Any]:
    decided_by = "" if approval.decided_role == "system" else rule_title(approval.decided_name)
    values = (
        approval.reference,
        approval.kind,
        visible(approval.summary if in_clear else approval.masked(approval.summary)),
        approval.state,
        approval.risk_level,
        None if approval.cost is None else str(approval.cost),
        approval.currency,
        flag_words(approval, labels),
        requester_words(approval, names),
        _moment(approval.created_at),
        _moment(approval.sla_due_at),
        _moment(approval.decided_at),
        name_in(names, approval.decided_by_id, otherwise=decided_by),
        approval.decided_as,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _moment(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
