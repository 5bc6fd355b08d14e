"""Past requests as a simulation reads them: in pages, and only what they were evaluated with."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet

from core.observability.logging import get_logger
from hitl.actions import own_fields, registry
from hitl.domain import risk
from hitl.domain.estimate import Estimate
from hitl.domain.state_machine import State
from hitl.models import Approval, Assignment, Decision
from hitl.policy.limits.rolling_totals import NOT_WANTED

log = get_logger(__name__)
PAGE: Final = 500
LIMIT: Final = 100_000
"""The most requests of one simulation; the newest are taken."""
BEFORE: Final = 50_000
"""The most requests before the range that totals are added up from."""
COLUMNS: Final = (
    "kind payload facts risk_factors cost currency reach requester_id agent_id channel contact_tags field_facts "
    "excluded reference created_at decided_at decided_as decided_role resolved_at state revision level snapshot"
).split()
_SPENT: Final = (State.APPROVED, State.EXECUTING, State.UNKNOWN, State.EXECUTED)


@dataclass(frozen=True)
class Past:
    """A past request with the stored facts of its last revision."""

    pk: UUID
    reference: str
    kind: str
    moment: datetime
    estimate: Estimate
    history: risk.History
    is_scored: bool
    """False if its risk could not be calculated at the time."""
    has_facts: bool
    """False if its change can't be compared any more: it was erased, or its action has changed."""
    agent_id: UUID | None
    requester_id: UUID | None
    channel: str
    tags: tuple[str, ...]
    fields: Mapping[str, str | Decimal]
    """The custom fields that were stored with it; those of older and of erased requests are unknown."""
    excluded: tuple[UUID, ...]
    spent_at: datetime | None
    """When it was approved, if its cost counts under spending limits."""
    dropped_at: datetime | None
    """When it ended without being wanted any more."""
    is_by_rule: bool
    """Whether a rule approved it."""
    levels: tuple[tuple[Mapping[str, Any], datetime, datetime], ...] = field(default=(), repr=False)
    """The levels that people decided: as they were, when each was opened, and its last vote."""

    @property
    def need(self) -> Decimal:
        """Return the amount it uses under spending limits, never negative."""
        return max(Decimal(0), self.estimate.cost or Decimal(0))


def in_range(start: datetime, end: datetime) -> QuerySet[Approval]:
    """Return the requests made in a range, oldest first."""
    return Approval.objects.filter(created_at__gte=start, created_at__lt=end).order_by("created_at", "pk")


def count_up_to(rows: QuerySet[Approval], most: int) -> int:
    """Count rows, at most one more than `most`. One query over an index."""
    return rows.order_by().values("pk")[: most + 1].count()


def start_of_newest(rows: QuerySet[Approval], most: int) -> datetime | None:
    """Return when the oldest of the newest `most` was made, or None if there are no more than that."""
    newest = rows.order_by("-created_at", "-pk").values_list("created_at", flat=True)
    if not newest[most : most + 1]:
        return None
    found: datetime = newest[most - 1 : most][0]
    return found


def pages(rows: QuerySet[Approval], *, with_levels: bool) -> Iterator[list[Past]]:
    """Yield past requests in pages, so that memory stays the same for any number. Up to three queries each."""
    last: Approval | None = None
    while True:
        left = rows
        if last is not None:
            after = Q(created_at__gt=last.created_at) | Q(pk__gt=last.pk)
            left = rows.filter(after, created_at__gte=last.created_at)
        found = list(left.only(*COLUMNS)[:PAGE])
        if not found:
            return
        timed = _decided_levels(found) if with_levels else {}
        yield [_past(row, timed.get(row.pk, ())) for row in found]
        last = found[-1]


def _past(row: Approval, levels: tuple[Any, ...]) -> Past:
    size, has_facts = _size(row)
    is_spent = row.decided_as in ("approved", "overridden") and row.state in _SPENT
    return Past(
        pk=row.pk,
        reference=row.reference,
        kind=row.kind,
        moment=row.created_at,
        estimate=Estimate(row.cost, row.currency, size.share, row.reach, size.objects),
        history=risk.history_from(row.risk_factors),
        is_scored=all(factor.get("name") != "unassessable" for factor in row.risk_factors),
        has_facts=has_facts,
        agent_id=row.agent_id,
        requester_id=row.requester_id,
        channel=row.channel,
        tags=tuple(row.contact_tags),
        fields=own_fields.facts_from(row.field_facts),
        excluded=tuple(row.excluded),
        spent_at=row.decided_at if is_spent else None,
        dropped_at=row.resolved_at if row.state in NOT_WANTED else None,
        is_by_rule=row.decided_role == "rule" and row.decided_as == "approved",
        levels=levels,
    )


def _size(row: Approval) -> tuple[Estimate, bool]:
    """Return the size, of which not everything is stored, and whether it could be calculated."""
    try:
        kind = registry.get(row.kind)
        size = kind.estimate(kind.params_model.model_validate(row.payload), row.facts)
        return Estimate(share=size.share, objects=size.objects), True
    except Exception:  # noqa: BLE001  # boundary: an adapter raises what it likes
        # Contents may have been erased, or the action may have changed.
        log.debug("relative_change_unknown", kind=row.kind)
        return Estimate(), False


def _decided_levels(rows: list[Approval]) -> dict[UUID, tuple[Any, ...]]:
    """Return the levels of the last revisions that people's votes ended. Two queries."""
    ids = [row.pk for row in rows]
    opened = {
        (key, revision, level): at
        for key, revision, level, at in Assignment.objects.filter(approval_id__in=ids)
        .values_list("approval_id", "revision", "level")
        .annotate(Min("opened_at"))
    }
    votes = Decision.objects.filter(approval_id__in=ids, person__isnull=False, verdict__in=("approve", "reject"))
    closed = {
        (key, revision, level): at
        for key, revision, level, at in votes.values_list("approval_id", "revision", "level").annotate(
            Max("created_at")
        )
    }
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        ended = row.level if row.decided_as in ("approved", "rejected") else row.level - 1
        for number, level in enumerate(row.snapshot["levels"][:ended], start=1):
            key = (row.pk, row.revision, number)
            if key in opened and key in closed:
                found.setdefault(row.pk, []).append((level, opened[key], closed[key]))
    return {key: tuple(levels) for key, levels in found.items()}


def estimate(rows: QuerySet[Approval]) -> int:
    """Return about how many rows there are, as the planner estimates it: counting a large table takes too long."""
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return max(LIMIT, int(plan[0]["Plan"]["Plan Rows"]))
