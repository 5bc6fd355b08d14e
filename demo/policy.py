"""Creates a demo organisation's groups, calendar, workflows and spending limit."""

from typing import Any

from accounts.models import User
from demo.cast import Organisation
from demo.people import SEEDER
from hitl.models import ApprovalWorkflow, BusinessCalendar
from hitl.policy.limits.flags import create_flag
from hitl.services import create_calendar, create_cap, create_group, create_workflow

WEEK = {day: [["09:00", "13:00"], ["14:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
HOLIDAYS = [
    {"day": "2026-12-25", "name": "Christmas Day"},
    {"day": "2027-01-01", "name": "New Year"},
]
EDITABLE = ["daily_budget", "title", "description"]
FINANCE_FROM = "cost > 25000"


def ensure_policy(organisation: Organisation, people: dict[str, User]) -> None:
    """Create what is missing. Runs in the organisation's scope."""
    if ApprovalWorkflow.objects.exists():
        return
    calendar = create_calendar(
        actor=SEEDER, name="Office hours", zone=organisation.timezone, week=WEEK, holidays=HOLIDAYS
    )
    _plain_workflows()
    _finance_workflow(people, calendar)
    create_flag(actor=SEEDER, name="large_change", label="Large change", condition="cost > 10000")
    create_cap(actor=SEEDER, scope="all", currency=organisation.currency, amount="100000.00", window="month")


def _role(role: str) -> dict[str, str]:
    return {"type": "role", "value": role}


def _plain_workflows() -> None:
    approver, owner = _role("approver"), _role("owner")
    create_workflow(
        actor=SEEDER,
        name="Every risky action",
        description="Everything else: one approver decides within eight hours.",
        is_default=True,
        notify_by=["email", "slack"],
        allow_override=True,
        levels=[{"name": "Approval", "approvers": [approver, owner], "sla_hours": 8, "editable_fields": EDITABLE}],
    )
    two = {"name": "Two approvals", "mode": "quorum", "quorum": 2, "approvers": [approver, owner], "sla_hours": 4}
    create_workflow(
        actor=SEEDER,
        name="Critical risk",
        description="Critical requests: two people approve within four hours.",
        priority=10,
        risk_levels=["critical"],
        notify_by=["email", "slack"],
        levels=[two],
    )


def _finance_workflow(people: dict[str, User], calendar: BusinessCalendar) -> None:
    leads = create_group(
        actor=SEEDER,
        name="Marketing Leads",
        people=[user.pk for key, user in people.items() if key.startswith("approver")],
    )
    finance = create_group(actor=SEEDER, name="Finance", people=[people["owner"].pk, people["admin"].pk])
    first, second = (_level(group.pk, calendar) for group in (leads, finance))
    create_workflow(
        actor=SEEDER,
        name="Large budgets",
        description="Large budget changes: a marketing lead, then finance. After eight hours the owner is asked, too.",
        priority=20,
        kinds=["set_campaign_budget"],
        condition=FINANCE_FROM,
        notify_by=["email", "slack"],
        levels=[{**first, "name": "Marketing"}, {**second, "name": "Finance"}],
        escalation=[{"after_hours": 8, "add": [_role("owner")]}],
        reminder_every_hours=2,
        reminder_max=3,
    )


def _level(group_id: Any, calendar: BusinessCalendar) -> dict[str, Any]:
    approvers = [{"type": "group", "value": str(group_id)}]
    return {"approvers": approvers, "sla_hours": 4, "calendar_id": calendar.pk, "require_reason": True}
