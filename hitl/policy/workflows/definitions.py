"""The definitions that every request is assessed by: time zone, risk scoring and workflows."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from core import expressions
from hitl.domain import matching, risk
from hitl.models import Approval, ApprovalLevel, ApprovalWorkflow, ComplianceFlag, RiskPolicy
from hitl.seals.rules import RuleSeals, read_checked
from hitl.seals.tables import CALENDAR, FLAG, LEVEL, RISK, WORKFLOW


@dataclass(frozen=True)
class Definitions:
    """Time zone, risk scoring, and active workflows with levels and calendars."""

    zone: ZoneInfo
    risk_policy: risk.Policy
    workflows: tuple[ApprovalWorkflow, ...]
    flag_rules: tuple[tuple[str, str], ...] = ()
    """Name and condition of each compliance flag that is set by a rule."""
    problem: str = ""
    """What was changed outside the application: no workflow is selected by these, and no risk is scored."""

    @cached_property
    def rules(self) -> list[matching.Rule]:
        """Return the conditions of the workflows. A broken definition raises any error."""
        return [rule_of(workflow) for workflow in self.workflows]

    @cached_property
    def uses_spent(self) -> bool:
        """Return True if a condition asks what the requester requested in a day."""
        flags = [condition for _, condition in self.flag_rules if condition]
        for text in [*flags, *(text for workflow in self.workflows for text in workflow.condition_texts)]:
            with suppress(expressions.BadExpression):
                if "spent" in expressions.names_in(expressions.parse(text)):
                    return True
        return False


def load(seals: RuleSeals | None = None) -> Definitions:
    """Read the definitions of the tenant in scope, with what is wrong with their seals. Six queries."""
    known = seals or RuleSeals()
    return read_checked(known, lambda: _read(known))[0]


def _read(seals: RuleSeals) -> tuple[Definitions, str]:
    workflows = tuple(ApprovalWorkflow.objects.filter(is_active=True).prefetch_related(with_levels()))
    levels = [level for workflow in workflows for level in workflow.levels.all()]
    flags = list(ComplianceFlag.objects.filter(is_active=True).order_by("name"))
    scoring = RiskPolicy.objects.order_by("-version").first()
    problem = (
        _why_not_sealed(seals, {row.pk: row for row in workflows}, levels)
        or seals.problem(FLAG, flags)
        or seals.problem(RISK, [] if scoring is None else [scoring])
        or seals.zone_problem()
    )
    rules = tuple((flag.name, flag.condition) for flag in flags if flag.condition)
    return Definitions(seals.zone, _policy_of(scoring), workflows, rules, problem), problem


def _why_not_sealed(
    seals: RuleSeals,
    workflows: Mapping[UUID, ApprovalWorkflow],
    levels: Collection[ApprovalLevel],
    keys: Collection[UUID] | None = None,
) -> str:
    """Return what was changed of all active workflows, or of `keys`, with their levels and calendars, or ""."""
    calendars = {level.calendar_id: level.calendar for level in levels if level.calendar_id}
    return (
        seals.problem(WORKFLOW, workflows.values(), keys)
        or seals.problem(LEVEL, levels, keys or workflows)
        or seals.problem(CALENDAR, calendars.values(), calendars)
    )


def tampered_workflow(approval: Approval, seals: RuleSeals) -> str:
    """Return what was changed outside the application of the workflow that an approval was matched by. One query.

    A new version that was saved by the application changes nothing: the approval keeps its own.
    """
    keys = [] if approval.workflow_id is None else [approval.workflow_id]

    def read() -> tuple[None, str]:
        levels = list(ApprovalLevel.objects.filter(workflow_id__in=keys).select_related("workflow", "calendar"))
        return None, _why_not_sealed(seals, {level.workflow_id: level.workflow for level in levels}, levels, keys)

    return read_checked(seals, read)[1] if keys else ""


def risk_policy() -> risk.Policy:
    """Return the current risk scoring of the tenant in scope, as it is stored. One query."""
    return _policy_of(RiskPolicy.objects.order_by("-version").first())


def _policy_of(row: RiskPolicy | None) -> risk.Policy:
    return risk.Policy() if row is None else risk.Policy(row.version, row.weights, row.kind_points)


def rule_of(workflow: ApprovalWorkflow) -> matching.Rule:
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
    return Prefetch("levels", ApprovalLevel.objects.select_related("calendar"))
