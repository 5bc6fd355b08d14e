"""The definitions of a tenant that every request reads, kept by each process as long as they stand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Prefetch
from pydantic_core import from_json

from accounts.selectors import tenant_zone
from core import prepared
from core.prepared import Call, Prepared, Result
from core.tenancy.scope import current_tenant_id
from hitl.domain import matching, risk
from hitl.models import ApprovalLevel, ApprovalWorkflow, RiskPolicy
from hitl.policy.snapshot import frozen

KEPT: Final = 256
"""Of how many tenants a process keeps the definitions."""


@dataclass(frozen=True)
class Rulebook:
    """Time zone, weights of risk, and active workflows with levels and calendars; never changed in place."""

    zone: ZoneInfo
    policy: risk.Policy
    workflows: tuple[ApprovalWorkflow, ...]
    _frozen: dict[UUID, str] = field(default_factory=dict)

    @cached_property
    def rules(self) -> list[matching.Rule]:
        """The conditions of the workflows. Raises what a broken definition brings."""
        return [rule_of(workflow) for workflow in self.workflows]

    def freeze(self, workflow: ApprovalWorkflow) -> dict[str, Any]:
        """Return the copy of one of the workflows that a request keeps for its whole life."""
        text = self._frozen.get(workflow.pk)
        if text is None:
            text = self._frozen[workflow.pk] = frozen(workflow)
        copied: dict[str, Any] = from_json(text)
        return copied


# A new version of a row has another writer or, within one transaction, another place. In no certain order: where it is
# another, all is read again.
_MARK: Final = """
select string_agg(concat_ws('.', id, xmin, ctid), ',') from (
  select id, xmin, ctid from accounts_tenant where id = $1
  union all select id, xmin, ctid from hitl_approvalworkflow where tenant_id = $1 and is_active
  union all select id, xmin, ctid from hitl_approvallevel where tenant_id = $1
  union all select id, xmin, ctid from hitl_businesscalendar where tenant_id = $1
  union all select id, xmin, ctid from hitl_riskpolicy where tenant_id = $1
) as definition
"""

_kept: OrderedDict[UUID, tuple[str, Rulebook]] = OrderedDict()


def current() -> Rulebook:
    """Return the definitions of the tenant in scope as they are now. One query when nothing has changed."""
    return as_marked(prepared.exchange([mark_call()])[0])


def mark_call() -> Call:
    """Return the query for the mark of the definitions, to be sent together with others.

    The mark names the very versions of the rows: whoever writes one, in whatever process, changes
    it with his commit.
    """
    return Call(_mark_statement(), {"tenant": current_tenant_id()})


def as_marked(found: Result) -> Rulebook:
    """Return the definitions as `mark_call` has just found them, read again where they are not those that are kept."""
    tenant_id = current_tenant_id()
    mark = "" if found.first is None else found.first[0]
    known = _kept.get(tenant_id)
    if known is not None and known[0] == mark:
        return known[1]
    # Read after the mark: what changes in between is read again the next time.
    book = _read()
    _kept[tenant_id] = mark, book
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return book


def rule_of(workflow: ApprovalWorkflow) -> matching.Rule:
    """Return the conditions of a workflow."""
    return matching.Rule(
        workflow_id=workflow.pk,
        priority=workflow.priority,
        kinds=tuple(workflow.kinds),
        risk_levels=tuple(workflow.risk_levels),
        min_cost=workflow.min_cost,
        max_cost=workflow.max_cost,
        currency=workflow.currency,
        agents=tuple(str(agent) for agent in workflow.agents),
        channels=tuple(workflow.channels),
        contact_tags=tuple(workflow.contact_tags),
        time_window=workflow.time_window,
        condition=workflow.condition,
        is_default=workflow.is_default,
        strength=sum(_votes_needed(level) for level in workflow.levels.all()),
    )


def _votes_needed(level: ApprovalLevel) -> int:
    rows = len(level.approvers)
    return {"any": 1, "quorum": level.quorum, "all": max(2, rows), "per_group": rows}.get(level.mode, 1)


def with_levels() -> Prefetch[str]:
    """Return how levels are read together with their calendars."""
    return Prefetch("levels", ApprovalLevel.objects.select_related("calendar"))


def _read() -> Rulebook:
    row = RiskPolicy.objects.order_by("-version").first()
    policy = risk.Policy() if row is None else risk.Policy(row.version, row.weights, row.kind_points)
    workflows = ApprovalWorkflow.objects.filter(is_active=True).prefetch_related(with_levels())
    return Rulebook(tenant_zone(), policy, tuple(workflows))


@cache
def _mark_statement() -> Prepared:
    return prepared.prepared(_MARK, {"tenant": "uuid"})
