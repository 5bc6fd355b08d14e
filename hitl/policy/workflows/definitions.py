"""The definitions that every request is assessed by: time zone, risk scoring and workflows."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from accounts.selectors import tenant_zone
from core import expressions
from hitl.domain import matching, risk
from hitl.models import ApprovalLevel, ApprovalWorkflow, ComplianceFlag, RiskPolicy


@dataclass(frozen=True)
class Definitions:
    """Time zone, risk scoring, and active workflows with levels and calendars."""

    zone: ZoneInfo
    risk_policy: risk.Policy
    workflows: tuple[ApprovalWorkflow, ...]
    flag_rules: tuple[tuple[str, str], ...] = ()
    """Name and condition of each compliance flag that is set by a rule."""

    @cached_property
    def rules(self) -> list[matching.Rule]:
        """Return the conditions of the workflows. A broken definition raises any error."""
        return [rule_of(workflow) for workflow in self.workflows]

    @cached_property
    def uses_spent(self) -> bool:
        """Return True if a condition asks what the requester requested in a day."""
        rules = [str(row.get("condition") or "") for workflow in self.workflows for row in workflow.auto_rules]
        flags = [condition for _, condition in self.flag_rules]
        matched = [workflow.condition for workflow in self.workflows]
        for text in filter(None, [*rules, *flags, *matched]):
            with suppress(expressions.BadExpression):
                if "spent" in expressions.names_in(expressions.parse(text)):
                    return True
        return False


def load() -> Definitions:
    """Read the definitions of the tenant in scope. Five queries."""
    workflows = ApprovalWorkflow.objects.filter(is_active=True).prefetch_related(with_levels())
    flags = ComplianceFlag.objects.filter(is_active=True).exclude(condition="").order_by("name")
    rules = tuple(flags.values_list("name", "condition"))
    return Definitions(tenant_zone(), risk_policy(), tuple(workflows), rules)


def risk_policy() -> risk.Policy:
    """Return the current risk scoring of the tenant in scope. One query."""
    row = RiskPolicy.objects.order_by("-version").first()
    return risk.Policy() if row is None else risk.Policy(row.version, row.weights, row.kind_points)


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
        strength=sum(level.votes_needed for level in workflow.levels.all()),
    )


def with_levels() -> Prefetch[str]:
    """Return the prefetch of levels with their calendars."""
    return Prefetch("levels", ApprovalLevel.objects.select_related("calendar"))
