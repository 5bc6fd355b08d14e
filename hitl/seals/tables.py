"""Declare which rows of the rules are sealed: by which columns, and which rows belong together.

A column that is added later and not empty by default needs `seal_rules --accept` after its migration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from core.tenancy.models import TenantModel
from hitl.models import (
    ApprovalLevel,
    ApprovalWorkflow,
    ApproverGroup,
    BusinessCalendar,
    Cap,
    ComplianceFlag,
    DecisionPolicy,
    GroupMember,
    KillSwitch,
    LinkPolicy,
    RiskPolicy,
)


@dataclass(frozen=True, eq=False)
class SealedTable:
    """One table of rules. All its rows with the same `key` are sealed by one line."""

    model: type[TenantModel]
    title: str
    """What people call a line of it."""
    is_plural: bool = field(default=False, kw_only=True)
    """The title is a plural."""
    columns: tuple[str, ...]
    """Covered by value, besides id and tenant."""
    harmless: Mapping[str, str] = field(default_factory=dict)
    """Not covered: why another value loosens nothing. The threat model lists exactly these."""
    key: str = "id"
    root: type[TenantModel] | None = None
    """The model whose rows it belongs to: a change of one seals these as well."""
    in_force: Mapping[str, Any] = field(default_factory=dict)
    """The rows that are sealed; the others decide nothing and never come back."""
    active: str = ""
    """The column of rows that are read; others are sealed too, because they can come back."""
    is_only_newest: bool = False
    """Of several versions only the newest is read and sealed."""

    @property
    def covered(self) -> tuple[str, ...]:
        return ("id", "tenant_id", *self.columns)

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.filter(**self.in_force)
        return rows.order_by("-version")[:1] if self.is_only_newest else rows.order_by("id")

    def rows_of(self, key: UUID) -> QuerySet[Any]:
        """Return the rows of one line, or the newest version."""
        return self.rows() if self.is_only_newest else self.rows().filter(**{self.key: key})

    def key_of(self, row: Any) -> UUID:
        """Return the key of the line that a row belongs to."""
        key: UUID = getattr(row, self.key)
        return key

    def name(self, key: UUID | str) -> str:
        """Return how a line is named in messages."""
        return f"{self.title} {key}"

    def name_to_people(self, key: UUID) -> str:
        """Return how people know a line: by the name of its row, if it is there and has one. One query at most."""
        if self.is_only_newest:
            return self.title
        rows: QuerySet[Any] = (self.root or self.model).objects.filter(pk=key)
        name = rows.values_list("name", flat=True).first() if self.root or "name" in self.columns else None
        return f"{self.title} “{name}”" if name else self.name(key)


_CREATED: Final = {"created_at": "It is only shown."}
_VERSION: Final = ("version", "reason", "made_by_id", "created_at")
WORKFLOW: Final = SealedTable(
    ApprovalWorkflow,
    "workflow",
    (
        *("name", "is_active", "is_default", "priority", "version", "kinds", "risk_levels", "min_cost", "max_cost"),
        *("currency", "agents", "channels", "contact_tags", "time_window", "condition", "expire_hours"),
        *("execute_within_hours", "auto_rules", "edit_policy", "escalation", "reminder_every_hours", "reminder_max"),
        *("notify_by", "allow_override", "distinct_approvers", "open_per_agent"),
    ),
    harmless={**_CREATED, "description": "It is only shown."},
    active="is_active",
)
LEVEL: Final = SealedTable(
    ApprovalLevel,
    "levels of workflow",
    (
        *("workflow_id", "order", "name", "mode", "quorum", "reject_threshold", "approvers", "sla_hours", "parallel"),
        *("calendar_id", "require_reason", "min_auth", "editable_fields"),
    ),
    key="workflow_id",
    root=ApprovalWorkflow,
    is_plural=True,
)
CALENDAR: Final = SealedTable(
    BusinessCalendar, "calendar", ("name", "zone", "week", "holidays", "version"), harmless=_CREATED
)
GROUP: Final = SealedTable(ApproverGroup, "approver group", ("name", "version"))
MEMBERS: Final = SealedTable(
    GroupMember,
    "members of approver group",
    ("group_id", "user_id"),
    key="group_id",
    root=ApproverGroup,
    is_plural=True,
)
CAP: Final = SealedTable(
    Cap,
    "spending limit",
    ("scope", "target", "currency", "amount", "window", "is_active", "version"),
    harmless=_CREATED,
    in_force={"is_active": True},
)
FLAG: Final = SealedTable(
    ComplianceFlag,
    "compliance flag",
    ("name", "label", "condition", "is_active", "version"),
    harmless=_CREATED,
    in_force={"is_active": True},
)
STOP: Final = SealedTable(
    KillSwitch,
    "emergency stop",
    ("scope", "target", "reason", "activated_by_id", "activated_at"),
    harmless={
        "released_by_id": "It is only shown.",
        "released_at": "A stop is in force until its release is sealed.",
    },
    in_force={"released_at": None},
)
RISK: Final = SealedTable(RiskPolicy, "risk scoring", (*_VERSION, "weights", "kind_points"), is_only_newest=True)
LINKS: Final = SealedTable(LinkPolicy, "setting of email approvals", (*_VERSION, "is_on"), is_only_newest=True)
DECISIONS: Final = SealedTable(
    DecisionPolicy, "decision settings", (*_VERSION, "undo_seconds", "batch_risk"), is_only_newest=True, is_plural=True
)
TABLES: Final = (WORKFLOW, LEVEL, CALENDAR, GROUP, MEMBERS, CAP, FLAG, STOP, RISK, LINKS, DECISIONS)


def tables_of(model: type[TenantModel]) -> list[SealedTable]:
    """Return the table of a model, and those whose rows belong to its rows."""
    return [table for table in TABLES if model in (table.model, table.root)]
